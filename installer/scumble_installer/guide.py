"""The guide that plugins carry: pages of docs/ as HTML that any browser opens, without a network.

Knows the Markdown that docs/ is written in: headings, paragraphs, lists, tables, code, pictures, links, emphasis.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Callable, Iterable

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}"
    "code,pre{background:#f3f3f3}pre{padding:.6em;overflow:auto}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#222}code,pre{background:#333}a{color:#8cf}"
    "td,th{border-color:#555}}"
)
_INLINE = re.compile(r"`([^`]+)`|!?\[([^\]]*)\]\(([^)\s]+)\)|\*\*(.+?)\*\*|\*(\S.*?)\*")
_ITEM = re.compile(r"(?:[-*]|\d+\.) ")


def write_guide(docs: Path, pages: Iterable[str], folder: Path) -> None:
    """Write folder/<page>.html for pages of docs, which link to each other; other links and pictures become text."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(pages)
    for name in names:
        text = (docs / f"{name}.md").read_text(encoding="utf-8")
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), name)
        page = (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
            f"<style>{STYLE}</style></head>\n<body>\n{render(text, names)}\n</body></html>\n"
        )
        (folder / f"{name}.html").write_text(page, encoding="utf-8")


def render(text: str, pages: Iterable[str] = ()) -> str:
    """Markdown as HTML. pages: names of pages that links may lead to."""
    known, made = list(pages), []
    lines = text.splitlines()
    while lines:
        line = lines[0]
        if line.startswith("```"):
            end = next((n for n, each in enumerate(lines[1:], 1) if each.startswith("```")), len(lines))
            shown = html.escape("\n".join(lines[1:end]))
            made.append(f"<pre>{shown}</pre>")
            del lines[: end + 1]
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            words = line.lstrip("# ")
            place = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")  # what links to it name
            made.append(f'<h{level} id="{place}">{_inline(words, known)}</h{level}>')
            del lines[0]
        elif line.startswith("|"):
            made.append(_table(_taken(lines, lambda each: each.startswith("|")), known))
        elif _ITEM.match(line):
            made.append(_list(_taken(lines, lambda each: bool(each.strip())), known))
        elif line.strip():
            paragraph = _taken(lines, lambda each: bool(each.strip()) and each[0] not in "#|`")
            shown = _inline(" ".join(each.strip() for each in paragraph), known)
            made.append(f"<p>{shown}</p>" if shown else "")
        else:
            del lines[0]
    return "\n".join(each for each in made if each)


def _taken(lines: list[str], belongs: Callable[[str], bool]) -> list[str]:
    """Take the first line and all after it that belong to it."""
    count = 1
    while count < len(lines) and belongs(lines[count]):
        count += 1
    taken, lines[:count] = lines[:count], []
    return taken


def _table(rows: list[str], known: list[str]) -> str:
    cells = [[each.strip() for each in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in rows]
    made = []
    for number, row in enumerate(cells):
        if number == 1 and all(set(cell) <= set("-: ") for cell in row):
            continue
        kind = "th" if number == 0 else "td"
        shown = "".join(f"<{kind}>{_inline(cell, known)}</{kind}>" for cell in row)
        made.append(f"<tr>{shown}</tr>")
    return f"<table>{''.join(made)}</table>"


def _list(lines: list[str], known: list[str]) -> str:
    items: list[str] = []
    for line in lines:
        if _ITEM.match(line):
            items.append(_ITEM.sub("", line, count=1).strip())
        else:
            items[-1] += " " + line.strip()
    kind = "ol" if lines[0][0].isdigit() else "ul"
    shown = "".join(f"<li>{_inline(item, known)}</li>" for item in items)
    return f"<{kind}>{shown}</{kind}>"


def _inline(text: str, known: list[str]) -> str:
    """Emphasis, code and links of a line; pictures are left out, links to pages that aren't there become text."""
    made, last = [], 0
    for found in _INLINE.finditer(text):
        made.append(html.escape(text[last : found.start()].replace("\\|", "|"), quote=False))
        last = found.end()
        code, label, target, strong, emphasis = found.groups()
        if code is not None:
            shown = html.escape(code.replace("\\|", "|"), quote=False)
            made.append(f"<code>{shown}</code>")
        elif target is not None and not found.group().startswith("!"):
            made.append(_link(_inline(label, known), target, known))
        elif strong is not None:
            made.append(f"<strong>{_inline(strong, known)}</strong>")
        elif emphasis is not None:
            made.append(f"<em>{_inline(emphasis, known)}</em>")
    return "".join([*made, html.escape(text[last:].replace("\\|", "|"), quote=False)])


def _link(label: str, target: str, known: list[str]) -> str:
    page, _, place = target.partition("#")
    if page.endswith(".md"):
        if page[:-3] not in known:
            return label
        target = f"{page[:-3]}.html" + (f"#{place}" if place else "")
    elif not target.startswith(("https://", "#")):
        return label
    return f'<a href="{html.escape(target)}">{label}</a>'
