"""What every provider folder is made with: transport, sealed cache, redaction, the simulators' engine, the sandbox.

`transport` makes one HTTP exchange and writes it to the exchange log; `cache` keeps small secrets of a channel;
`registry` finds the folders; `simulator` is the engine that vendors' stand-ins share; `sandbox` serves them in one
process and `control` steers them; `new_provider` writes the first draft of a folder.
"""
