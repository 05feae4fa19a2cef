"""What a person can choose in a plugin: typed, each with its label, default and range, kept between sessions.

Label, default and limits stand in one place; dialogs and GIMP's procedure arguments are made from them.
Values are checked on construction (ValueError); a settings file written by another version is read leniently,
value by value, by `read_choices`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from scumble_wire import mix
from scumble_wire.messages import Colors, ImageInfo, Priority, Quality, StyleChoice, Stylize, Train, Upscale

from .words import style_layer_name, tr

#: Pixels of the picture on which relative and absolute stroke sizes are the same; the backend's own number.
USUAL_PIXELS = 1_000_000


@dataclass(frozen=True)
class Option:
    """How one choice is shown: label and help in English (see `words.tr`), limits, step, allowed words."""

    label: str
    help: str = ""
    low: float = -math.inf
    high: float = math.inf
    step: float = 0.0
    words: tuple[tuple[str, str], ...] = ()  # (value, label)


def _option(default: Any, label: str, help: str = "", **limits: Any) -> Any:
    return field(default=default, metadata={"option": Option(label, help, **limits)})


def option(choices: type | object, name: str) -> Option:
    """The `Option` of a field of one of the classes below. Raises KeyError."""
    for each in fields(choices):  # type: ignore[arg-type]
        if each.name == name:
            found = each.metadata["option"]
            assert isinstance(found, Option)
            return found
    raise KeyError(name)


class _Checked:
    """Checks every field against its option and against the type of its default."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            _check(each.name, getattr(self, each.name), each.default, each.metadata["option"])


def _check(name: str, value: object, default: object, limits: Option) -> None:
    if isinstance(default, bool) or isinstance(value, bool):
        if not (isinstance(default, bool) and isinstance(value, bool)):
            raise ValueError(f"{name} must be {type(default).__name__}, not {value!r}.")
    elif isinstance(default, (int, float)):
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{name} must be a number, not {value!r}.")
        if isinstance(default, int) and not isinstance(value, int):
            raise ValueError(f"{name} must be a whole number, not {value!r}.")
        if not limits.low <= value <= limits.high:
            raise ValueError(f"{name} must be between {limits.low:g} and {limits.high:g}, not {value}.")
    elif not isinstance(value, type(default)):
        raise ValueError(f"{name} must be {type(default).__name__}, not {value!r}.")
    if limits.words and value not in [word for word, _ in limits.words]:
        raise ValueError(f"{name} must be one of {', '.join(word for word, _ in limits.words)}, not {value!r}.")


#: place of a style -> its label in English; masks of the picture come after them, see `place_words`.
PLACES = {
    "everywhere": "Everywhere",
    "rest": "What is left",
    "selection": "Selection",
    "light": "Light parts",
    "dark": "Dark parts",
    "opaque": "Opaque parts",
}


#: colors -> what they do, in English.
COLORS_TOLD = {
    "style": "The colors that the style learned from its painting.",
    "picture": "Brush marks in light and dark; every place keeps the color it has.",
    "matched": "Painted, then tinted as a whole to the colors of your picture.",
    "palette": "Painted, then tinted as a whole to the colors of the painting.",
    "only": "Your picture tinted to the colors of the painting, and nothing painted.",
}


def colors_told(colors: str) -> str:
    """What a word of `StyleChoices.colors` does, in the user's language."""
    return tr(COLORS_TOLD[colors])


def place_words(
    masks: Sequence[str], chosen: str = "everywhere", layers: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """(place, label in the user's language) of everything a style can be bound to.

    masks, layers: names of masks and channels, and of layers, in the picture. chosen: the place of now, listed even
    if it is gone.
    """
    places = [(place, tr(label)) for place, label in PLACES.items()]
    places += [(mix.MASK + name, name) for name in masks]
    for name in layers:
        places.append((mix.LUMINANCE + name, tr("{name}: brightness", name=name)))
        places.append((mix.ALPHA + name, tr("{name}: opacity", name=name)))
    if chosen not in [place for place, _ in places]:
        places.append((chosen, tr("{name} (is gone)", name=mix.named(chosen)[1])))
    return places


@dataclass(frozen=True)
class StyleChoices(_Checked):
    """What paints: the Style tab, GIMP's filter, "apply last style"."""

    style: str = _option("", "Style", "The style that paints, or a mix of up to four.")
    strength: float = _option(1.0, "Strength", "How far the layer turns into the style.", low=0, high=1, step=0.01)
    boldness: float = _option(
        0.0,
        "Faithful to bold",
        "How much of the picture's own forms is kept: to the left eyes, lettering and contours stay, "
        "to the right the painting's marks take over.",
        low=-1,
        high=1,
        step=0.05,
    )
    stroke_scale: float = _option(
        1.0,
        "Stroke size",
        "Size of the brush marks against the picture, however large it is.",
        low=0.25,
        high=4,
        step=0.05,
    )
    absolute_strokes: bool = _option(
        False,
        "Stroke size in pixels",
        "Brush marks get the size in pixels that the style learned, times stroke size.",
    )
    colors: Colors = _option(  # noqa: RUF009
        "style",
        "Colors",
        "Whose colors the painted picture has.",
        words=(
            ("style", "As the style paints"),
            ("picture", "Each place keeps its color"),
            ("matched", "Palette of the picture"),
            ("palette", "Palette of the painting"),
            ("only", "Palette alone, no brush marks"),
        ),
    )
    seed: int = _option(0, "Seed", "The same seed gives the same picture.", low=0, high=2**31 - 1, step=1)
    source: str = _option(
        "layer",
        "Input",
        "What is painted: the layer, or the picture that several make together.",
        words=(
            ("layer", "This layer"),
            ("below", "This layer and those below"),
            ("visible", "All that is visible"),
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            mix.parse(self.style)
        except ValueError as error:
            raise ValueError(f"style: {error}") from error

    @property
    def parts(self) -> list[mix.Part]:
        """The styles with their weights and places; [] while none is chosen."""
        return mix.parse(self.style)

    @property
    def packs(self) -> list[str]:
        """The ids of the styles, each once."""
        return list(dict.fromkeys(part.pack for part in self.parts))

    @property
    def mask_places(self) -> list[str]:
        """The places whose masks have to be sent, in the order of their frames, which follow the pixels."""
        return list(dict.fromkeys(part.place for part in self.parts if part.needs_mask))

    @property
    def places_selection(self) -> bool:
        """Whether the selection places a style, and so does not confine what is painted."""
        return "selection" in self.mask_places

    def with_parts(self, parts: Sequence[mix.Part]) -> StyleChoices:
        """The same with another mix. Raises ValueError when it can't be."""
        return replace(self, style=mix.written(parts))

    def with_part(self, number: int, /, **changes: Any) -> StyleChoices:
        """The same with fields of one part changed; see `mix.Part`.

        When the first style gets a place, those that were everywhere paint the rest; when the last place goes, they
        are everywhere again.
        """
        before = self.parts
        parts = [replace(part, **changes) if index == number else part for index, part in enumerate(before)]
        if "place" in changes:
            others = [part for index, part in enumerate(before) if index != number]
            if changes["place"] not in ("everywhere", "rest") and all(p.place == "everywhere" for p in others):
                parts = [p if i == number else replace(p, place="rest") for i, p in enumerate(parts)]
            elif all(part.place in ("everywhere", "rest") for part in parts):
                parts = [replace(part, place="everywhere") for part in parts]
        return self.with_parts(parts)

    def with_another(self, pack: str) -> StyleChoices:
        """The same with one more style mixed in, as strong as the others together are on average."""
        parts = self.parts
        weight = round(sum(part.weight for part in parts) / len(parts), 2) if parts else 1.0
        placed = any(part.place != "everywhere" for part in parts)
        return self.with_parts([*parts, mix.Part(pack, weight or 1.0, "rest" if placed else "everywhere")])

    def without_part(self, number: int) -> StyleChoices:
        """The same without one of its styles; the last one stays."""
        parts = [part for index, part in enumerate(self.parts) if index != number]
        if not parts:
            return self
        if sum(part.weight for part in parts) <= 0:
            parts = [replace(part, weight=1.0) for part in parts]
        if all(part.place in ("everywhere", "rest") for part in parts):
            parts = [replace(part, place="everywhere") for part in parts]
        return self.with_parts(parts)

    def without_packs(self, gone: Callable[[str], bool]) -> StyleChoices:
        """The same without the styles of packs that are gone; no style at all where all are."""
        parts = [part for part in self.parts if not gone(part.pack)]
        if len(parts) == len(self.parts):
            return self
        if not parts or sum(part.weight for part in parts) <= 0:
            return replace(self, style=mix.written([replace(part, weight=1.0) for part in parts]))
        return self.with_parts(parts)

    def styles(self) -> list[StyleChoice]:
        """The mix as the wire wants it. Raises ValueError when no style is chosen."""
        if not self.style:
            raise ValueError("no style is chosen.")
        frames = {place: number for number, place in enumerate(self.mask_places, 1)}
        counted = [part for part in self.parts if part.weight > 0]
        return [part.choice(frames.get(part.place)) for part in counted]

    def message(
        self,
        image: ImageInfo,
        priority: Priority = "apply",
        title: str = "",
        *,
        picture_pixels: int = 0,
        scale: float = 1.0,
    ) -> Stylize:
        """picture_pixels, scale: of what picture the image is a part or a small copy; see `Stylize`.

        The masks of `mask_places` have to follow the pixels as frames.
        """
        return Stylize(
            image,
            self.styles(),
            strength=self.strength,
            stroke_scale=self.stroke_scale,
            absolute_strokes=self.absolute_strokes,
            picture_pixels=picture_pixels,
            scale=scale,
            boldness=self.boldness,
            colors=self.colors,
            seed=self.seed,
            priority=priority,
            title=title,
        )

    def mark_size(self, picture_pixels: int) -> float:
        """Size of the brush marks on a picture against the size that styles learned, in its pixels."""
        usual = 1.0 if self.absolute_strokes else math.sqrt(picture_pixels / USUAL_PIXELS)
        return usual * self.stroke_scale

    def layer_name(self, titles: Mapping[str, str]) -> str:
        """titles: pack id -> title, for the name of the new layer."""
        parts = [part for part in self.parts if part.weight > 0]
        whole = sum(part.weight for part in parts)
        placed = any(part.place != "everywhere" for part in parts)
        shown = [(titles.get(part.pack, part.pack), 0.0 if placed else part.weight / whole) for part in parts]
        return style_layer_name(shown, self.strength)


@dataclass(frozen=True)
class UpscaleChoices(_Checked):
    factor: float = _option(
        2.0, "Factor", "How many times wider and higher; 1 cleans up only.", low=1, high=16, step=0.5
    )
    model: str = _option("faithful", "Model", "The network that enlarges.")
    vivid: float = _option(
        0.0,
        "Faithful to vivid",
        "To the right more of the model Vivid, which makes texture up.",
        low=0,
        high=1,
        step=0.05,
    )
    grain: float = _option(
        0.0, "Keep grain", "How much of the picture's own grain and noise stays.", low=0, high=1, step=0.05
    )
    best: bool = _option(
        False, "Eight passes", "The mean of eight passes, turned and mirrored: a little better, eight times as long."
    )
    source: str = _option(
        "layer",
        "Enlarge",
        "What is enlarged, and where it goes.",
        words=(("layer", "Layer or selection, as a new layer"), ("document", "Whole document, as a new document")),
    )

    def message(self, image: ImageInfo, priority: Priority = "apply", title: str = "") -> Upscale:
        return Upscale(image, self.factor, self.model, self.vivid, self.grain, self.best, priority, title)


@dataclass(frozen=True)
class TrainChoices(_Checked):
    name: str = _option("", "Name", "Name of the new style.")
    source: str = _option(
        "layer",
        "Learn from",
        "The one picture that shows the style.",
        words=(
            ("layer", "Current layer"),
            ("selection", "Selection"),
            ("document", "Whole document"),
            ("file", "Picture file"),
        ),
    )
    quality: Quality = _option(  # noqa: RUF009
        "standard",
        "Quality",
        "Longer training gives finer brush marks.",
        words=(("quick", "Quick"), ("standard", "Standard"), ("full", "Full")),
    )
    strength: float = _option(
        1.0, "Style strength", "Weight of the style against the picture's own shapes.", low=0.1, high=16, step=0.1
    )
    photos: str = _option("", "Photos", "A folder of photos to practice on; with 16 or more the style suits photos.")

    def message(self, image: ImageInfo, title: str = "") -> Train:
        """Raises ValueError while the style has no name."""
        return Train(image, self.name, self.quality, self.strength, photos=self.photos, title=title)


Choices = TypeVar("Choices", bound=_Checked)


def read_choices(kind: type[Choices], data: object) -> Choices:
    """Make choices from JSON data; a value that is missing or out of its limits gets its default."""
    given = data if isinstance(data, Mapping) else {}
    kept: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name not in given:
            continue
        value = given[each.name]
        if type(each.default) is float and type(value) is int:
            value = float(value)
        try:
            _check(each.name, value, each.default, each.metadata["option"])
            kind(**{each.name: value})
        except ValueError:
            continue
        kept[each.name] = value
    return kind(**kept)


class ChoicesFile:
    """The last choices as one JSON file, sections by name; written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = False  # True: the file could not be read and defaults are in use

    def read(self) -> dict[str, Any]:
        """All sections; empty if there is no file, or it can't be read."""
        self.damaged = False
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            self.damaged = True
            return {}
        self.damaged = not isinstance(data, dict)
        return data if isinstance(data, dict) else {}

    def get(self, section: str, kind: type[Choices]) -> Choices:
        return read_choices(kind, self.read().get(section))

    def put(self, section: str, choices: _Checked | Mapping[str, Any]) -> None:
        """Keep one section, leaving the others. Raises OSError."""
        data = self.read()
        if isinstance(choices, Mapping):
            data[section] = dict(choices)
        else:
            data[section] = {each.name: getattr(choices, each.name) for each in fields(choices)}  # type: ignore[arg-type]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        new.write_text(json.dumps(data, indent=1, sort_keys=True), "utf-8")
        new.replace(self.path)
