"""What a person can choose in a plugin: typed, each with its label, default and range, kept between sessions.

Label, default and limits stand in one place; dialogs and GIMP's procedure arguments are made from them.
Values are checked on construction (ValueError); a settings file written by another version is read leniently,
value by value, by `read_choices`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from scumble_wire.messages import ImageInfo, Priority, Quality, StyleChoice, Stylize, Train, Upscale

from .words import style_layer_name

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


@dataclass(frozen=True)
class StyleChoices(_Checked):
    """What paints: the Style tab, GIMP's filter, "apply last style"."""

    pack: str = _option("", "Style", "The style pack that paints.")
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
    keep_colors: bool = _option(
        False, "Keep colors", "Take the brush marks from the style, the colors from the layer."
    )
    second_pack: str = _option("", "Mix with", "A second style to mix in.")
    mix: float = _option(0.0, "Mix", "How much of the second style: 0 is none, 1 is all.", low=0, high=1, step=0.01)
    seed: int = _option(0, "Seed", "The same seed gives the same picture.", low=0, high=2**31 - 1, step=1)

    def styles(self) -> list[StyleChoice]:
        """The mix as the wire wants it. Raises ValueError when no style is chosen."""
        if not self.pack:
            raise ValueError("no style is chosen.")
        if not self.second_pack or self.mix <= 0 or self.second_pack == self.pack:
            return [StyleChoice(self.pack)]
        if self.mix >= 1:
            return [StyleChoice(self.second_pack)]
        return [StyleChoice(self.pack, round(1 - self.mix, 4)), StyleChoice(self.second_pack, round(self.mix, 4))]

    def message(
        self,
        image: ImageInfo,
        priority: Priority = "apply",
        title: str = "",
        *,
        picture_pixels: int = 0,
        scale: float = 1.0,
    ) -> Stylize:
        """picture_pixels, scale: of what picture the image is a part or a small copy; see `Stylize`."""
        return Stylize(
            image,
            self.styles(),
            strength=self.strength,
            stroke_scale=self.stroke_scale,
            absolute_strokes=self.absolute_strokes,
            picture_pixels=picture_pixels,
            scale=scale,
            boldness=self.boldness,
            keep_colors=self.keep_colors,
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
        shown = [(titles.get(style.pack, style.pack), style.weight) for style in self.styles()]
        second, mix = shown[1] if len(shown) > 1 else ("", 0.0)
        return style_layer_name(shown[0][0], self.strength, second, mix)


@dataclass(frozen=True)
class UpscaleChoices(_Checked):
    factor: float = _option(2.0, "Factor", "How many times wider and higher.", low=1.1, high=16, step=0.5)
    model: str = _option("faithful", "Model", "The network that enlarges.")
    source: str = _option(
        "layer",
        "Enlarge",
        "What is enlarged, and where it goes.",
        words=(("layer", "Layer or selection, as a new layer"), ("document", "Whole document, as a new document")),
    )

    def message(self, image: ImageInfo, priority: Priority = "apply", title: str = "") -> Upscale:
        return Upscale(image, self.factor, self.model, priority, title)


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

    def message(self, image: ImageInfo, title: str = "") -> Train:
        """Raises ValueError while the style has no name."""
        return Train(image, self.name, self.quality, self.strength, title=title)


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
