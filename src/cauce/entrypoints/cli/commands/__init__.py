"""The commands, one module each; see `registry` for what a module must have."""
