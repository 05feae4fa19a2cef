"""How large an enlarged picture is to be: said as a factor, in percent, in pixels, or as it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scumble_wire.messages import PackInfo

from .choices import UpscaleChoices, option
from .words import tr

CM_PER_INCH = 2.54
PRINT_DPI = 300.0  # pixels per inch at which a print looks sharp from reading distance

#: unit -> its label in English.
UNITS = {
    "percent": "%",
    "width": "pixels wide",
    "height": "pixels high",
    "print_width": "cm wide, printed at 300 dpi",
    "print_height": "cm high, printed at 300 dpi",
}


@dataclass(frozen=True)
class Wish:
    """A size that was asked for. unit: one of UNITS."""

    value: float
    unit: str

    def factor(self, width: int, height: int) -> float:
        """By what a picture of so many pixels has to be enlarged. Raises ValueError for one without size."""
        if width < 1 or height < 1:
            raise ValueError("the picture has no size.")
        if self.unit == "percent":
            return self.value / 100
        pixels = self.value
        if self.unit.startswith("print"):
            pixels = self.value / CM_PER_INCH * PRINT_DPI
        return pixels / (width if self.unit.endswith("width") else height)

    def possible(self, width: int, height: int) -> bool:
        """Whether the factor is one that Scumble enlarges by."""
        limits = option(UpscaleChoices, "factor")
        return limits.low <= self.factor(width, height) <= limits.high


def shown(factor: float, unit: str, width: int, height: int) -> float:
    """A factor in a unit: the inverse of `Wish.factor`."""
    if unit == "percent":
        return factor * 100
    pixels = factor * (width if unit.endswith("width") else height)
    return pixels / PRINT_DPI * CM_PER_INCH if unit.startswith("print") else pixels


def size_text(width: int, height: int, factor: float) -> str:
    """ "1200 × 900 → 2400 × 1800"."""
    return f"{width} × {height} → {round(width * factor)} × {round(height * factor)}"


def how_text(model: str, factor: float, packs: Sequence[PackInfo]) -> str:
    """How a model comes to a factor, in words; empty for one that isn't installed, and for factor 1.

    packs: all that enlarge; those named as the model with -x2, -x3 or -x8 stand beside it.
    """
    beside = (model, *(f"{model}-x{n}" for n in (2, 3, 8)))
    drawn = sorted({n for pack in packs if pack.id in beside for n in pack.factors if n > 1})
    if factor <= 1 or not drawn:
        return tr("A plain filter: quick, but edges get soft.") if model == "bicubic" and factor > 1 else ""
    if factor in drawn:
        return tr("The network draws exactly this size.")
    larger = [n for n in drawn if n > factor]
    if larger:
        return tr("The network draws {n} ×, and that is made smaller: crisp.", n=larger[0])
    return tr(
        "Larger than the {n} × that the network draws: it takes several steps, and fine detail is guessed.",
        n=drawn[-1],
    )
