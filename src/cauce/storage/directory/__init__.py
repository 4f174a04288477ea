"""Organizations, people and keys: what decides whose rows a caller may see.

Its tables are exempt from row-level security because they are read before the organization is known; every
statement here names the organization or a secret's hash. An organization is live or a sandbox for life.
"""
