"""Who owes us what, and what they may use: the slices of the subscription half. They never import each other."""
