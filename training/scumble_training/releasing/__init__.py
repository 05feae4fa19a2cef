"""Making the packs that ship with Scumble."""
