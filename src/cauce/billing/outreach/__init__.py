"""Messages that follow the state of the bill: campaigns, templates, stop rules, quiet hours, consent, automations.

A step is sent at most once to a person; the state is read again at the moment of sending; without consent only
service messages go out. A message is a row before it leaves; one that may have left is never sent again.
"""
