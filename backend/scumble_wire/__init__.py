"""The contract between the editors and the backend: messages, their encoding, and the road they travel.

Standard library and msgpack only. Both plugins carry a copy of this package, byte for byte.
"""

#: Scumble's version, the only place that says it: wheel, installer, backend and both plugins read it here.
__version__ = "0.1.0"
