"""Messages that follow the state of the bill: planning steps, sending, help desks, product events, automations."""
