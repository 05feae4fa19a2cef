"""A mix of styles as one line of text: "great-wave:0.6@selection + night-cafe:0.4@rest".

Editors keep it, scripts write it, a preset carries it. Each style is PACK, PACK:WEIGHT, PACK@PLACE or
PACK:WEIGHT@PLACE. A place is one of `PLACES`, or "mask:NAME" for a mask or channel of the picture, "luminance:NAME"
or "alpha:NAME" for what a layer shows; in a name, what the text needs for itself is written as in an address (%2B
for +).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from .values import Region, StyleChoice

MOST_STYLES = 4
SEPARATOR = " + "

#: Places that the backend finds in the picture itself.
REGIONS: tuple[Region, ...] = ("everywhere", "light", "dark", "opaque", "rest")

#: All places without a name of their own; "selection" comes from the editor.
PLACES = (*REGIONS, "selection")

MASK = "mask:"

#: A layer as a mask: by how light it is where it is opaque, or by how opaque.
LUMINANCE, ALPHA = "luminance:", "alpha:"

#: What a place with a name of its own begins with.
NAMED = (MASK, LUMINANCE, ALPHA)


def named(place: str) -> tuple[str, str]:
    """("mask:", "Sky") of "mask:Sky"; ("", place) of a place without a name of its own."""
    begin = next((begin for begin in NAMED if place.startswith(begin)), "")
    return begin, place[len(begin) :]


@dataclass(frozen=True)
class Part:
    """One style of a mix. weight: relative, 0 .. 1000. place: PLACES, or NAMED and a name. Raises ValueError."""

    pack: str
    weight: float = 1.0
    place: str = "everywhere"

    def __post_init__(self) -> None:
        if not self.pack or any(sign in self.pack for sign in " :@+"):
            raise ValueError(f"{self.pack!r} can't be the id of a style.")
        if not (math.isfinite(self.weight) and 0 <= self.weight <= 1000):
            raise ValueError(f"the weight of {self.pack} must be between 0 and 1000, not {self.weight}.")
        if self.place not in PLACES and not all(named(self.place)):
            names = ", ".join((*PLACES, *(f"{begin}NAME" for begin in NAMED)))
            raise ValueError(f"{self.place!r} is no place; it is one of {names}.")

    @property
    def needs_mask(self) -> bool:
        """Whether the program that has the picture has to send a mask."""
        return self.place not in REGIONS

    def choice(self, mask_frame: int | None = None) -> StyleChoice:
        """The part as the wire wants it. mask_frame: where its mask stands, if it needs one."""
        if self.place in REGIONS:
            return StyleChoice(self.pack, self.weight, region=self.place)
        if mask_frame is None:
            raise ValueError(f"{self.pack} has a place, but its mask is missing.")
        return StyleChoice(self.pack, self.weight, mask_frame)


def parse(text: str) -> list[Part]:
    """The parts of a mix; [] for an empty text. Raises ValueError with a sentence."""
    parts = [_part(piece) for piece in text.split(SEPARATOR)] if text.strip() else []
    if len(parts) > MOST_STYLES:
        raise ValueError(f"a mix has at most {MOST_STYLES} styles, not {len(parts)}.")
    if parts and sum(part.weight for part in parts) <= 0:
        raise ValueError("the weights of the styles add up to 0.")
    return parts


def written(parts: Sequence[Part]) -> str:
    """The text of a mix; `parse` reads it back."""
    return SEPARATOR.join(_text(part) for part in parts)


def _part(piece: str) -> Part:
    style, at, place = piece.strip().partition("@")
    pack, colon, weight = style.partition(":")
    try:
        number = float(weight) if colon else 1.0
    except ValueError:
        raise ValueError(f"{weight!r} is not a weight; write PACK:WEIGHT, such as {pack or 'wave'}:0.5.") from None
    begin, name = named(place)
    return Part(pack, number, (begin + unquote(name) if begin else place) if at else "everywhere")


def _text(part: Part) -> str:
    text = part.pack if part.weight == 1 else f"{part.pack}:{part.weight:g}"
    if part.place == "everywhere":
        return text
    begin, name = named(part.place)
    if begin:
        # A space stays readable, but at an end of the name it would be taken for one around the text.
        return f"{text}@{begin}{quote(name, safe=' ' if name == name.strip() else '')}"
    return f"{text}@{part.place}"
