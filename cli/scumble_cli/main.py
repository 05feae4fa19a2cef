"""The `scumble` command: one file per command, each with `register(app)`."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from scumble_backend import __version__
from scumble_cli import connection
from scumble_wire.errors import ScumbleError

__all__ = ["build", "main"]

#: Each is a module of `scumble_cli.commands`.
COMMANDS = ("style", "upscale", "batch", "serve", "status", "stop", "jobs", "packs", "train", "evaluate")

#: All that typer has to say about wrong usage is of this kind, which it hands out by its heirs only.
_WrongUsage: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
#: What goes wrong with a stream, not with a file of ours: those have become a ScumbleError.
_STREAM_ERRORS = (
    errno.EPIPE,
    errno.ENOSPC,
    errno.EIO,
    errno.EBADF,
    errno.EINVAL,
    getattr(errno, "EDQUOT", errno.EIO),
)


def build(words: Sequence[str] = ()) -> typer.Typer:
    """The command with all that belongs to it; where `words` begin with a command, with that one alone.

    Loading the others takes longer than many a picture.
    """
    app = typer.Typer(
        name="scumble",
        help="Paint pictures in the style of a painting, on your own machine.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def version(wanted: bool) -> None:
        if wanted:
            typer.echo(f"scumble {__version__}")
            raise typer.Exit

    @app.callback()
    def root(
        version: bool = typer.Option(False, "--version", callback=version, is_eager=True, help="Print the version."),
    ) -> None:
        pass

    asked = [name for name in COMMANDS if name in words[:1]]
    for name in asked or COMMANDS:
        importlib.import_module(f"scumble_cli.commands.{name}").register(app)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0; 1 for an error; 2 for wrong usage; 130 where a person stopped it.

    Errors are told on standard error; with --json, also as an object `{"error": {...}}` on standard output.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that can't show a letter gets its number
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(words)
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in _STREAM_ERRORS:
            raise
        return _output_lost(error)
    return status


def _run(words: list[str]) -> int:
    """The command's exit status; what is wrong has been told. Raises OSError for a full standard output."""
    as_json = "--json" in words
    try:
        # Not standalone: typer would tell of wrong usage by itself, and end the program.
        status = build(words)(args=words, prog_name="scumble", standalone_mode=False)
    except ScumbleError as error:
        _tell(error.code, error.message, error.remedy, as_json=as_json)
        return 1
    except _WrongUsage as error:
        if as_json:
            _tell_json("usage", error.format_message(), "`scumble --help` tells what there is.")
        error.show()
        return int(error.exit_code)
    except typer.Abort:
        _tell("stopped", "Stopped.", "", as_json=as_json)
        return 130
    return status if isinstance(status, int) else 0


def _tell(code: str, message: str, remedy: str, *, as_json: bool) -> None:
    if as_json:
        _tell_json(code, message, remedy)
    typer.echo(f"scumble: {message}", err=True)
    if remedy:
        typer.echo(remedy, err=True)


def _tell_json(code: str, message: str, remedy: str) -> None:
    connection.print_json({"error": {"code": code, "message": message, "remedy": remedy}})


def _output_lost(error: OSError) -> int:
    """Standard output is full or closed: what the command did is done, but nobody reads of it."""
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        # What is still waiting to be written would fail once more while Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    if error.errno != errno.EPIPE:  # `scumble ... | head` has read enough
        typer.echo(
            f"scumble: standard output can't be written ({error.strerror}); the command was carried out.", err=True
        )
    return 1
