"""The pack file that a person chose: read whole, or a sentence about why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scumble_wire.errors import ScumbleError

from .errors import WrongArgument
from .texts import _

MOST_BYTES = 1 << 30


def contents(config: Any) -> tuple[str, bytes]:
    """(name, bytes) of the chosen file. It is sent, not named: a sandboxed GIMP sees paths the backend does not.

    Raises WrongArgument, ScumbleError.
    """
    chosen = config.get_property("file")
    path = chosen.get_path() if chosen is not None else None
    if not path:
        raise WrongArgument(_("No pack file was chosen."), remedy=_("Choose a file on this machine."))
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise ScumbleError(
                _("“{name}” is too large for a pack.", name=Path(path).name), remedy=_("Choose another file.")
            )
        return Path(path).name, Path(path).read_bytes()
    except OSError as error:
        raise ScumbleError(
            _("“{name}” can't be read: {reason}.", name=Path(path).name, reason=error.strerror or str(error)),
            remedy=_("Choose another file."),
        ) from error
