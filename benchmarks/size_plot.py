"""Time and memory of painting a layer, from a quarter of a megapixel to a hundred, as a picture for the docs.

    python benchmarks/size_plot.py [--megapixels 0.25 1 4 12 50 100] [--table FIGURES.json] [--out FILE.svg]

Each layer is painted by `memory.py` in a backend of its own, with marks of the usual size and with marks counted in
pixels ("at its own size"). --table: where the figures are kept; those that it already holds are not measured again.
Seconds are by the clock: measure on a machine with nothing else to do.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from shared_options import ROOT, options_of, parser_for

#: Of a curve: its key in the table, its name for people, its color.
CURVES = (
    ("usual", "marks of the usual size", "#1f6f8b"),
    ("own size", "painted at its own size", "#c2571a"),
)
WIDTH, HEIGHT, LEFT, TOP = 360, 260, 64, 34  # of one panel, and its margins, in units of the picture

Figures = dict[str, dict[str, Any]]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--megapixels", nargs="+", type=float, default=[0.25, 1, 4, 12, 50, 100])
    parser.add_argument("--table", type=Path, default=Path("size_plot.json"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "sizes.svg")
    options = options_of(parser)
    figures: Figures = json.loads(options.table.read_text("utf-8")) if options.table.is_file() else {}
    for megapixels in options.megapixels:
        for kind, _, _ in CURVES:
            name = f"{kind} {megapixels:g}"
            if name not in figures:
                figures[name] = measured(megapixels, absolute=kind != "usual")
                options.table.write_text(json.dumps(figures, indent=1), "utf-8")
            print(name, figures[name], flush=True)
    options.out.write_text(drawn(figures, options.megapixels), "utf-8")


def measured(megapixels: float, *, absolute: bool) -> dict[str, Any]:
    """Seconds and megabytes, as `memory.py` tells them."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = ["--width", str(round(megapixels * 1e6 / height)), "--height", str(height)]
    program = [sys.executable, str(ROOT / "benchmarks" / "memory.py"), "--json", "--family", "style-skip", *size]
    done = subprocess.run(program + ["--absolute"] * absolute, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def drawn(figures: Figures, megapixels: list[float]) -> str:
    """An SVG of two panels, seconds and megabytes over megapixels, logarithmic both ways."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * (WIDTH + LEFT + 20)} {HEIGHT + TOP + 70}" '
        'font-family="sans-serif" font-size="12" fill="#333">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for panel, (field, title) in enumerate((("seconds", "seconds"), ("for_the_layer_mb", "megabytes for the layer"))):
        curves = {kind: [figures[f"{kind} {size:g}"][field] for size in megapixels] for kind, _, _ in CURVES}
        parts += _panel(LEFT + panel * (WIDTH + LEFT + 20), title, megapixels, curves)
    for number, (_, name, color) in enumerate(CURVES):
        x = LEFT + 220 * number
        y = HEIGHT + TOP + 52
        parts.append(f'<path d="M{x} {y}h24" stroke="{color}" stroke-width="2.5"/>')
        parts.append(f'<text x="{x + 32}" y="{y + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(left: int, title: str, sizes: list[float], curves: dict[str, list[float]]) -> list[str]:
    values = [max(value, 0.01) for curve in curves.values() for value in curve]
    low, high = (_power(bound, up=up) for bound, up in ((min(values), False), (max(values), True)))

    def across(size: float) -> float:
        return left + WIDTH * math.log(size / sizes[0]) / max(1e-9, math.log(sizes[-1] / sizes[0]))

    def up(value: float) -> float:
        return TOP + HEIGHT * (1 - math.log(max(value, low) / low) / math.log(high / low))

    parts = [f'<text x="{left}" y="{TOP - 14}" font-size="14">{title}</text>']
    value = low
    while value <= high * 1.001:
        y = up(value)
        parts.append(f'<path d="M{left} {y:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        value *= 10
    for size in sizes:
        x = across(size)
        parts.append(f'<path d="M{x:.1f} {TOP}v{HEIGHT}" stroke="#eee"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{size:g}</text>')
    parts.append(f'<text x="{left + WIDTH}" y="{TOP + HEIGHT + 34}" text-anchor="end">megapixels</text>')
    for kind, _, color in CURVES:
        points = [(across(size), up(value)) for size, value in zip(sizes, curves[kind], strict=True)]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path d="M{line}" fill="none" stroke="{color}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in points]
    return parts


def _power(value: float, *, up: bool) -> float:
    """The power of ten next to a value."""
    exponent = math.log10(value)
    return float(10.0 ** (math.ceil(exponent) if up else math.floor(exponent)))


if __name__ == "__main__":
    main()
