"""Properties: generated programs against small pure models."""
