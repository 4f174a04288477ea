"""One module a page: what it reads, what it shows, which forms it takes."""
