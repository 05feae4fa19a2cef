"""`python -m scumble_backend serve` is the backend itself, as clients start it.

Without the command line's libraries, as an editor waits for the first answer. The `scumble` command is `scumble_cli`.
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

from scumble_backend import config
from scumble_backend.config import Places, Settings
from scumble_backend.errors import ConfigDamaged, from_os_error
from scumble_wire.errors import ScumbleError

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
    from scumble_backend.serving.connections import raise_file_limit
    from scumble_backend.serving.server import Server

    places = Places.of_user()
    _log_to(places.log, foreground=foreground)
    raise_file_limit()
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
    parser = argparse.ArgumentParser(prog="python -m scumble_backend", epilog="Other commands: python -m scumble_cli")
    commands = parser.add_subparsers(required=True, metavar="serve")
    serving = commands.add_parser("serve", help="run the backend until it is asked to leave")
    serving.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps or xpu; for this run only")
    serving.add_argument("--foreground", action="store_true", help="log to standard error, too")
    options = parser.parse_args(argv)
    try:
        serve(options.device, foreground=options.foreground)
    except ScumbleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
