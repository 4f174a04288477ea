"""The demo application itself: what a customer of the demo sells or buys. It stands alone and imports nothing of Cauce."""
