"""The one series of database migrations, `NNNN_verb_noun.sql`, applied by `storage.migrations`, forward only.

`schema.sql` is the dump of the database that they make, kept by a test, for readers.
"""
