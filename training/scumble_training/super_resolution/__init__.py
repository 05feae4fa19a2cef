"""Training of super-resolution networks: pairs of small and large patches, one loop, recipes."""
