"""Style packs: the format, the store they lie in, signatures, downloads, and foreign networks. No torch on import."""
