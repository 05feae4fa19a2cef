"""What is done to every picture of a batch: a style, or an enlargement."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scumble_backend.packs.store import PackStore
from scumble_wire.messages import ImageInfo, StyleChoice, Stylize, Upscale


@dataclass(frozen=True)
class Styling:
    """Paint in one style or a mix. styles: (pack id, weight); the other fields are those of `Stylize`."""

    styles: tuple[tuple[str, float], ...]
    strength: float = 1.0
    boldness: float = 0.0
    stroke_scale: float = 1.0
    absolute_strokes: bool = False
    keep_colors: bool = False
    seed: int = 0

    factor = 1.0  # by which the sides grow
    convert = True  # the network knows sRGB alone

    def __post_init__(self) -> None:
        """Raises ValueError, as the message does."""
        self.message(ImageInfo(1, 1))

    def message(self, image: ImageInfo) -> Stylize:
        return Stylize(
            image,
            [StyleChoice(pack, weight) for pack, weight in self.styles],
            strength=self.strength,
            stroke_scale=self.stroke_scale,
            absolute_strokes=self.absolute_strokes,
            boldness=self.boldness,
            keep_colors=self.keep_colors,
            seed=self.seed,
            priority="batch",
        )

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

    @property
    def title(self) -> str:
        return self.model

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
    return {"effect": type(effect).__name__.lower(), **fields, "packs": packs}
