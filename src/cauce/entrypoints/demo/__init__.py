"""`cauce demo`: the main job, played on a sandbox organization with a frozen clock, told in plain words.

Everything is the product: its database, its web server, its worker, the vendors' simulators over real HTTP. The
stories only do what a founder, a customer or a payer would do, move the clock, and read the books.
"""
