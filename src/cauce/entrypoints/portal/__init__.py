"""The customers' and merchants' door: hosted pages, checkout, self-service, the embed script."""
