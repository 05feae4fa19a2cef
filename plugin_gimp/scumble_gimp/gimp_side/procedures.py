"""The procedures that GIMP knows of, by name; the menu shows them in this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import stylize

_DECLARE: dict[str, Callable[[Any, str], Any]] = {
    stylize.NAME: stylize.declare,
}


def names() -> list[str]:
    return list(_DECLARE)


def create(plug_in: Any, name: str) -> Any:
    """Declare one procedure: arguments, menu, help."""
    procedure = _DECLARE[name](plug_in, name)
    procedure.set_attribution("The Scumble authors", "The Scumble authors, MIT license", "2026")
    return procedure
