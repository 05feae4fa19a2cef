"""Translations: complete, with the same placeholders and mnemonics, and readable by gettext."""

from __future__ import annotations

import ast
import gettext
import re
from dataclasses import fields
from pathlib import Path

import pytest
from catalogs import CatalogDamaged, read_po, write_mo

from gimp_side import texts
from scumble_editor import words
from scumble_editor.choices import StyleChoices, TrainChoices, UpscaleChoices, option

PLUG_IN = Path(__file__).resolve().parents[2] / "plugin_gimp"

GERMAN = PLUG_IN / "po" / "de.po"
SHOWN_CHOICES = {
    StyleChoices: [each.name for each in fields(StyleChoices)],
    UpscaleChoices: ["factor", "model", "vivid", "grain", "best"],
    TrainChoices: ["name", "quality", "strength"],
}


def _constants(path: Path, names: set[str]) -> set[str]:
    """English texts of a module: arguments of _() and tr(), and the strings in the tables named."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "tr"):
            if node.args and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in names:
            if isinstance(node.value, ast.Dict):
                found |= {ast.literal_eval(text) for text in node.value.values}
            else:
                found |= {text for _word, text in ast.literal_eval(node.value)}
    return found


def texts_in_use() -> set[str]:
    found = _constants(Path(words.__file__), {"HEADLINES", "STAGES", "STATES"})
    for path in Path(words.__file__).parent.glob("*.py"):
        found |= _constants(path, {"COLORS_TOLD", "PLACES", "TAGS", "DESCRIPTIONS", "VIEWS", "UNITS"})
    for path in (PLUG_IN / "scumble_gimp" / "gimp_side").rglob("*.py"):
        found |= _constants(path, {"RESULTS", "SOURCES", "MNEMONICS"})
    for choices, names in SHOWN_CHOICES.items():
        for name in names:
            shown = option(choices, name)
            found |= {shown.help, *(label for _word, label in shown.words)}
    return found


def test_german_is_complete_and_has_nothing_left_over() -> None:
    german = set(read_po(GERMAN)) - {""}
    assert german == texts_in_use()


def test_translations_keep_placeholders_and_mnemonics() -> None:
    for english, german in read_po(GERMAN).items():
        if english:
            assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", german)), english
            assert german.count("_") == english.count("_"), english


def test_a_compiled_catalog_is_read_by_gettext(tmp_path: Path) -> None:
    write_mo(read_po(GERMAN), tmp_path / "de" / "LC_MESSAGES" / f"{texts.DOMAIN}.mo")
    catalog = gettext.translation(texts.DOMAIN, tmp_path, ["de"])
    assert catalog.gettext("Search styles") == "Stile suchen"
    assert catalog.info()["language"] == "de"


@pytest.mark.parametrize(
    ("languages", "german"),
    [
        (["de_AT.UTF-8", "de", "C"], True),
        (["gsw", "de_DE"], True),
        (["en_GB", "de"], False),
        (["fr_FR", "C"], False),
        ([], False),
    ],
)
def test_the_first_language_that_has_a_catalog_is_spoken(tmp_path: Path, languages: list[str], german: bool) -> None:
    write_mo(read_po(GERMAN), tmp_path / "de" / "LC_MESSAGES" / f"{texts.DOMAIN}.mo")
    table = texts.load(languages, tmp_path)
    assert bool(table) == german
    assert "" not in table


def test_a_damaged_source_names_its_line(tmp_path: Path) -> None:
    source = tmp_path / "xx.po"
    source.write_text('msgid "a"\nmsgstr "b"\n\nmsgid c\n', "utf-8")
    with pytest.raises(CatalogDamaged, match="line 4"):
        read_po(source)


def test_fuzzy_and_empty_entries_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "xx.po"
    source.write_text(
        '#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr ""\n\nmsgid "d"\nmsgstr ""\n"e\\n"\n', "utf-8"
    )
    assert read_po(source) == {"d": "e\n"}
