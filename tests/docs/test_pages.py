"""What the pages name is there: files, links, anchors, commands of the installer, options of every program they call.

Commands and options of `scumble` itself are held by tests/cli/test_remedies.py.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from scumble_installer import cli as installer
from scumble_installer import doctor

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Pages of the site that lie elsewhere, by docs/site/hooks.py.
ELSEWHERE = {
    "protocol.md": ROOT / "backend/scumble_wire/PROTOCOL.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "changelog.md": ROOT / "CHANGELOG.md",
}
PAGES = [ROOT / "README.md", *ELSEWHERE.values(), *sorted(DOCS.glob("*.md")), DOCS / "pictures" / "README.md"]
MANUALS = sorted((DOCS / "manual").glob("*.html"))
SOURCES = ("backend", "cli", "training", "plugin_shared", "plugin_krita", "plugin_gimp", "installer")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
#: A path in a code span: has a folder of ours in front, or is a file at the top.
PATH = re.compile(
    r"(?<![\w/.-])((?:backend|benchmarks|cli|docs|installer|plugin_\w+|tests|training|\.ci)/[\w./-]*\w|constraints[\w-]*\.txt|pyproject\.toml|mkdocs\.yml)"
)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Of a page's headings, as the site makes them; of a manual, its ids."""
    text = page.read_text("utf-8")
    if page.suffix == ".html":
        return frozenset(re.findall(r'id="([^"]+)"', text))
    found = []
    for heading in re.findall(r"^#+ +(.+?) *#*$", without_code(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        word = re.sub(r"[^\w\s-]", "", plain).strip().lower()
        found.append(re.sub(r"[-\s]+", "-", word))
    return frozenset(found)


def dead(page: Path, target: str) -> str:
    """What is wrong with a link of a page; empty: nothing."""
    if re.match(r"(https?|mailto):", target):
        return ""
    place, _, anchor = target.partition("#")
    there = (page.parent / place).resolve() if place else page
    if page.parent == DOCS and place in ELSEWHERE:
        there = ELSEWHERE[place]
    if not there.exists():
        return "is not there"
    if anchor and there.suffix in (".md", ".html") and anchor not in anchors(there):
        return f"has no heading #{anchor}"
    return ""


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in LINK.findall(without_code(page.read_text("utf-8"))):
            yield page, target
        for target in re.findall(r'(?:src|href)="([^"]+)"', page.read_text("utf-8")):
            yield page, target
    for page in MANUALS:
        for target in re.findall(r'(?:src|href)="([^"]+)"', page.read_text("utf-8")):
            yield page, target


def test_every_link_leads_somewhere() -> None:
    told = list(links())
    assert len(told) > 120
    assert [f"{page.name}: {target} {why}" for page, target in told if (why := dead(page, target))] == []


def test_every_file_that_a_page_names_is_there() -> None:
    told, wrong = 0, []
    for page in PAGES:
        for line in page.read_text("utf-8").splitlines():
            for name in PATH.findall(line):
                told += 1
                if not ((ROOT / name).exists() or list(ROOT.glob(f"{name}*"))):
                    wrong.append(f"{page.name}: {name}")
    assert told > 100
    assert wrong == []


def test_no_menu_is_broken_into_a_quotation() -> None:
    """A line that begins with ">" is shown as a quotation: the pages have none, but menus have ">" in them."""
    assert [
        f"{page.name}: {line}"
        for page in PAGES
        for line in without_code(page.read_text("utf-8")).splitlines()
        if line.lstrip().startswith(">")
    ] == []


def test_every_page_is_in_the_navigation_and_the_navigation_has_no_others() -> None:
    listed = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted([*ELSEWHERE, *(page.name for page in DOCS.glob("*.md"))])


def test_messages_and_docstrings_name_pages_that_are_there() -> None:
    """Error remedies above all: `docs/pack-format.md`, `docs/remote.md`, `docs/troubleshooting.md#anchor`."""
    told = [
        (source.relative_to(ROOT), target)
        for folder in SOURCES
        for source in sorted((ROOT / folder).rglob("*.py"))
        for target in pages_named(source.read_text("utf-8"))
    ]
    assert len(told) > 5
    assert [f"{source}: {target} {why}" for source, target in told if (why := dead(ROOT / "README.md", target))] == []


def pages_named(text: str) -> list[str]:
    """The pages that a source names, with their anchors."""
    return re.findall(r"\bdocs/[\w/-]+\.(?:md|html)(?:#[\w-]+)?", text)


def test_the_check_of_messages_sees_what_it_is_there_to_see() -> None:
    text = 'remedy="See docs/remote.md, docs/gone.md or docs/training.md#the-loss-network, not docs/remote.md#gone."'
    assert [dead(ROOT / "README.md", target) for target in pages_named(text)] == [
        "", "is not there", "", "has no heading #gone",
    ]  # fmt: skip


def test_the_doctor_names_headings_that_are_there() -> None:
    page = ROOT / doctor.PAGE
    assert {*doctor.HEADINGS.values(), doctor._ELSE} <= anchors(page)
    source = Path(doctor.__file__).read_text("utf-8")
    assert [code for code in doctor.HEADINGS if source.count(f'"{code}"') < 2] == []  # named for no fault


# --- commands --------------------------------------------------------------------------------------------


def calls(pattern: str) -> Iterator[tuple[str, str]]:
    """(page, the rest of the line or code span) of everything that pages tell people to type."""
    for page in [*PAGES, *MANUALS]:
        for line in page.read_text("utf-8").splitlines():
            for match in re.finditer(pattern + r"([^`\n<]*)", line):
                yield page.name, re.sub(r"\s#.*|\s{3,}.*", "", match[1])


def wrong_with(words: list[str]) -> str:
    """What is wrong with a call of the installer."""
    parsers = next(action.choices for action in installer.parser()._actions if hasattr(action.choices, "keys"))
    assert parsers is not None
    if words and not words[0].startswith("-"):
        command, words = words[0], words[1:]
    else:
        command = "install"
    if command not in parsers:
        return f"there is no command {command}"
    if command in ("run", "test"):
        return ""
    known: Any = parsers[command]  # type: ignore[call-overload, unused-ignore]
    for word in words:
        name = word.strip("[](),.;:").partition("=")[0]
        if re.match(r"--?[a-z]", name) and name not in known._option_string_actions:
            return f"{command} has no {name}"
    return ""


#: Words that follow "install.py" in a sentence rather than on the command line.
SENTENCE = {"or", "and", "says", "again", "does", "finds", "is", "without", "with", "also"}


def test_every_call_of_the_installer_is_one_that_it_understands() -> None:
    told = [(page, rest.split()) for page, rest in calls(r"install\.py\b")]
    wrong = [
        f"{page}: install.py {' '.join(words)}: {why}"
        for page, words in told
        if not (words and words[0].strip(".,;:)") in SENTENCE | {""}) and (why := wrong_with(words))
    ]
    assert len(told) > 30
    assert wrong == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("doctor --mend", "doctor has no --mend"),
        ("repair", "there is no command repair"),
        ("--editors none", ""),
        ("docs -o OUT", ""),
    ],
)
def test_the_check_sees_what_it_is_there_to_see(words: str, why: str) -> None:
    assert wrong_with(words.split()) == why


def test_the_installing_page_tells_every_command_and_option() -> None:
    text = (DOCS / "install.md").read_text("utf-8")
    parsers = next(action.choices for action in installer.parser()._actions if hasattr(action.choices, "keys"))
    assert parsers is not None
    for name in parsers:
        assert f"install.py {name}" in text, name
    for name in ("install", "update"):
        for option in parsers[name]._option_string_actions:  # type: ignore[call-overload, unused-ignore]
            assert option in text or not option.startswith("--") or option == "--help", (name, option)


def test_modules_and_benchmarks_that_pages_call_know_the_options() -> None:
    """`python benchmarks/NAME.py --x` and `python -m PACKAGE --x`: the option stands in the program's source."""
    told, wrong = 0, []
    for page, rest in calls(r"python3? (?=benchmarks/|-m scumble|docs/|plugin_|tests/editors/)"):
        words = rest.split()
        module = words[1] if words[0] == "-m" else ""
        files = program_files(module) if module else [ROOT / words[0]]
        told += 1
        if not all(file.is_file() for file in files) or not files:
            wrong.append(f"{page}: {rest}: there is no such program")
            continue
        source = "".join(file.read_text("utf-8") for file in [*files, ROOT / "benchmarks" / "shared_options.py"])
        source += (ROOT / "benchmarks" / "chosen_packs.py").read_text("utf-8")
        for option in re.findall(r"(?<!\S)--[a-z][\w-]*", rest):
            if f'"{option}"' not in source and option != "--help" and option.removeprefix("--") not in ("json",):
                wrong.append(f"{page}: {rest}: {option}")
    assert told > 15
    assert wrong == []


def program_files(module: str) -> list[Path]:
    """Where `python -m MODULE` begins, and what lies beside it."""
    for room in ("backend", "training", "cli"):
        place = ROOT / room / Path(*module.split("."))
        if (place / "__main__.py").is_file():
            return [place / "__main__.py"]
        if place.with_suffix(".py").is_file():
            return [place.with_suffix(".py")]
    return []


def test_the_page_of_the_command_line_is_what_the_commands_say() -> None:
    place = importlib.util.spec_from_file_location("command_line_page", DOCS / "site" / "command_line_page.py")
    assert place is not None and place.loader is not None
    maker = importlib.util.module_from_spec(place)
    place.loader.exec_module(maker)
    # Made again: PYTHONPATH=backend:training:cli python docs/site/command_line_page.py > docs/command-line.md
    assert (DOCS / "command-line.md").read_text("utf-8") == maker.page()


# --- the manual ------------------------------------------------------------------------------------------


class _Shape(HTMLParser):
    """Headings, list items and links, in their order; every element closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.shape: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)
        if tag in ("h1", "h2", "li", "dt", "pre"):
            self.shape.append(f"{tag} {dict(attrs).get('id', '')}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def test_the_manual_says_the_same_in_both_languages() -> None:
    shapes = {}
    for page in MANUALS:
        reader = _Shape()
        reader.feed(page.read_text("utf-8"))
        assert reader.open == [], page.name
        assert "<!--version-->" in page.read_text("utf-8")
        shapes[page.stem] = reader.shape
    assert sorted(shapes) == ["de", "en"] and shapes["de"] == shapes["en"]
