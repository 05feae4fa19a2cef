"""The installer's command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import places
from .console import Console
from .errors import InstallError

_FORWARDED = ("run", "test")


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if words and words[0] in _FORWARDED:
            return _forwarded(words[0], words[1:])
        return _parsed(words)
    except InstallError as error:
        print("\n" + str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Start it again to go on; nothing half-made is used.", file=sys.stderr)
        return 130


def _forwarded(command: str, rest: list[str]) -> int:
    """Commands whose arguments belong to another program."""
    here = places.this_machine()
    if command == "run":
        from . import checkout

        return checkout.run(rest, here, Console())
    from . import gate

    return gate.run(rest, here, Console())


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="install.py", description="Install Scumble, try it, test it, repair it, remove it."
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("run", help="call the scumble command of this checkout: run ARGS ...")
    commands.add_parser("test", help="format, lint, types and tests; what follows goes to pytest: test [ARGS ...]")
    attempt = commands.add_parser("try", help="style a photo through the backend, and leave nothing running")
    attempt.add_argument("photo", nargs="?", type=Path, help="picture to style (default: a sample photo)")
    attempt.add_argument("--pack", default="great-wave", help="style pack (default: %(default)s)")
    attempt.add_argument("-o", "--output", type=Path, help="where the styled picture goes (default: this folder)")
    attempt.add_argument("--json", action="store_true", help="print the result as JSON")
    return top


def _parsed(words: list[str]) -> int:
    arguments = parser().parse_args(words)
    if arguments.command == "try":
        from . import try_it

        console = Console(quiet=arguments.json)
        return try_it.run(
            places.this_machine(),
            console,
            photo=arguments.photo,
            pack=arguments.pack,
            output=arguments.output,
            as_json=arguments.json,
        )
    parser().print_help()
    return 2
