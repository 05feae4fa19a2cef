"""Arguments of procedures, made from the choices both plugins share, and read back from GIMP's configuration."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

from gi.repository import Gimp, GObject

from scumble_editor.choices import StyleChoices, TrainChoices, UpscaleChoices, option

from .texts import _

BICUBIC = "bicubic"  # the backend's own model, needs no pack
FLAGS = GObject.ParamFlags.READWRITE
Choices = TypeVar("Choices", StyleChoices, UpscaleChoices, TrainChoices)

#: What of the choices a procedure takes as arguments, in the order shown.
FIELDS: dict[type, tuple[str, ...]] = {
    StyleChoices: (
        "style",
        "strength",
        "boldness",
        "stroke_scale",
        "absolute_strokes",
        "colors",
        "seed",
        "source",
    ),
    UpscaleChoices: ("factor", "model", "vivid", "grain", "best"),
    TrainChoices: ("name", "quality", "strength"),
}

#: Label of a choice -> the same with GIMP's mnemonic.
MNEMONICS = {
    "Style": "St_yle",
    "Strength": "Stren_gth",
    "Faithful to bold": "Faithful to _bold",
    "Stroke size": "Stroke si_ze",
    "Stroke size in pixels": "Stroke size in pi_xels",
    "Colors": "C_olors",
    "Seed": "Se_ed",
    "Input": "_Input",
    "Factor": "_Factor",
    "Model": "_Network",
    "Faithful to vivid": "Faithful to _vivid",
    "Keep grain": "_Keep grain",
    "Eight passes": "Eight _passes",
    "Name": "_Name",
    "Quality": "_Quality",
    "Style strength": "Style stren_gth",
}


def argument(field_name: str) -> str:
    return field_name.replace("_", "-")


def add(procedure: Any, choices: type, hints: dict[str, str] | None = None) -> None:
    """Declare the fields of a class of choices as arguments, typed, with range, default, label and help.

    hints: more text for the help of a field, such as what an empty value means.
    """
    defaults = {each.name: each.default for each in fields(choices) if each.default is not MISSING}
    for name in FIELDS[choices]:
        shown, default = option(choices, name), defaults[name]
        label = _(MNEMONICS.get(shown.label, shown.label))
        blurb = " ".join(part for part in (_(shown.help), (hints or {}).get(name, "")) if part)
        if isinstance(default, bool):
            procedure.add_boolean_argument(argument(name), label, blurb, default, FLAGS)
        elif isinstance(default, int):
            procedure.add_int_argument(argument(name), label, blurb, int(shown.low), int(shown.high), default, FLAGS)
        elif isinstance(default, float):
            procedure.add_double_argument(argument(name), label, blurb, shown.low, shown.high, default, FLAGS)
        elif shown.words:
            add_choice(procedure, argument(name), label, blurb, default, shown.words)
        else:
            procedure.add_string_argument(argument(name), label, blurb, default, FLAGS)


def add_choice(
    procedure: Any, name: str, label: str, blurb: str, default: str, words: tuple[tuple[str, str], ...]
) -> None:
    """words: (value, label in English) in the order shown."""
    choice = Gimp.Choice.new()
    for number, (word, text) in enumerate(words):
        choice.add(word, number, _(text), "")
    procedure.add_choice_argument(name, label, blurb, choice, default, FLAGS)


def write(config: Any, choices: StyleChoices) -> None:
    """Put choices into a configuration."""
    for name in FIELDS[StyleChoices]:
        config.set_property(argument(name), getattr(choices, name))


def read(config: Any, choices: type[Choices]) -> Choices:
    """The choices of a call. Raises ValueError with a sentence for a value out of its limits."""
    values: dict[str, Any] = {}
    for name in FIELDS[choices]:
        value = config.get_property(argument(name))
        values[name] = value if value is not None else ""
    return choices(**values)
