"""What made a painted layer: a parasite of the layer, saved with the image and kept by its copies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gi.repository import Gimp

from scumble_editor.choices import StyleChoices
from scumble_editor.made import KEY, Made
from scumble_wire import folders

from .targets import flat

PERSISTENT = 1  # the parasite is saved with the image; libgimp's macro, which Python doesn't see


def kept_file() -> Path:
    """Presets, favorites and last results, which Krita's plugin has, too."""
    return folders.config_folder(os.environ) / "kept.json"


def keep(layer: Any, source: Any, choices: StyleChoices) -> None:
    """Keep with a new layer what made it."""
    made = Made(choices, str(source.get_tattoo()), layer.get_name())
    layer.attach_parasite(Gimp.Parasite.new(KEY, PERSISTENT, made.to_text().encode()))


def of(layer: Any) -> Made | None:
    """What made a layer; None for one that was not painted here."""
    parasite = layer.get_parasite(KEY)
    if parasite is None:
        return None
    return Made.from_text(bytes(parasite.get_data()).decode("utf-8", "replace"))


def source_of(image: Any, made: Made) -> Any | None:
    """The layer that a result was painted from; None if it is gone."""
    return next((layer for layer in flat(image) if str(layer.get_tattoo()) == made.source), None)
