"""What console and portal share: templates, texts in three languages, sessions, charts, and a strict policy for browsers.

Pages are rendered on the server and work without JavaScript; htmx makes lists and forms smoother where it runs.
Every text stands in `texts/<locale>.json` under one key in all languages; every amount and date goes through Babel.
"""
