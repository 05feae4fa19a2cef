"""The `scumble` command: one file per command, each with `register(app)`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from scumble_backend import __version__
from scumble_cli.commands import evaluate, jobs, packs, serve, status, stop, style, train, upscale
from scumble_wire.errors import ScumbleError

__all__ = ["build", "main"]


def build() -> typer.Typer:
    """The command with all that belongs to it."""
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

    for command in (style, upscale, serve, status, stop, jobs, packs, train, evaluate):
        command.register(app)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0; 1 for an error, told on standard error; 2 for wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        build()(args=words, prog_name="scumble")
    except ScumbleError as error:
        typer.echo(f"scumble: {error.message}", err=True)
        if error.remedy:
            typer.echo(error.remedy, err=True)
        return 1
    except SystemExit as leaving:  # typer's own way to end, after it has told what was wrong with the usage
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return 0
