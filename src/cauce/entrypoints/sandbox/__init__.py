"""The simulators' door: serves every vendor's stand-in on this machine."""
