"""report.html: one file that shows what was learned, how, and how well. No script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from scumble_backend.files import write_bytes
from scumble_backend.nets.style_skip import StyleDelta
from scumble_backend.packs.making import AnyStyleNetwork, AnyStyleTable
from scumble_backend.packs.manifest import Manifest
from scumble_backend.rendering.effects.marks import MarkSize
from scumble_backend.rendering.effects.stylize import Part, Style, stylize
from scumble_training.style.export import jpeg
from scumble_training.style.held_out import HeldOut
from scumble_training.style.history import Line
from scumble_training.style.painting import Painting, to_image

STRENGTHS = (0.4, 0.7, 1.0)
STROKE_SCALES = (0.5, 1.0, 2.0)
_CURVES = {
    "style": "style loss",
    "content": "content loss",
    "variation": "total variation",
    "palette": "palette",
    "luminance": "luminance",
    "evenness": "evenness",
    "lattice": "lattice",
}
_CSS = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; }
h1 { margin-bottom: 0; } h2 { margin-top: 2em; border-bottom: 1px solid #8886; }
img { max-width: 100%; display: block; }
table.pictures img { width: 100%; }
table.pictures { border-collapse: collapse; width: 100%; table-layout: fixed; }
table.pictures td, table.pictures th { padding: 2px; text-align: center; font-weight: normal; font-size: 13px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1.2em; } dt { opacity: .7; } dd { margin: 0; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 1em; }
figure { margin: 0; } figcaption { font-size: 13px; opacity: .8; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
.note { background: #fc06; padding: .5em 1em; border-radius: 6px; }
pre { background: #8882; padding: 1em; overflow: auto; font-size: 12px; }
"""


@dataclass(frozen=True)
class Report:
    """What a report tells. contents: (3, H, W), not seen in training; histories: stage -> its course."""

    title: str
    painting: Painting
    manifest: Manifest
    network: AnyStyleNetwork
    table: AnyStyleTable  # N = 1
    contents: Sequence[Tensor]
    histories: Mapping[str, Sequence[Line]]
    held: HeldOut
    delta: StyleDelta | None = None
    notes: tuple[str, ...] = ()
    each: Callable[[], None] = lambda: None  # called after every picture that is painted


def write_report(path: Path, report: Report) -> None:
    """Raises DiskFull, FileTrouble."""
    write_bytes(path, report_html(report).encode("utf-8"))


def report_html(report: Report) -> str:
    training = report.manifest.training
    assert training is not None
    title = html.escape(report.title)
    facts = {
        "Kind": "affine: scales, shifts and colors on a base network"
        if report.manifest.kind == "affine"
        else "network: all weights",
        "Recipe": str(training.recipe.get("name", "")),
        "Steps": ", ".join(f"{stage} {lines[-1]['step']:.0f}" for stage, lines in report.histories.items() if lines),
        "Time": _duration(training.seconds),
        "Hardware": training.hardware,
        "Software": training.software,
        "Trained on": training.data,
        "Seed": str(training.seed),
        "Held-out style loss": f"{report.held.style:.4f}",
        "Held-out content loss": f"{report.held.content:.4f}",
        "Pack": f"{report.manifest.id} {report.manifest.version}",
    }
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}: training report</title>",
        f"<meta name=viewport content='width=device-width'><style>{_CSS}</style>",
        f"<h1>{title}</h1><p>What Scumble learned from this painting.</p>",
        *(f"<p class=note>{html.escape(note)}</p>" for note in report.notes),
        f"<figure>{_picture(_fitted(to_image(report.painting.pixels), 640), 'the painting')}</figure>",
        "<h2>How</h2><dl>",
        *(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items()),
        "</dl><h2>Pictures it had not seen, by strength</h2>",
        _sheet(report, "strength", STRENGTHS),
        "<h2>By stroke scale</h2>",
        _sheet(report, "stroke scale", STROKE_SCALES),
        "<h2>Losses</h2>",
        *(_curves(stage, lines) for stage, lines in report.histories.items()),
        "<h2>Recipe</h2><pre>",
        html.escape(json.dumps(training.recipe, indent=1, ensure_ascii=False)),
        "</pre></html>",
    ]
    return "\n".join(parts)


@torch.no_grad()
def _sheet(report: Report, what: str, values: Sequence[float]) -> str:
    """Rows of pictures: as they were, then painted at each value."""
    scales = report.manifest.stroke_scales
    style = Style(report.network, report.table, (scales[0], scales[-1]), report.delta)
    head = "".join(f"<th>{what} {value:g}</th>" for value in values)
    rows = []
    for content in report.contents:
        cells = [_picture(to_image(content), "the picture")]
        for value in values:
            at_strength = value if what == "strength" else 1.0
            marks = MarkSize(1.0 if what == "strength" else value, absolute=True)
            painted = stylize(content, [Part(style)], strength=at_strength, marks=marks)
            cells.append(_picture(to_image(painted.image), f"painted, {what} {value:g}"))
            report.each()
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<table class=pictures><tr><th>picture</th>{head}</tr>{''.join(rows)}</table>"


def _curves(stage: str, lines: Sequence[Line]) -> str:
    if len(lines) < 2:
        return f"<p>{html.escape(stage)}: too short for curves.</p>"
    figures = []
    for key, name in _CURVES.items():
        points = [(line["step"], line[key]) for line in lines if math.isfinite(line.get(key, math.nan))]
        if len(points) > 1:
            figures.append(
                f"<figure><figcaption>{html.escape(stage)}: {name}, now {points[-1][1]:.4g}</figcaption>"
                f"{_svg(points)}</figure>"
            )
    return f"<div class=curves>{''.join(figures)}</div>"


def _svg(points: Sequence[tuple[float, float]]) -> str:
    """One curve over steps, from 0 up; means over neighbors where there are many points."""
    width, height, left, bottom = 320, 150, 44, 18
    stretch = max(1, len(points) // 150)
    means = []
    for at in range(0, len(points), stretch):
        some = points[at : at + stretch]
        means.append((some[-1][0], sum(value for _, value in some) / len(some)))
    top = max(value for _, value in means) or 1.0
    last = means[-1][0]

    def place(step: float, value: float) -> str:
        x = left + (width - left - 4) * step / last
        y = 6 + (height - bottom - 6) * (1 - value / top)
        return f"{x:.1f},{y:.1f}"

    line = " ".join(place(step, value) for step, value in means)
    labels = ""
    for share in (0, 0.5, 1):
        y = 6 + (height - bottom - 6) * (1 - share)
        labels += f"<text x={left - 4} y={y + 4:.0f} text-anchor=end>{top * share:.3g}</text>"
        labels += f"<path d='M{left} {y:.0f}H{width - 4}' stroke='#8884' fill=none />"
    steps = (
        f"<text x={left} y={height - 3}>0</text>"
        f"<text x={width - 4} y={height - 3} text-anchor=end>{last:.0f} steps</text>"
    )
    return (
        f"<svg viewBox='0 0 {width} {height}' role=img>{labels}{steps}"
        f"<polyline points='{line}' fill=none stroke='#2a78d6' stroke-width=1.5 /></svg>"
    )


def _picture(picture: Image.Image, alt: str) -> str:
    data = base64.b64encode(jpeg(picture)).decode("ascii")
    return f"<img alt='{html.escape(alt, quote=True)}' src='data:image/jpeg;base64,{data}'>"


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
