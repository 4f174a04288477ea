"""The terminal's door: the command `cauce`, the only place that prints."""
