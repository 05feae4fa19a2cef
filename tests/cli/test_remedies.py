"""Every command and option that a message or a page tells people to use is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from scumble_cli.main import build

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("backend", "cli", "training", "plugin_shared", "plugin_krita", "plugin_gimp", "installer")
#: In code spans, and after a colon at the end of a sentence: "Go on with: scumble train --resume".
TOLD = re.compile(r"`(scumble [^`]*|--[a-z][^`]*)`|: (scumble [a-z][a-z-]*(?: [^\s`.,;)]+)*)")
#: The words that a signature begins with.
NO_COMMANDS = {"scumble pack signature 1"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of the string constants of a file, docstrings too; what is filled in becomes X."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            parts = [str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def commands_told() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"build", "_vendor"} & set(path.parts):
                for line, text in texts(path):
                    for match in TOLD.finditer(text):
                        yield f"{path.relative_to(ROOT)}:{line}", match[1] or match[2]
    for page in PAGES:
        for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
            for match in re.finditer(r"`(scumble [^`]*)`|^ *(scumble [a-z].*)", line):
                yield f"{page.name}:{number}", match[1] or match[2]


COMMAND: Any = typer.main.get_command(build())


def everything(command: Any) -> Iterator[Any]:
    yield command
    for one in getattr(command, "commands", {}).values():
        yield from everything(one)


OPTIONS = {
    name for one in everything(COMMAND) for param in one.params for name in (*param.opts, *param.secondary_opts)
}


def wrong_with(told: str) -> str:
    """What is wrong with a command as a person is told to type it; empty: nothing."""
    words = re.sub(r"\s#.*", "", told).split()
    if words[0].startswith("--"):  # an option alone, of whatever command
        return "" if words[0].partition("=")[0] in OPTIONS | {"--help"} else f"no command has {words[0]}"
    command, words = COMMAND, words[1:]
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    for word in words:
        name = word.strip("[]().,").partition("=")[0]
        if name.startswith("-") and not name.lstrip("-").replace(".", "").isdigit() and name not in known:
            return f"{command.name} has no {name}"
    return ""


def test_every_command_that_is_told_exists() -> None:
    told = list(commands_told())
    assert len(told) > 60
    installers = set(re.findall(r'"(--[a-z-]+)"', (ROOT / "installer/scumble_installer/cli.py").read_text("utf-8")))
    wrong = [
        f"{where}: `{text}`: {why}"
        for where, text in told
        if text not in NO_COMMANDS
        and (why := wrong_with(text))
        and not (where.startswith("installer") and text.split()[0] in installers)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("scumble packs export --with-base", "export has no --with-base"),
        ("scumble config loss_network", "there is no command config"),
        ("--no-such-option", "no command has --no-such-option"),
        ("scumble style IN -o OUT --pack ID", ""),
        ("scumble train --resume", ""),
    ],
)
def test_the_check_sees_what_it_is_there_to_see(told: str, why: str) -> None:
    assert wrong_with(told) == why
