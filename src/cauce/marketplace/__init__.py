"""Whose money it is, who holds it, when it may move: the slices of the settlement half. They never import each other."""
