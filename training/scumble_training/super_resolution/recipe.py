"""What one training run of a super-resolution network is: read from TOML, stored with every checkpoint."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scumble_backend.errors import RecipeInvalid

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

FOLDER = Path(__file__).resolve().parent.parent / "recipes"


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each term counts. Pixel terms are means over samples in [0, 1]."""

    l1: float = 1.0  # mean absolute difference
    l2: float = 0.0  # mean squared difference
    luma: float = 0.0  # l1 of the luma alone: what the published tables measure
    features: float = 0.0  # mean squared difference of the loss network's features, summed over `layers`
    texture: float = 0.0  # mean absolute difference of the features' products in windows, summed over `layers`
    network: str = "vgg16"  # loss network, see `loss_network.load_loss_network`
    layers: tuple[str, ...] = ("relu2_2",)
    pyramid: int = 1  # how many sizes of the picture the loss network sees, each half the one before
    sharpness: float = 0.0  # l1 of differences between neighboring samples
    grid: float = 0.0  # size of the mean error at each of the 4 x 4 places of a grid, over windows: against grids

    @property
    def looks_at_features(self) -> bool:
        return self.features > 0 or self.texture > 0


@dataclass(frozen=True, slots=True)
class SrRecipe:
    """One training run. Steps and minutes are both limits; the schedule follows whichever is nearer its end."""

    name: str
    family: str  # "span", "compact" or "johnson-sr": an architecture name of `scumble_backend.nets`
    factor: int
    arguments: dict[str, Any] = field(default_factory=dict)  # further arguments of the network
    pack: str = ""  # id of the pack that is made from it
    title: str = ""
    description: str = ""
    pictures: str = "photos"  # "photos", "drawings" or "both"
    drawings: int = 300  # how many are made up, where drawings are asked for
    degradation: str = "bicubic"  # a name of `scumble_training.super_resolution.degrade.DEGRADATIONS`
    batch: int = 16
    patch: int = 48  # side of a low-resolution patch, pixels
    steps: int = 200_000
    minutes: float = 0.0  # 0: no limit
    learning_rate: float = 5e-4
    warmup: int = 200  # steps
    ema: float = 0.999  # how much of the averaged weights stays at each step
    clip: float = 0.5  # largest norm of the gradient; 0: any
    precision: str = "bf16"  # of the convolutions; "bf16" where the device gains by it, or "f32"; all else is float32
    seed: int = 0
    loss: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        for name in ("batch", "patch", "steps"):
            if getattr(self, name) < 1:
                raise RecipeInvalid(
                    f"{name} must be at least 1, not {getattr(self, name)}.", remedy="Edit the recipe."
                )
        if self.precision not in ("bf16", "f32"):
            raise RecipeInvalid(f"Unknown precision {self.precision!r}.", remedy='Write "bf16" or "f32".')
        if self.degradation not in ("bicubic", "johnson", "photo", "drawing"):
            raise RecipeInvalid(
                f"Unknown degradation {self.degradation!r}.",
                remedy='Write "bicubic", "johnson", "photo" or "drawing".',
            )
        if self.pictures not in ("photos", "drawings", "both"):
            raise RecipeInvalid(
                f"Unknown pictures {self.pictures!r}.", remedy='Write "photos", "drawings" or "both".'
            )

    @property
    def architecture(self) -> dict[str, Any]:
        """What `scumble_backend.nets.build` and a pack's manifest take."""
        return {"name": self.family, "factor": self.factor, **self.arguments}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SrRecipe:
        """Raises RecipeInvalid for a name that no recipe has."""
        loss = dict(values.get("loss", {}))
        _known(loss, LossWeights, "loss.")
        if "layers" in loss:
            loss["layers"] = tuple(loss["layers"])
        rest = {key: value for key, value in values.items() if key != "loss"}
        _known(rest, cls, "")
        try:
            return cls(**rest, loss=LossWeights(**loss))
        except TypeError as error:
            raise RecipeInvalid(
                f"The recipe is incomplete: {error}.", remedy="Compare it with those shipped."
            ) from error


def _known(values: dict[str, Any], kind: type, prefix: str) -> None:
    names = {f.name for f in dataclasses.fields(kind)}
    for name in values:
        if name not in names:
            raise RecipeInvalid(f"A recipe has no {prefix}{name}.", remedy=f"It can say: {', '.join(sorted(names))}.")


def read(name: str | Path, **changes: Any) -> SrRecipe:
    """A shipped recipe by its name, or a recipe file; `changes` replace single values.

    Raises RecipeInvalid.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = FOLDER / f"{name}.toml"
    try:
        with path.open("rb") as stream:
            values = tomllib.load(stream)
    except FileNotFoundError as error:
        raise RecipeInvalid(f"There is no recipe {name}.", remedy=f"Shipped are: {', '.join(shipped())}.") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeInvalid(f"{path.name} is no TOML: {error}.", remedy="Mend the file.") from error
    values.setdefault("name", path.stem)
    return SrRecipe.from_dict({**values, **changes})


def shipped() -> list[str]:
    """Names of the recipes that come with Scumble."""
    return sorted(path.stem for path in FOLDER.glob("*-sr.toml"))
