"""Double entry in two books: what the holder of the money says each party owns, and what is the platform's own.

A journal is one business event; its entries sum to zero per book, channel and currency; journals and entries are never
changed, only reversed. Only the fee sweep touches both books. `post` is the one way in; `recipes` holds every money
movement of the product as a pure function.
"""
