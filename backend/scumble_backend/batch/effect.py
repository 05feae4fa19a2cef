"""What is done to every picture of a batch: a style, or an enlargement."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scumble_backend.batch.journal import sha256_of
from scumble_backend.errors import FactorWrong
from scumble_backend.packs.store import PackStore
from scumble_backend.pictures import masks
from scumble_wire import mix
from scumble_wire.messages import ImageInfo, Stylize, Upscale
from scumble_wire.values import LARGEST_FACTOR

BICUBIC, VIVID = "bicubic", "vivid"  # the model without a network, and the one that `Upscale.vivid` mixes in


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

    convert = True  # the network knows sRGB alone

    def __post_init__(self) -> None:
        """Raises ValueError, as the message does."""
        self.message(ImageInfo(1, 1))

    def factor_for(self, image: ImageInfo) -> float:
        """By how much the sides grow."""
        return 1.0

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
    """Enlarge, or clean up with factor 1.

    factor: 1 to 16. side, pixels: instead of the factor, how many pixels the "width" or "height" of the result is.
    model: an upscale pack's id, or "bicubic". The other fields are those of `Upscale`.
    """

    factor: float = 2.0
    model: str = "faithful"
    vivid: float = 0.0
    grain: float = 0.0
    best: bool = False
    side: str = ""
    pixels: int = 0

    convert = False

    def __post_init__(self) -> None:
        """Raises ValueError, as the message does."""
        if self.side not in ("", "width", "height"):
            raise ValueError(f"a picture has no {self.side!r}.")
        if self.side and self.pixels < 1:
            raise ValueError(f"a picture can't be {self.pixels} pixels large.")
        self._message(ImageInfo(1, 1), self.factor)

    def factor_for(self, image: ImageInfo) -> float:
        """By how much this picture is enlarged. Raises FactorWrong where it is larger than what was asked for."""
        if not self.side:
            return self.factor
        now = image.width if self.side == "width" else image.height
        if self.pixels <= now:
            raise FactorWrong(
                f"The {self.side} of the picture is {now} pixels already; {self.pixels} were asked for.",
                remedy="Ask for more, or make the picture smaller with another program.",
            )
        factor = self.pixels / now
        if factor > LARGEST_FACTOR:
            raise FactorWrong(
                f"The {self.side} of the picture is {now} pixels; {self.pixels} is more than "
                f"{LARGEST_FACTOR:g} times that.",
                remedy=f"Ask for at most {int(now * LARGEST_FACTOR)}.",
            )
        return factor

    def message(self, image: ImageInfo) -> Upscale:
        return self._message(image, self.factor_for(image))

    def _message(self, image: ImageInfo, factor: float) -> Upscale:
        return Upscale(image, factor, self.model, self.vivid, self.grain, self.best, priority="batch")

    made_by = ""

    @property
    def title(self) -> str:
        return self.model

    def masks(self, image: ImageInfo) -> list[bytes]:
        return []

    def packs(self, store: PackStore) -> list[str]:
        """Ids of the packs that serve the models: their own, and those of other factors beside them."""
        models = [self.model, *([VIVID] if self.vivid else [])]
        own = [store.get(model).id for model in dict.fromkeys(models) if model != BICUBIC]
        beside = [pack.id for pack in store.list("upscale") for model in own if pack.id.startswith(f"{model}-x")]
        return [*own, *beside]


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
