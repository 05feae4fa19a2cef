"""The installer's command line."""

from __future__ import annotations

import argparse
import dataclasses
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


_COMMANDS = ("install", "update", "doctor", "uninstall", "bundle", "docs", "release", "try", "run", "test")
_DEVICES = ("auto", "cuda", "rocm", "xpu", "mps", "cpu")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="install.py",
        description="Install Scumble for Krita and GIMP, try it, test it, repair it, remove it. Without a command it "
        "installs: `install.py --dry-run` says what that would do.",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    new = commands.add_parser("install", help="set everything up (what happens without a command)")
    _installing(new)
    newer = commands.add_parser("update", help="newest version; the old one stays until the new one works")
    _installing(newer)
    newer.add_argument("--no-pull", dest="pull", action="store_false", help="take the sources as they are")
    newer.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help="another checkout or offline kit")
    check = commands.add_parser("doctor", help="find what is wrong and explain it; --repair mends it")
    _common(check)
    check.add_argument("--repair", action="store_true", help="mend what can be mended")
    gone = commands.add_parser("uninstall", help="remove everything")
    _common(gone)
    gone.add_argument("--keep-packs", action="store_true", help="leave the style packs you installed")
    kit = commands.add_parser("bundle", help="make the plugin zips and an offline kit")
    _common(kit)
    kit.add_argument("-o", "--output", type=Path, default=Path("dist"), help="folder to write into (default: dist)")
    kit.add_argument("--device", default="auto", choices=_DEVICES, help="which PyTorch goes into the kit")
    kit.add_argument("--plugins-only", action="store_true", help="only the plugin zips")
    pages = commands.add_parser("docs", help="build the documentation as a site that opens from files")
    _common(pages)
    pages.add_argument("-o", "--output", type=Path, default=Path("dist/site"), help="default: dist/site")
    whole = commands.add_parser("release", help="build and try wheel, plugin zips, site and offline kit; write notes")
    _common(whole)
    whole.add_argument("-o", "--output", type=Path, default=Path("dist/release"), help="default: dist/release")
    whole.add_argument("--device", default="auto", choices=_DEVICES, help="which PyTorch goes into the kit")
    whole.add_argument("--no-kit", dest="with_kit", action="store_false", help="leave the offline kit away")
    whole.add_argument("--draft", action="store_true", help="take the unreleased changes as notes")
    attempt = commands.add_parser("try", help="style a photo through the backend, and leave nothing running")
    _common(attempt)
    attempt.add_argument("photo", nargs="?", type=Path, help="picture to style (default: a sample photo)")
    attempt.add_argument("--pack", default="great-wave", help="style pack (default: %(default)s)")
    attempt.add_argument("-o", "--output", type=Path, help="where the styled picture goes (default: this folder)")
    commands.add_parser("run", help="call the scumble command of this checkout: run ARGS ...")
    commands.add_parser("test", help="format, lint, types and tests; what follows goes to pytest: test [ARGS ...]")
    return top


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("-y", "--yes", action="store_true", help="ask nothing")
    command.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    command.add_argument("--prefix", type=Path, metavar="FOLDER", help="where the installation lies")


def _installing(command: argparse.ArgumentParser) -> None:
    _common(command)
    command.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    command.add_argument("--device", default="auto", choices=_DEVICES, help="what to compute on (default: auto)")
    command.add_argument(
        "--editors",
        default="",
        metavar="LIST",
        help="krita, gimp, krita-flatpak, gimp-snap, krita=FOLDER, gimp=FOLDER, none; commas between (default: all)",
    )
    command.add_argument("--offline", type=Path, metavar="FOLDER", help="take packages from an offline kit's wheels")
    command.add_argument("--service", action="store_true", help="start the backend at log-in")


def _parsed(words: list[str]) -> int:
    if not words or (words[0] not in _COMMANDS and words[0] not in ("-h", "--help")):
        words = ["install", *words]
    given = parser().parse_args(words)
    console = Console(quiet=given.json)
    if given.command == "try":
        from . import try_it

        return try_it.run(
            places.this_machine(given.prefix),
            console,
            photo=given.photo,
            pack=given.pack,
            output=given.output,
            as_json=given.json,
        )
    if given.command == "docs":
        from . import site

        return site.run(places.this_machine(given.prefix), console, given.output)
    from . import bundle, commands, doctor, uninstalling

    options = commands.Options(
        **{name: value for name, value in vars(given).items() if name in commands.Options.__dataclass_fields__}
    )
    options = dataclasses.replace(options, as_json=given.json, editors=_words(getattr(given, "editors", "")))
    if given.command == "bundle":
        return bundle.run(options, console, given.output, plugins_only=given.plugins_only)
    if given.command == "release":
        from . import release

        return release.run(options, console, given.output, with_kit=given.with_kit, draft=given.draft)
    what = {
        "install": commands.install,
        "update": commands.update,
        "doctor": doctor.run,
        "uninstall": uninstalling.uninstall,
    }
    return what[given.command](options, console)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
