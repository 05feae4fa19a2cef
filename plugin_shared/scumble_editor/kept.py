"""What a person keeps for all pictures and both editors: favorites, presets, the last results. One JSON file."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scumble_wire.messages import ImageInfo

from .choices import StyleChoices, read_choices
from .known_packs import Picture
from .small_pictures import png

RESULTS_KEPT = 24
USED_KEPT = 12


@dataclass(frozen=True)
class Kept:
    """One preset or result. picture: RGB u8, or None."""

    title: str
    choices: StyleChoices
    picture: Picture | None = None


class KeptFile:
    """Read whole before every change and written in one step, so that two editors don't lose each other's presets.

    A file that can't be read counts as empty and is left alone until something is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def favorites(self) -> list[str]:
        return _texts(self._read().get("favorites"))

    def set_favorite(self, pack: str, on: bool) -> None:
        """Raises OSError."""
        data = self._read()
        known = [each for each in _texts(data.get("favorites")) if each != pack]
        self._write({**data, "favorites": [*known, pack] if on else known})

    def used(self) -> list[str]:
        """Packs that painted, the last one first."""
        return _texts(self._read().get("used"))

    def presets(self) -> list[Kept]:
        """By name."""
        return sorted(_entries(self._read().get("presets")), key=lambda each: each.title.casefold())

    def put_preset(self, name: str, choices: StyleChoices, picture: Picture | None) -> None:
        """Keep under a name, in place of what was there. Raises ValueError for an empty name, OSError."""
        if not name.strip():
            raise ValueError("a preset needs a name.")
        data = self._read()
        others = [each for each in _entries(data.get("presets")) if each.title != name.strip()]
        kept = Kept(name.strip(), choices, picture)
        self._write({**data, "presets": [_json(each) for each in [*others, kept]]})

    def remove_preset(self, name: str) -> None:
        """Raises OSError."""
        data = self._read()
        left = [each for each in _entries(data.get("presets")) if each.title != name]
        self._write({**data, "presets": [_json(each) for each in left]})

    def results(self) -> list[Kept]:
        """The newest first."""
        return _entries(self._read().get("results"))

    def add_result(self, kept: Kept) -> None:
        """Raises OSError."""
        data = self._read()
        others = [each for each in _entries(data.get("results")) if each.choices != kept.choices]
        results = [_json(each) for each in [kept, *others][:RESULTS_KEPT]]
        used = list(dict.fromkeys([*kept.choices.packs, *_texts(data.get("used"))]))[:USED_KEPT]
        self._write({**data, "results": results, "used": used})

    def training_seconds(self) -> dict[str, float]:
        """How long the last training of each quality took on this machine."""
        data = self._read().get("trainings")
        given = data if isinstance(data, dict) else {}
        return {str(name): float(s) for name, s in given.items() if isinstance(s, (int, float)) and s > 0}

    def add_training(self, quality: str, seconds: float) -> None:
        """A training has ended. Raises OSError."""
        self._write({**self._read(), "trainings": {**self.training_seconds(), quality: round(seconds, 1)}})

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _write(self, data: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        new.write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
        new.replace(self.path)


def preset_pack(kept: Kept) -> tuple[str, bytes]:
    """(file name, contents) of a .scumble pack of kind mix: references to styles, no weights."""
    from io import BytesIO

    name = _id_of(kept.title)
    files = {"thumbnail.png": png(*kept.picture)} if kept.picture is not None else {}
    listed = {each: {"sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)} for each, raw in files.items()}
    manifest = {
        "format": 1,
        "id": name,
        "version": "1.0.0",
        "title": kept.title,
        "kind": "mix",
        "mix": asdict(kept.choices),
        "architecture": {"name": "mix"},
        "files": listed,
    }
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for each, raw in [("manifest.json", json.dumps(manifest, indent=1).encode()), *files.items()]:
            archive.writestr(zipfile.ZipInfo(each, (1980, 1, 1, 0, 0, 0)), raw)
    return f"{name}.scumble", target.getvalue()


def _id_of(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-")
    return f"preset-{words}" if words else f"preset-{hashlib.sha256(title.encode()).hexdigest()[:8]}"


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _entries(value: object) -> list[Kept]:
    """Entries that can be read; others are passed over."""
    found = [_entry(each) for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return [each for each in found if each is not None]


def _entry(data: Mapping[str, Any]) -> Kept | None:
    title, choices = data.get("title"), read_choices(StyleChoices, data.get("choices"))
    return Kept(title, choices, _picture(data.get("picture"))) if isinstance(title, str) and choices.style else None


def _picture(data: object) -> Picture | None:
    if not isinstance(data, list) or len(data) != 3:
        return None
    try:
        rgb = zlib.decompress(base64.b64decode(data[2], validate=True))
        info = ImageInfo(data[0], data[1], "u8", "RGB")
        info.check_payload(len(rgb))
    except (TypeError, ValueError, binascii.Error, zlib.error):
        return None
    return info, rgb


def _json(kept: Kept) -> dict[str, Any]:
    picture: Sequence[Any] | None = None
    if kept.picture is not None:
        info, rgb = kept.picture
        picture = [info.width, info.height, base64.b64encode(zlib.compress(bytes(rgb))).decode()]
    return {"title": kept.title, "choices": asdict(kept.choices), "picture": picture}
