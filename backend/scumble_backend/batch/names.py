"""What results are called: a pattern with places for names and numbers."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from scumble_backend.batch.inputs import Source
from scumble_backend.errors import UnwritableImage
from scumble_backend.pictures.targets import FORMATS

FIELDS = ("name", "pack", "number", "page")
_FIELD = re.compile(r"\{([^{}]*)\}")
_SPACES = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Names:
    """A pattern such as "{name}-{pack}" or "{pack}/{number:04}"; the suffix comes by itself.

    suffix: ".png", ...; empty: that of the picture's own file, or .png where its format is only read.
    several_packs: each picture gets several results, which must not take each other's name.
    """

    pattern: str = "{name}"
    suffix: str = ""
    several_packs: bool = False

    def __post_init__(self) -> None:
        """Raises UnwritableImage for a pattern or suffix that can't be used."""
        for wanted in _FIELD.findall(self.pattern):
            name, _, width = wanted.partition(":")
            if name not in FIELDS or (width and not (name in ("number", "page") and width.isdecimal())):
                known = ", ".join(f"{{{field}}}" for field in FIELDS)
                raise UnwritableImage(
                    f"The name pattern can't hold {{{wanted}}}.", remedy=f"It may hold {known} and {{number:04}}."
                )
        rest = _FIELD.sub("x", self.pattern)
        if "{" in rest or "}" in rest or not rest.strip():
            raise UnwritableImage(
                f"{self.pattern!r} is no pattern for names.", remedy="Write one like {name}-{pack}."
            )
        if Path(rest).is_absolute() or ".." in Path(rest).parts:
            raise UnwritableImage(
                f"The name pattern {self.pattern!r} leads out of the output folder.",
                remedy="Choose the folder with --output.",
            )
        if self.suffix and self.suffix.lower() not in FORMATS:
            raise UnwritableImage(
                f"Pictures can't be written as {self.suffix}.", remedy=f"Choose one of {', '.join(FORMATS)}."
            )

    def path(self, source: Source, pack: str, number: int) -> str:
        """Of a result, below the output folder, with / between folders."""
        name, own = Path(source.path).stem, Path(source.path).suffix
        values = {"name": name, "pack": _SPACES.sub("-", pack), "number": number, "page": source.place or 1}

        def fill(match: re.Match[str]) -> str:
            field, _, width = match[1].partition(":")
            return str(values[field]).zfill(int(width or 0))

        made = _FIELD.sub(fill, self.pattern)
        if source.page is not None and not _holds(self.pattern, "page"):
            made += f"-{source.place:03}"
        if self.several_packs and not _holds(self.pattern, "pack"):
            made += f"-{values['pack']}"
        suffix = self.suffix or (own if own.lower() in FORMATS else ".png")
        return "/".join([*([source.folder.replace(os.sep, "/")] if source.folder else []), made + suffix])


def _holds(pattern: str, field: str) -> bool:
    return any(wanted.partition(":")[0] == field for wanted in _FIELD.findall(pattern))
