"""What the pages about the editors name is there to be clicked: labels, buttons and menus, letter for letter.

In the pages labels stand in *italics* (`<i>` in the manuals), some in **bold**, menus as "Settings > Dockers >
Scumble". Plugins' own labels are looked up in their sources, German ones in their translations, the editors' own
words here.
"""

from __future__ import annotations

import ast
import html
import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SHARED, KRITA, GIMP = (ROOT / name for name in ("plugin_shared/scumble_editor", "plugin_krita", "plugin_gimp"))

#: Menus and dialogs of Krita 5.2 and GIMP 3.0 themselves.
EDITORS = {
    "Settings", "Dockers", "Tools", "Scripts", "Import Python Plugin from File", "Select", "Feather Selection",
    "Help", "Configure Krita", "Python Plugin Manager", "Filters", "Image", "Mode", "RGB", "Procedure Browser",
}  # fmt: skip
#: The same in German, from the translations of Krita 5.1 and GIMP 2.10 in Debian 12.
EDITORS_GERMAN = {
    "Einstellungen", "Andockbare Dialoge", "Extras", "Skripte", "Krita einrichten", "Python-Modulverwaltung",
    "Filter", "Bild", "Modus", "RGB", "Hilfe", "Prozeduren-Browser",
}  # fmt: skip
#: What the enlarging packs are called, in every language.
PACKS = {"Faithful", "Vivid", "Lineart", "Fast", "Scumble"}
#: In italics or bold on the pages, but no label: a painting, what a paragraph is about.
OTHER = {
    "River", "Mixing and placing.", "The search", "The list beside it", "one undo step", "Effects", "Locks", "Cancel",
}  # fmt: skip
#: Pages that begin a paragraph about a label with it, in bold.
BOLD_TOO = {"krita.md", "gimp.md"}


def plain(text: str) -> str:
    """A label as it is read: without mnemonics and the dots of a dialog to come."""
    return " ".join(re.sub(r"_(?=\w)|&", "", text).replace("…", "").split()).removesuffix(" (no network)")


@cache
def labels(*folders: Path) -> frozenset[str]:
    """Every text that stands in the sources of these folders, as it is read."""
    found = set()
    for folder in folders:
        for source in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(plain(node.value))
    return frozenset(found)


def german() -> frozenset[str]:
    texts = ElementTree.parse(KRITA / "scumble_krita/languages/de.ts").iter("translation")
    found = {plain((each.text or "").replace(" (ohne Netz)", "")) for each in texts}
    catalog = (GIMP / "po/de.po").read_text("utf-8")
    return frozenset(
        found | {plain(ast.literal_eval(line)) for line in re.findall(r'^msgstr (".*")$', catalog, re.M)}
    )


def named(page: Path) -> list[str]:
    """The labels that a page names, menus taken apart."""
    text = page.read_text("utf-8")
    if page.suffix == ".html":
        found = [html.unescape(each) for each in re.findall(r"<i>(.*?)</i>", text, re.DOTALL)]
    else:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        text = text if page.name in BOLD_TOO else re.sub(r"\*\*.*?\*\*", "", text, flags=re.DOTALL)
        found = re.findall(r"(?<!\w)\*([^*\s](?:[^*]*[^*\s])?)\*(?!\w)", text.replace("**", "*"))
    return [part for each in found for part in " ".join(each.split()).split(" > ")]


def missing(page: Path, there: frozenset[str] | set[str]) -> list[str]:
    found = named(page)
    assert len(found) > 3, page.name
    return [each for each in found if each not in there]


@pytest.mark.parametrize(
    ("page", "folders"),
    [
        ("quickstart-krita.md", (KRITA,)),
        ("krita.md", (KRITA,)),
        ("quickstart-gimp.md", (GIMP,)),
        ("gimp.md", (GIMP,)),
        ("troubleshooting.md", (KRITA, GIMP)),
        ("training-steps.md", (KRITA, GIMP)),
        ("manual/en.html", (KRITA, GIMP)),
    ],
)
def test_what_the_page_tells_to_click_is_there(page: str, folders: tuple[Path, ...]) -> None:
    assert missing(DOCS / page, labels(SHARED, *folders) | EDITORS | PACKS | OTHER) == []


def test_the_german_manual_says_what_german_editors_say() -> None:
    assert missing(DOCS / "manual" / "de.html", german() | EDITORS_GERMAN | PACKS) == []


def test_the_check_sees_what_it_is_there_to_see(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Press *Apply* in *Settings > Dockers\n> Scumble*, then **not this**, *Paint it* and *Edit\nagain*."
    )
    assert named(page)[-2:] == ["Paint it", "Edit again"]
    assert missing(page, labels(SHARED, KRITA) | EDITORS | PACKS) == ["Paint it"]
