"""What a procedure can't do, in words."""

from __future__ import annotations

from scumble_wire.errors import ScumbleError


class WrongArgument(ScumbleError):
    """A script gave a value that can't be used."""

    code = "wrong_argument"


class LayerRefused(ScumbleError):
    """A layer that can't be painted as asked; nothing was changed."""

    code = "layer_refused"
