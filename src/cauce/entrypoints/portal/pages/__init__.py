"""One module a page of the portal; each has `routes`."""
