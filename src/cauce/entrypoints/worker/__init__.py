"""The door of time: a loop that runs jobs, sweeps due rows and relays events until it is told to stop."""
