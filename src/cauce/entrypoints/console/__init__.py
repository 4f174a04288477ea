"""The operator's door: pages rendered on the server for whoever runs the business.

One module a page under `pages/`, each with its routes; texts in `entrypoints.web.texts`. A page reads through
reports and acts through flows, exactly as the REST door does.
"""
