"""Picture files: reading, writing, depth, profiles. What a file says is kept; what can't be is told."""
