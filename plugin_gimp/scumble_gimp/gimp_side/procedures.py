"""The procedures that GIMP knows of, by name. Its menu sorts them by their labels."""

from __future__ import annotations

from typing import Any

from . import again, guide, install, repeat, stylize, train, upscale
from .declaring import Declare

_DECLARE: dict[str, Declare] = {
    stylize.NAME: stylize.declare,
    repeat.NAME: repeat.declare,
    again.NAME: again.declare,
    upscale.NAME: upscale.declare,
    train.NAME: train.declare,
    train.SHOW: train.declare_show,
    install.NAME: install.declare,
    guide.NAME: guide.declare,
}


def names() -> list[str]:
    return list(_DECLARE)


def create(plug_in: Any, name: str) -> Any:
    """Declare one procedure: arguments, menu, help."""
    return _DECLARE[name](plug_in, name)
