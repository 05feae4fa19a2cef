"""Time and memory of painting a layer, from a quarter of a megapixel to a hundred, as a picture for the docs.

    python benchmarks/size_plot.py [--megapixels 0.25 1 4 12 50 100] [--limit 240] [--minutes 0]
        [--table FIGURES.json] [--out FILE.svg]

Each layer is painted by `memory.py` in a backend of its own, with marks of the usual size and with marks counted in
pixels ("at its own size"), small layers first. --limit: seconds after which a painting is given up, and larger ones
of its kind with it. --minutes: of the whole run; 0 for as many as it takes. --table: where figures are kept, after
every painting; those that it already holds are not measured again. The picture shows all that the table holds.
Seconds are by the clock: measure on a machine with nothing else to do.
"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from shared_options import ROOT, options_of, parser_for

#: Of a curve: its key in the table, its name for people, its color.
CURVES = (
    ("usual", "marks of the usual size", "#1f6f8b"),
    ("own size", "painted at its own size", "#c2571a"),
)
LEAVING_S = 30.0  # a benchmark that was given up has so long to end its backend
WIDTH, HEIGHT, LEFT, TOP = 360, 260, 64, 34  # of one panel, and its margins, in units of the picture

Figures = dict[str, dict[str, Any]]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--megapixels", nargs="+", type=float, default=[0.25, 1, 4, 12, 50, 100])
    parser.add_argument("--limit", type=float, default=240.0, help="seconds of one painting, its start included")
    parser.add_argument("--minutes", type=float, default=0.0, help="of the whole run")
    parser.add_argument("--table", type=Path, default=Path("size_plot.json"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "sizes.svg")
    options = options_of(parser)
    figures: Figures = json.loads(options.table.read_text("utf-8")) if options.table.is_file() else {}
    try:
        measure(figures, options)
    finally:  # what was measured is drawn, too, when somebody ends the run
        if figures:
            options.out.write_text(drawn(figures), "utf-8")


def measure(figures: Figures, options: Any) -> None:
    """Paint what the table lacks, and keep each of the figures at once."""
    ends = time.monotonic() + 60 * options.minutes if options.minutes else math.inf
    given_up: set[str] = set()
    for megapixels in sorted(options.megapixels):
        for kind, _, _ in CURVES:
            name = f"{kind} {megapixels:g}"
            if name in figures:
                print(name, "is in the table", flush=True)
                continue
            limit = min(options.limit, ends - time.monotonic())
            made = None if kind in given_up or limit <= 0 else measured(megapixels, limit, absolute=kind != "usual")
            if made is None:
                given_up.add(kind)
                print(name, "left out", flush=True)
                continue
            print(name, made, flush=True)
            figures[name] = made
            options.table.write_text(json.dumps(figures, indent=1), "utf-8")


def measured(megapixels: float, limit_s: float, *, absolute: bool) -> dict[str, Any] | None:
    """What `memory.py` tells; None where it failed or took too long: then why is printed."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = ["--width", str(round(megapixels * 1e6 / height)), "--height", str(height)]
    program = [sys.executable, str(ROOT / "benchmarks" / "memory.py"), "--json", "--family", "style-skip", *size]
    program += ["--absolute"] * absolute
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said, complained = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # the backend is no child of ours: `memory.py` tells it to leave
            try:
                process.communicate(timeout=LEAVING_S)
            except subprocess.TimeoutExpired:
                process.kill()
            print(f"not done after {limit_s:.0f} s", flush=True)
            return None
    if process.returncode:
        print(complained.strip().splitlines()[-1], flush=True)
        return None
    told: dict[str, Any] = json.loads(said)
    return told


def drawn(figures: Figures) -> str:
    """An SVG of two panels, seconds and megabytes over megapixels, logarithmic both ways."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * (WIDTH + LEFT + 20)} {HEIGHT + TOP + 70}" '
        'font-family="sans-serif" font-size="12" fill="#333">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for panel, (field, title) in enumerate((("seconds", "seconds"), ("for_the_layer_mb", "megabytes for the layer"))):
        curves = {kind: _curve(figures, kind, field) for kind, _, _ in CURVES}
        parts += _panel(LEFT + panel * (WIDTH + LEFT + 20), title, curves)
    for number, (_, name, color) in enumerate(CURVES):
        x = LEFT + 220 * number
        y = HEIGHT + TOP + 52
        parts.append(f'<path d="M{x} {y}h24" stroke="{color}" stroke-width="2.5"/>')
        parts.append(f'<text x="{x + 32}" y="{y + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _curve(figures: Figures, kind: str, field: str) -> list[tuple[float, float]]:
    """(megapixels, value) of what was measured, small layers first."""
    sizes = sorted(float(name.removeprefix(f"{kind} ")) for name in figures if name.startswith(f"{kind} "))
    return [(size, figures[f"{kind} {size:g}"][field]) for size in sizes]


def _panel(left: int, title: str, curves: dict[str, list[tuple[float, float]]]) -> list[str]:
    values = [max(value, 0.01) for curve in curves.values() for _, value in curve]
    sizes = sorted({size for curve in curves.values() for size, _ in curve})
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
        points = [(across(size), up(value)) for size, value in curves[kind]]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if points:
            parts.append(f'<path d="M{line}" fill="none" stroke="{color}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in points]
    return parts


def _power(value: float, *, up: bool) -> float:
    """The power of ten next to a value."""
    exponent = math.log10(value)
    return float(10.0 ** (math.ceil(exponent) if up else math.floor(exponent)))


if __name__ == "__main__":
    main()
