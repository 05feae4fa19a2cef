"""What paints: the worker that owns the device, pixels, tiles, and the effects. Torch is imported here alone."""
