"""Every text that the plugin shows, gathered from its sources: python plugin_krita/texts.py [LANGUAGE.ts]

Without a file it prints the texts; with one it adds those that are missing to it, marked unfinished, for a translator
to fill in with Qt Linguist or an editor. The test of translations uses `gather`, too.
"""

import ast
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent / "plugin_shared" / "scumble_editor"
TABLES = {
    "HEADLINES",
    "STAGES",
    "STATES",
    "KINDS",
    "COLORS_TOLD",
    "PLACES",
    "TAGS",
    "DESCRIPTIONS",
    "VIEWS",
    "UNITS",
}  # dictionaries whose values are shown through tr


def gather() -> list[str]:
    """Texts in English, in the order of the sources."""
    found: dict[str, None] = {}
    for path in [*sorted(SHARED.glob("*.py")), *sorted((HERE / "scumble_krita").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for text in _texts(node):
                found.setdefault(text)
    return list(found)


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "tr":
            return _strings(node.args[:1])
        if node.func.id == "_option":
            words = [keyword.value for keyword in node.keywords if keyword.arg == "words"]
            pairs = [pair.elts[1] for each in words for pair in each.elts]  # type: ignore[attr-defined]
            return _strings([*node.args[1:3], *pairs])
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in TABLES:
        return _strings(node.value.values)  # type: ignore[attr-defined]
    return []


def _strings(nodes: list) -> list[str]:
    return [
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value
    ]


def add_missing(path: Path) -> int:
    """Add texts that the translation lacks; returns how many."""
    if path.exists():
        root = ElementTree.parse(str(path)).getroot()
    else:
        root = ElementTree.Element("TS", {"version": "2.1", "language": path.stem})
        ElementTree.SubElement(ElementTree.SubElement(root, "context"), "name").text = "Scumble"
    context = root.find("context")
    assert context is not None
    known = {message.findtext("source") for message in context.iter("message")}
    missing = [text for text in gather() if text not in known]
    for text in missing:
        message = ElementTree.SubElement(context, "message")
        ElementTree.SubElement(message, "source").text = text
        ElementTree.SubElement(message, "translation", {"type": "unfinished"})
    ElementTree.indent(root, " ")
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n", "utf-8"
    )
    return len(missing)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(add_missing(Path(sys.argv[1])), "texts added")
    else:
        print("\n".join(gather()))
