"""Fitting style networks: recipe, data, losses, the loop, from a painting to a pack."""
