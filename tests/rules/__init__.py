"""Tables and properties of the pure rules: no database, no network."""
