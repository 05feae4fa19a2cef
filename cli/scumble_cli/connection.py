"""How commands reach the backend, and how they print."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from scumble_backend import __version__
from scumble_wire.client import Client
from scumble_wire.errors import BackendNotStarted
from scumble_wire.launch import LaunchCommand, find_command

if TYPE_CHECKING:
    from rich.console import Console


def connect(*, launch: bool) -> Client:
    """A conversation with the backend, started if need be and `launch`. Raises ConnectionFailed and its kinds."""
    return Client.connect(name="cli", version=__version__, launch=own_command() if launch else None)


def own_command() -> LaunchCommand:
    """The installed backend; where none is recorded, this very program (a source checkout, a plain pip install)."""
    try:
        return find_command()
    except BackendNotStarted:
        if os.environ.get("SCUMBLE_BACKEND"):
            raise
        return this_program()


def this_program(*more: str) -> LaunchCommand:
    """The backend of this Python. A launched process starts in a clean environment, so it is told the path."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from scumble_backend.__main__ import main; sys.exit(main())"
    return LaunchCommand((sys.executable, "-c", code, "serve", *more))


def print_json(data: Any) -> None:
    """One JSON value on standard output."""
    shows_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    typer.echo(json.dumps(data, ensure_ascii=not shows_all, indent=2))


def as_dict(message: Any) -> dict[str, Any]:
    return asdict(message)


def errors() -> Console:
    """For progress and remarks: standard error, so that standard output holds the result alone."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def output() -> Console:
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)
