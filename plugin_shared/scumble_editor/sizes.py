"""How large an enlarged picture is to be: said as a factor, in percent, in pixels, or as it is printed."""

from __future__ import annotations

from dataclasses import dataclass

from .choices import UpscaleChoices, option

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
