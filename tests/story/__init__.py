"""The acceptance story, played in a browser by `make story`."""
