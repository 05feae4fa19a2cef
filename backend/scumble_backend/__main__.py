"""`python -m scumble_backend serve` is the backend itself, as clients start it. Other words go to `scumble`.

`serve` is handled here, without the command line's libraries, as an editor waits for the first answer.
"""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scumble_wire.errors import ScumbleError

from . import config
from .config import Places, Settings
from .errors import ConfigDamaged, from_os_error

LOG_BYTES, LOG_FILES = 1 << 20, 3


class _Log(logging.handlers.RotatingFileHandler):
    """A log on a full disk is no reason to stop serving."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the base class names it so
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def serve(device: str | None = None, *, foreground: bool = False) -> None:
    """Run the backend in this process until it is asked to leave.

    device: instead of the one in the settings, for this run. foreground: log to standard error, too.
    Raises ScumbleError.
    """
    from .server import Server

    places = Places.of_user()
    _log_to(places.log, foreground=foreground)
    try:
        settings = config.load(places.settings)
    except ConfigDamaged as error:
        logging.getLogger("scumble").error("%s The default settings are used for now.", error)
        settings = Settings()
    if device is not None:
        settings = replace(settings, device=device)
    if not Server(places=places, settings=settings).run():
        logging.shutdown()
        os._exit(0)  # nothing is lost: its picture has been given up


def _log_to(path: Path, *, foreground: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _Log(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    except OSError as error:
        raise from_os_error(error, path) from error
    handlers: list[logging.Handler] = [handler]
    if foreground:
        handlers.append(logging.StreamHandler())
    for each in handlers:
        each.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("scumble")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = handlers


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 for an error that is told on standard error, 2 for wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] != ["serve"] or "--help" in words:
        from .cli import main as command

        return command(words)
    parser = argparse.ArgumentParser(prog="python -m scumble_backend serve")
    parser.add_argument("--device")
    parser.add_argument("--foreground", action="store_true", help="log to standard error, too")
    options = parser.parse_args(words[1:])
    try:
        serve(options.device, foreground=options.foreground)
    except ScumbleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
