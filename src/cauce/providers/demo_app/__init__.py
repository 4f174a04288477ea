"""Instances of a small web application on this machine, so that a demo has something to sell."""
