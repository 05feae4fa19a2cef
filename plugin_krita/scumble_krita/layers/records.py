"""What made each painted layer, kept in the document and saved with it: Krita lets Python add nothing to a layer."""

import json
from typing import Any

from scumble_editor.made import KEY, Made

from ..qt import QByteArray

MOST = 200  # layers whose settings a document keeps, the newest


def keep(document: Any, layer: Any, made: Made) -> None:
    """Keep what made a layer of the document. It is no undo step; a layer that comes back has its settings."""
    known = _all(document)
    known.pop(_name(layer), None)
    known[_name(layer)] = made.to_text()
    kept = dict(list(known.items())[-MOST:])
    document.setAnnotation(KEY, "Scumble", QByteArray(json.dumps(kept).encode()))


def of(document: Any, layer: Any) -> Made | None:
    """What made a layer; None for one that was not painted here."""
    text = _all(document).get(_name(layer))
    return Made.from_text(text) if isinstance(text, str) else None


def source_of(document: Any, made: Made) -> Any | None:
    """The layer that a result was painted from; None if it is gone."""
    return _named(document, made.source)


def remove(document: Any, name: str) -> bool:
    """Take a layer away, named as in `Made.source`. False if it is gone already."""
    found = _named(document, name)
    return bool(found is not None and found.remove())


def _named(document: Any, name: str) -> Any | None:
    waiting = [document.rootNode()]
    while waiting:
        node = waiting.pop()
        if _name(node) == name:
            return node
        waiting += node.childNodes()
    return None


def _name(layer: Any) -> str:
    return str(layer.uniqueId().toString())


def _all(document: Any) -> dict[str, Any]:
    if KEY not in document.annotationTypes():
        return {}
    try:
        data = json.loads(bytes(document.annotation(KEY)))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
