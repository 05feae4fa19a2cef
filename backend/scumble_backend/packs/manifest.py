"""manifest.json of a style pack as typed data, and back. docs/pack-format.md is the same in prose.

No torch, no files: pure data, so that listing packs and answering Hello stay quick.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, cast, get_args

from scumble_backend.errors import ManifestWrong, PackTooNew, PackUnsupported
from scumble_backend.packs.strict_json import MAX_JSON_BYTES, Json, parse_json
from scumble_wire.mix import parse as parse_mix

FORMAT = 1
"""Version of the format that is written. Every version from 1 on stays readable: see `_UPGRADES`."""

MAX_MANIFEST_BYTES = MAX_JSON_BYTES

Kind = Literal["affine", "network", "upscale", "mix"]

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# A folder or file of one of these names can't be made on Windows, whatever its ending.
# "bicubic" is the model that enlarges without a pack.
_RESERVED = {"bicubic", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}

#: From format version n to n + 1. A new version adds one line here and keeps a pack of the old one in the tests.
_UPGRADES: dict[int, Callable[[Json], Json]] = {}


@dataclass(frozen=True, slots=True)
class Painting:
    """The picture a style was learned from. Its rights are apart from the pack's."""

    title: str
    artist: str = ""
    year: str = ""  # "1831", "about 1500"
    license: str = ""  # SPDX expression or "public domain"
    source: str = ""  # museum, address, catalog number

    def __str__(self) -> str:
        return ", ".join(part for part in (self.title, self.artist, self.year) if part)


@dataclass(frozen=True, slots=True)
class Training:
    """How the weights came to be: enough to do it again."""

    recipe: Json = field(default_factory=dict)  # the whole recipe, as the trainer read it
    data: str = ""  # description of the photos: names, counts, licenses
    seed: int = 0
    seconds: float = 0.0  # wall clock
    hardware: str = ""  # "NVIDIA H200", "2 CPU cores"
    software: str = ""  # "scumble 0.1.0, torch 2.6"
    finished: str = ""  # ISO 8601 date or date and time, UTC


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the pack beside manifest.json, signature.json and base.safetensors."""

    sha256: str  # 64 lower-case hexadecimal digits
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack says about itself.

    Raises ManifestWrong with the field's name if a value is out of its range, PackUnsupported for an unknown kind.
    """

    id: str  # a-z, 0-9 and inner hyphens, at most 64
    title: str
    kind: Kind
    architecture: Json  # {"name": ..., and its configuration}
    version: str = "1.0.0"
    authors: tuple[str, ...] = ()
    license: str = ""  # SPDX expression of the pack
    rights: str = ""  # statement in words: who may do what, and why the author may give it
    description: str = ""
    homepage: str = ""
    tags: tuple[str, ...] = ()  # words to find it by: "woodcut", "night"; in English where editors are to translate
    painting: Painting | None = None
    base: str = ""  # affine: sha256 of the base network's safetensors file
    stroke_scales: tuple[float, ...] = (1.0,)  # sizes of the brush marks it was trained for, ascending
    palette: tuple[float, ...] = ()  # style packs: colors of the painting, nine numbers; see docs/pack-format.md
    mix: Json = field(default_factory=dict)  # mix: what is chosen, by the names of an editor's choices
    boldness: bool = False  # style packs: learned how much of the picture's form to keep, from faithful to bold
    factors: tuple[int, ...] = ()  # upscale: whole factors the network does in one go
    training: Training | None = None
    quality: Mapping[str, float] = field(default_factory=dict)  # figure by name
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_id(self.id)
        _need(bool(_VERSION.fullmatch(self.version)), "version", "letters, digits, '.', '+' and '-', at most 64")
        _need_text(self.title, "title", 200, empty=False)
        if self.kind not in get_args(Kind):
            raise PackUnsupported(
                f"{self.title}: a pack of kind {self.kind!r} is not known here.",
                remedy="Update Scumble, or ask the pack's author for a pack of kind affine, network, upscale or mix.",
            )
        name = self.architecture.get("name")
        _need(isinstance(name, str) and bool(_NAME.fullmatch(name)), "architecture.name", "a name such as 'style'")
        for text, label, limit in (
            (self.license, "license", 200),
            (self.rights, "rights", 20_000),
            (self.description, "description", 20_000),
            (self.homepage, "homepage", 2_000),
        ):
            _need_text(text, label, limit)
        _need(len(self.authors) <= 64, "authors", "at most 64 names")
        for author in self.authors:
            _need_text(author, "authors", 200, empty=False)
        _need(len(self.tags) <= 16, "tags", "at most 16 words")
        for tag in self.tags:
            _need_text(tag, "tags", 40, empty=False)
        if self.kind == "affine":
            _need(bool(_SHA256.fullmatch(self.base)), "base", "the base network's sha256, 64 hexadecimal digits")
        else:
            _need(self.base == "", "base", "absent: only affine packs stand on a base network")
        _need(
            len(self.palette) in (0, 9) and all(_number(each) and abs(each) <= 2 for each in self.palette),
            "palette",
            "nine numbers from -2 to 2",
        )
        _need(not self.palette or self.kind in ("affine", "network"), "palette", "absent: only styles have one")
        _need((self.kind == "mix") == bool(self.mix), "mix", "given by packs of kind mix, and by no others")
        if self.mix:
            _check_mix(self.mix)
        _need(0 < len(self.stroke_scales) <= 16, "stroke_scales", "1 to 16 numbers")
        _need(
            all(_number(scale) and 0.05 <= scale <= 20 for scale in self.stroke_scales)
            and list(self.stroke_scales) == sorted(self.stroke_scales),
            "stroke_scales",
            "ascending numbers from 0.05 to 20",
        )
        _need(isinstance(self.boldness, bool), "boldness", "true or false")
        _need(
            not self.boldness or self.kind in ("affine", "network"),
            "boldness",
            "absent: only style packs have this axis",
        )
        if self.kind == "upscale":
            _need(0 < len(self.factors) <= 16, "factors", "1 to 16 whole numbers")
            _need(all(_whole(factor) and 1 <= factor <= 16 for factor in self.factors), "factors", "from 1 to 16")
        else:
            _need(not self.factors, "factors", "absent: only upscale packs enlarge")
        for key, value in self.quality.items():
            _need_text(key, "quality", 100, empty=False)
            _need(_number(value), f"quality.{key}", "a finite number")
        _need(len(self.files) <= 64, "files", "at most 64 files")
        for file_name, entry in self.files.items():
            _need(bool(_SHA256.fullmatch(entry.sha256)), f"files.{file_name}.sha256", "64 hexadecimal digits")
            _need(_whole(entry.size) and entry.size >= 0, f"files.{file_name}.size", "a number of bytes")

    def to_json(self) -> Json:
        """As JSON-ready data, format version first. Empty optional fields are left out."""
        data: Json = {
            "format": FORMAT,
            "id": self.id,
            "version": self.version,
            "title": self.title,
            "kind": self.kind,
        }
        optional: Json = {
            "authors": list(self.authors),
            "license": self.license,
            "rights": self.rights,
            "description": self.description,
            "homepage": self.homepage,
            "tags": list(self.tags),
            "painting": _without_empty(self.painting, Painting) if self.painting else None,
            "base": self.base,
            "stroke_scales": list(self.stroke_scales) if self.kind in ("affine", "network") else None,
            "palette": list(self.palette),
            "mix": self.mix,
            "boldness": self.boldness,
            "factors": list(self.factors),
            "training": _without_empty(self.training, Training) if self.training else None,
            "quality": dict(self.quality),
        }
        data.update({key: value for key, value in optional.items() if value})
        data["architecture"] = self.architecture
        data["files"] = {name: {"sha256": e.sha256, "size": e.size} for name, e in sorted(self.files.items())}
        return data

    def to_bytes(self) -> bytes:
        """The bytes of manifest.json: what a signature signs."""
        return (json.dumps(self.to_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: object) -> Manifest:
        """Raises ManifestWrong, PackTooNew or PackUnsupported."""
        known = upgrade(data)
        _no_unknown(known, {*cls.__dataclass_fields__, "format"}, "")
        for name in ("id", "version", "title", "kind", "architecture", "files"):
            _need(name in known, name, "given")
        files = {}
        for name, entry in _mapping(known.get("files", {}), "files").items():
            fields = _mapping(entry, f"files.{name}")
            _no_unknown(fields, {"sha256", "size"}, f"files.{name}.")
            _need("size" in fields, f"files.{name}.size", "given")
            files[name] = FileEntry(_text(fields, "sha256", f"files.{name}."), _integer(fields, "size", 0))
        return cls(
            id=_text(known, "id"),
            title=_text(known, "title"),
            kind=cast(Kind, _text(known, "kind")),
            architecture=dict(_mapping(known.get("architecture"), "architecture")),
            version=_text(known, "version"),
            authors=tuple(_list_of(known.get("authors", []), str, "authors")),
            license=_text(known, "license", default=""),
            rights=_text(known, "rights", default=""),
            description=_text(known, "description", default=""),
            homepage=_text(known, "homepage", default=""),
            tags=tuple(_list_of(known.get("tags", []), str, "tags")),
            painting=_read(known.get("painting"), Painting, "painting"),
            base=_text(known, "base", default=""),
            stroke_scales=tuple(
                float(scale) for scale in _list_of(known.get("stroke_scales", [1.0]), (int, float), "stroke_scales")
            ),
            palette=tuple(float(n) for n in _list_of(known.get("palette", []), (int, float), "palette")),
            mix=dict(_mapping(known.get("mix", {}), "mix")),
            boldness=known.get("boldness", False),
            factors=tuple(_list_of(known.get("factors", []), int, "factors")),
            training=_read(known.get("training"), Training, "training"),
            quality=_mapping(known.get("quality", {}), "quality"),
            files=files,
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Manifest:
        """Raises ManifestWrong, PackTooNew or PackUnsupported."""
        return cls.from_json(parse_json(raw, "manifest.json"))


def upgrade(data: object) -> Json:
    """Manifest data of any readable format version -> of today's. Raises ManifestWrong, PackTooNew."""
    known = dict(_mapping(data, "manifest"))
    version = known.get("format")
    if not _whole(version) or cast(int, version) < 1:
        raise _wrong("The manifest does not say its format version (a whole number, 'format').")
    version = cast(int, version)
    if version > FORMAT:
        raise PackTooNew(
            f"The pack has format version {version}; this Scumble reads versions up to {FORMAT}.",
            remedy="Update Scumble.",
        )
    while version < FORMAT:
        known = _UPGRADES[version](known)
        version += 1
    return known


def check_id(pack_id: str) -> str:
    """Return `pack_id` if it is one; raises ManifestWrong otherwise."""
    if not (isinstance(pack_id, str) and _ID.fullmatch(pack_id)) or pack_id in _RESERVED:
        raise ManifestWrong(
            f"{pack_id!r:.200} can't be a pack's id.",
            remedy="An id has 1 to 64 letters a to z, digits and inner hyphens, such as 'great-wave'; "
            "the title may be anything.",
        )
    return pack_id


def id_from_title(title: str) -> str:
    """An id that fits a title in any script: "Große Welle" -> "grosse-welle", "موجة" -> "style-" and a hash."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    letters_lost = sum(c.isalnum() for c in title) - sum(c.isalnum() for c in words)
    if not words or words in _RESERVED or letters_lost > len(words):
        return f"style-{sha256(title.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return words


def _wrong(message: str) -> ManifestWrong:
    return ManifestWrong(message, remedy="Ask the pack's author for a corrected pack; nothing was installed.")


def _need(condition: bool, name: str, wanted: str) -> None:
    if not condition:
        raise _wrong(f"The manifest's {name!r:.150} must be {wanted}.")


def _need_text(text: str, name: str, limit: int, *, empty: bool = True) -> None:
    _need(isinstance(text, str), name, "text")
    _need(len(text) <= limit, name, f"at most {limit} characters long")
    _need(empty or bool(text.strip()), name, "given")
    # Control characters and overrides of the writing direction can forge what a list or terminal shows.
    bad = [c for c in text if (unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t") or c in _DIRECTION]
    _need(not bad, name, "text without control characters")


_DIRECTION = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_mix(mix: Json) -> None:
    """A preset names its styles in the text of `scumble_wire.mix`; the rest are plain values that editors check."""
    try:
        parts = parse_mix(mix.get("style", "") if isinstance(mix.get("style"), str) else "")
    except ValueError as error:
        raise _wrong(f"The manifest's 'mix.style' can't be read: {error}") from error
    _need(bool(parts), "mix.style", "given")
    for part in parts:
        check_id(part.pack)
    _need(len(mix) <= 64, "mix", "at most 64 values")
    for key, value in mix.items():
        _need_text(key, "mix", 64, empty=False)
        if isinstance(value, str):
            _need_text(value, f"mix.{key}", 2_000)
        else:
            _need(isinstance(value, bool) or _number(value), f"mix.{key}", "a text, a number, true or false")


def _mapping(value: object, name: str) -> Json:
    _need(isinstance(value, dict), name, "an object")
    return cast(Json, value)


def _text(data: Json, key: str, prefix: str = "", default: str | None = None) -> str:
    value = data.get(key, default)
    _need(isinstance(value, str), prefix + key, "text")
    return cast(str, value)


def _integer(data: Json, key: str, default: int) -> int:
    value = data.get(key, default)
    _need(_whole(value) and abs(cast(int, value)) < 1 << 63, key, "a whole number")
    return cast(int, value)


def _list_of(value: object, types: type | tuple[type, ...], name: str) -> list[Any]:
    _need(isinstance(value, list) and len(value) <= 64, name, "a list of at most 64")
    items = cast(list[Any], value)
    _need(all(isinstance(item, types) and not isinstance(item, bool) for item in items), name, "a list of one type")
    return items


def _no_unknown(data: Json, known: set[str], prefix: str) -> None:
    extra = sorted(set(data) - known)
    _need(not extra, prefix + (extra[0] if extra else ""), "left out: the format does not know it")


def _read(value: object, record: type[Any], name: str) -> Any:
    """A nested record of plain fields, or None."""
    if value is None:
        return None
    data = _mapping(value, name)
    _no_unknown(data, set(record.__dataclass_fields__), f"{name}.")
    _need(record is not Painting or "title" in data, f"{name}.title", "given")
    for key, given in data.items():
        kind = record.__dataclass_fields__[key].type
        if kind == "str":
            _need_text(given, f"{name}.{key}", 20_000)
        elif kind == "int":
            _integer(data, key, 0)
        elif kind == "float":
            _need(_number(given) and given >= 0, f"{name}.{key}", "a number, 0 or more")
        else:
            _mapping(given, f"{name}.{key}")
    return record(**data)


def _without_empty(value: object, record: type[Any]) -> Json:
    fields = {name: getattr(value, name) for name in record.__dataclass_fields__}
    return {name: given for name, given in fields.items() if given not in ("", {}, 0.0) or name in ("title", "seed")}
