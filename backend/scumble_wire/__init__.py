"""The contract between the editors and the backend: messages, their encoding, and the road they travel.

Standard library and msgpack only. Both plugins carry a copy of this package, byte for byte.
"""
