"""The `scumble` command, the top floor: it imports backend and training, and neither imports it."""
