"""catalog.json: a list of packs that anyone can host beside the packs themselves. See docs/pack-format.md."""

from __future__ import annotations

import json
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from scumble_backend.errors import CatalogWrong, ManifestWrong, PackError
from scumble_backend.packs.archive import SUFFIX
from scumble_backend.packs.checks import Examination
from scumble_backend.packs.manifest import MAX_MANIFEST_BYTES, check_id
from scumble_backend.packs.signing import fingerprint
from scumble_backend.packs.store import PackStore, pack_info
from scumble_backend.packs.strict_json import parse_json

FORMAT = 1
MAX_PACKS = 10_000
_REMEDY = "Tell the one who keeps the list."


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One pack of a list. Addresses may be relative to the catalog's own."""

    id: str
    title: str
    kind: str
    url: str
    sha256: str
    size: int  # bytes
    version: str = ""
    authors: tuple[str, ...] = ()
    license: str = ""
    painting: str = ""
    painting_license: str = ""
    description: str = ""
    homepage: str = ""
    signed_by: str = ""  # fingerprint, for people to compare; the pack itself is what is checked
    thumbnail: str = ""
    previews: tuple[str, ...] = ()

    def matches(self, words: Sequence[str]) -> bool:
        """True if every word stands somewhere in what the entry says; accents and case don't count."""
        rights = (self.license, self.painting_license)
        said = _folded(
            " ".join((self.id, self.title, self.kind, self.painting, self.description, *rights, *self.authors))
        )
        return all(_folded(word) in said for word in words)


@dataclass(frozen=True, slots=True)
class Catalog:
    title: str
    packs: tuple[CatalogEntry, ...]

    def to_bytes(self) -> bytes:
        packs = [{name: value for name, value in asdict(entry).items() if value} for entry in self.packs]
        data = {"format": FORMAT, "title": self.title, "packs": packs}
        return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, raw: bytes, name: str) -> Catalog:
        """Raises CatalogWrong. Fields that this version does not know are ignored; a newer format is refused."""
        if len(raw) > 16 * MAX_MANIFEST_BYTES:
            raise CatalogWrong(f"{name} is too long for a list of packs.", remedy=_REMEDY)
        try:
            data = parse_json(raw, name, limit=16 * MAX_MANIFEST_BYTES)
        except ManifestWrong as error:
            raise CatalogWrong(error.message, remedy=_REMEDY) from error
        if not isinstance(data, dict) or not isinstance(data.get("packs"), list):
            raise CatalogWrong(f"{name} is not a list of packs.", remedy=_REMEDY)
        if data.get("format") != FORMAT:
            raise CatalogWrong(f"{name} is of another format version.", remedy="Update Scumble.")
        if len(data["packs"]) > MAX_PACKS:
            raise CatalogWrong(f"{name} lists more than {MAX_PACKS} packs.", remedy=_REMEDY)
        title = data.get("title", "")
        return cls(title if isinstance(title, str) else "", tuple(_entry(item, name) for item in data["packs"]))

    def at(self, address: str) -> Catalog:
        """The same with absolute addresses, `address` being the catalog's own."""

        def absolute(url: str) -> str:
            return urllib.parse.urljoin(address, url) if url else ""

        return Catalog(
            self.title,
            tuple(
                CatalogEntry(
                    **{
                        **{field.name: getattr(entry, field.name) for field in fields(entry)},
                        "url": absolute(entry.url),
                        "thumbnail": absolute(entry.thumbnail),
                        "previews": tuple(map(absolute, entry.previews)),
                    }
                )
                for entry in self.packs
            ),
        )


def _entry(item: object, name: str) -> CatalogEntry:
    if not isinstance(item, dict):
        raise CatalogWrong(f"{name} lists something that is not a pack.", remedy=_REMEDY)
    given: dict[str, Any] = {}
    for field in fields(CatalogEntry):
        if field.name not in item:
            continue
        value = item[field.name]
        if field.name in ("authors", "previews"):
            sound = isinstance(value, list) and len(value) <= 64 and all(isinstance(text, str) for text in value)
            value = tuple(value) if sound else value
        elif field.name == "size":
            sound = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        else:
            sound = isinstance(value, str) and len(value) <= 20_000
        if not sound:
            raise CatalogWrong(f"{name}: {field.name!r} of a pack is not what it should be.", remedy=_REMEDY)
        given[field.name] = value
    missing = {"id", "title", "kind", "url", "sha256", "size"} - given.keys()
    if missing:
        raise CatalogWrong(f"{name} does not say the {', '.join(sorted(missing))} of a pack.", remedy=_REMEDY)
    try:
        check_id(given["id"])
    except ManifestWrong as error:
        raise CatalogWrong(f"{name}: {error.message}", remedy=_REMEDY) from error
    if not re.fullmatch(r"[0-9a-f]{64}", given["sha256"]):
        raise CatalogWrong(f"{name}: the sha256 of {given['id']} is not one.", remedy=_REMEDY)
    return CatalogEntry(**given)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def from_folder(folder: Path, store: PackStore, *, title: str, thumbnails: str = "pictures") -> Catalog:
    """A catalog of all packs in a folder; their pictures are put into `folder/pictures`.

    Raises the first thing that is wrong with any of the packs: a list must not offer what can't be installed.
    """
    entries = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        found = store.examine(path)
        try:
            found.raise_first()
        except PackError as error:
            error.message = f"{path.name}: {error.message}"
            raise
        entries.append(_listed(path, found, folder / thumbnails, thumbnails))
    return Catalog(title, tuple(sorted(entries, key=lambda entry: entry.title.casefold())))


def _listed(path: Path, found: Examination, pictures: Path, place: str) -> CatalogEntry:
    from scumble_backend.files import write_bytes
    from scumble_backend.packs.archive import PackArchive

    manifest = found.manifest
    assert manifest is not None
    shown: list[str] = []
    with PackArchive(path) as archive:
        for name in sorted(manifest.files, key=lambda name: (not name.startswith("thumbnail."), name)):
            if name.startswith(("thumbnail.", "previews/")):
                raw = archive.read_listed(manifest, name)
                pictures.mkdir(parents=True, exist_ok=True)
                file_name = f"{sha256(raw).hexdigest()[:20]}.{name.rsplit('.', 1)[1]}"
                write_bytes(pictures / file_name, raw)
                shown.append(f"{place}/{file_name}")
    has_thumbnail = any(name.startswith("thumbnail.") for name in manifest.files)
    raw = path.read_bytes()
    info = pack_info(manifest)
    return CatalogEntry(
        id=manifest.id,
        title=manifest.title,
        kind=manifest.kind,
        url=urllib.parse.quote(path.name),
        sha256=sha256(raw).hexdigest(),
        size=len(raw),
        version=manifest.version,
        authors=manifest.authors,
        license=manifest.license,
        painting=info.painting,
        painting_license=info.painting_license,
        description=manifest.description,
        homepage=manifest.homepage,
        signed_by=fingerprint(found.key) if found.key else "",
        thumbnail=shown[0] if has_thumbnail else "",
        previews=tuple(shown[1:] if has_thumbnail else shown),
    )


def search(catalogs: Iterable[Catalog], words: Sequence[str]) -> list[CatalogEntry]:
    """Entries of all catalogs that match, the same pack once."""
    found = {entry.sha256: entry for catalog in catalogs for entry in catalog.packs if entry.matches(words)}
    return sorted(found.values(), key=lambda entry: entry.title.casefold())
