"""Makes docs/command-line.md from the parsers themselves:

    python3 installer/install.py run --help     # (any call, so that the environment is there)
    PYTHONPATH=backend:training:cli PYTHON docs/site/command_line_page.py > docs/command-line.md

A test holds the page against this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from scumble_cli.main import build

HEAD = """\
# Command line

`scumble` does on the command line what the plugins do in the editors, and speaks to the same backend. Where it isn't
on the PATH, `python3 installer/install.py run ARGS` calls it. Every command has `--help`.

```
scumble style photo.jpg -o painted.png --pack great-wave
scumble style photo.jpg -o painted.png --pack great-wave:0.6@light --pack night-cafe:0.4@rest
scumble upscale scan.tif -o large.tif --factor 4 --model lineart
scumble batch photos -o painted --pack starry-night
scumble train river.jpg --name "River" --quality quick
```

What happens to depth, color and metadata: [picture files](files.md). Folders, animations, clusters:
[batches](batch.md). Exit status: 0 done; 1 failed; 2 wrong usage; 130 stopped. With `--json` a failure is an object
`{"error": {"code", "message", "remedy"}}`.

This page is made from the commands themselves (`docs/site/command_line_page.py`).
"""


def commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """(words to type, command) of everything that can be called."""
    below = getattr(command, "commands", {})
    for name, each in below.items():
        yield from commands(each, (*words, name))
    if not below:
        yield " ".join(words), command


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").strip()


def told(parameter: Any) -> tuple[str, str]:
    """(how it is typed, what it means) of an argument or option."""
    meaning = cell(parameter.help or "")
    shape = parameter.metavar or ""
    if parameter.param_type_name == "argument":
        return f"`{shape or parameter.name.upper()}`".replace("|", "\\|"), meaning
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    if isinstance(default, (str, int, float)) and not isinstance(default, bool) and default != "":
        meaning += f" Default: {cell(str(default))}."
    return names + (f" `{cell(shape)}`" if shape else ""), meaning


def page() -> str:
    parts = [HEAD]
    for words, command in commands(typer.main.get_command(build()), ("scumble",)):
        parts.append(f"\n## {words}\n\n{(command.help or '').strip()}\n")
        rows = [told(each) for each in command.params if each.name != "help"]
        if rows:
            parts.append(
                "\n| what is typed | what it means |\n|---|---|\n"
                + "".join(f"| {name} | {meaning} |\n" for name, meaning in rows)
            )
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
