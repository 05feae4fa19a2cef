"""Training of the light style network: a base with many styles, and styles on a base that stays as it is."""
