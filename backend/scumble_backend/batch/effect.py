"""What is done to every picture of a batch: a style, or an enlargement."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scumble_backend.batch.journal import sha256_of
from scumble_backend.packs.store import PackStore
from scumble_backend.pictures import masks
from scumble_wire import mix
from scumble_wire.messages import ImageInfo, Stylize, Upscale


@dataclass(frozen=True)
class Styling:
    """Paint in one style or a mix.

    styles: (pack id, weight). places: of each style, as in `scumble_wire.mix`, where "mask:FILE" is a picture file;
    empty: everywhere. The other fields are those of `Stylize`.
    """

    styles: tuple[tuple[str, float], ...]
    strength: float = 1.0
    boldness: float = 0.0
    stroke_scale: float = 1.0
    absolute_strokes: bool = False
    colors: str = "style"
    seed: int = 0
    places: tuple[str, ...] = ()

    factor = 1.0  # by which the sides grow
    convert = True  # the network knows sRGB alone

    def __post_init__(self) -> None:
        """Raises ValueError, as the message does."""
        self.message(ImageInfo(1, 1))

    def message(self, image: ImageInfo) -> Stylize:
        return Stylize(
            image,
            [
                part.choice(1 + self.mask_files.index(part.place.removeprefix(mix.MASK)) if part.needs_mask else None)
                for part in self.parts
            ],
            strength=self.strength,
            stroke_scale=self.stroke_scale,
            absolute_strokes=self.absolute_strokes,
            boldness=self.boldness,
            colors=self.colors,  # type: ignore[arg-type]  # checked by the message
            seed=self.seed,
            priority="batch",
        )

    @property
    def parts(self) -> list[mix.Part]:
        """The styles with their weights and places. Raises ValueError."""
        places = self.places or ("everywhere",) * len(self.styles)
        return [mix.Part(pack, weight, place) for (pack, weight), place in zip(self.styles, places, strict=True)]

    @property
    def mask_files(self) -> list[str]:
        """Picture files of the places, in the order of their frames, which follow the picture's."""
        return list(dict.fromkeys(part.place.removeprefix(mix.MASK) for part in self.parts if part.needs_mask))

    def masks(self, image: ImageInfo) -> list[bytes]:
        """The frames of the places. Raises UnreadableImage for a mask of another size, or an empty one."""
        return [masks.load(Path(file), image.width, image.height) for file in self.mask_files]

    @property
    def made_by(self) -> str:
        """What a PNG file keeps: the settings by the names of the editors' choices, as JSON."""
        settings = {name: value for name, value in asdict(self).items() if name not in ("styles", "places")}
        return json.dumps({"scumble": 1, "choices": {"style": mix.written(self.parts), **settings}})

    @property
    def title(self) -> str:
        """For people and for the names of files."""
        return " + ".join(pack for pack, _ in self.styles)

    def packs(self, store: PackStore) -> list[str]:
        """Ids of the packs that the effect needs. Raises PackUnknown and its kinds."""
        return [store.get(pack).id for pack, _ in self.styles]


@dataclass(frozen=True)
class Enlarging:
    """Enlarge. factor: 1.1 to 16. model: an upscale pack's id, or "bicubic"."""

    factor: float
    model: str = "faithful"

    convert = False

    def __post_init__(self) -> None:
        """Raises ValueError, as the message does."""
        self.message(ImageInfo(1, 1))

    def message(self, image: ImageInfo) -> Upscale:
        return Upscale(image, self.factor, self.model, priority="batch")

    made_by = ""

    @property
    def title(self) -> str:
        return self.model

    def masks(self, image: ImageInfo) -> list[bytes]:
        return []

    def packs(self, store: PackStore) -> list[str]:
        """Ids of the packs that serve the model: its own, and those of other factors beside it."""
        if self.model == "bicubic":
            return []
        own = store.get(self.model).id
        return [own, *(pack.id for pack in store.list("upscale") if pack.id.startswith(f"{own}-x"))]


Effect = Styling | Enlarging


def described(effect: Effect, store: PackStore) -> dict[str, Any]:
    """Everything that a result depends on beside its picture, as JSON: two batches with the same agree byte for byte.

    Raises PackUnknown and its kinds.
    """
    packs = {}
    for pack in effect.packs(store):
        manifest = store.get(pack).manifest
        packs[pack] = [*(manifest.files[name].sha256[:16] for name in sorted(manifest.files)), manifest.base[:16]]
    fields = asdict(effect)
    if isinstance(effect, Styling):
        fields["styles"] = [list(style) for style in effect.styles]
        fields["masks"] = [sha256_of(Path(file))[:16] for file in effect.mask_files]
    return {"effect": type(effect).__name__.lower(), **fields, "packs": packs}
