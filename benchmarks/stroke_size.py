"""Whether brush marks keep their size against the picture, and how long a large one takes.

    python benchmarks/stroke_size.py PICTURE [--megapixels 0.3 1 4 12] [--packs NAMES] [--json]

The picture is brought to each size, painted, and looked at as a print of one size: every result is shrunk to the
smallest size, and the centroid of its luma's amplitude spectrum taken (cycles per picture diagonal: higher for finer
marks). `apart` is how far the largest is from the smallest of them, target 0.10; `absolute` paints as if marks
counted in pixels. Seconds are of the process's own threads, so that other work on the machine does not count.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from chosen_packs import add_options, chosen
from shared_options import options_of, parser_for

import torch  # isort: skip
from PIL import Image
from torch import Tensor

from scumble_backend.packs.making import load_network, load_style, load_upscaler
from scumble_backend.rendering.effects.enlarging import MODEL, resized
from scumble_backend.rendering.effects.marks import MarkSize
from scumble_backend.rendering.effects.stylize import Part, Style, stylize
from scumble_backend.rendering.effects.upscale_models import UpscaleNetwork
from scumble_backend.rendering.pixels import luma
from scumble_training.style.painting import from_image

TARGET = 0.10


def main() -> None:
    parser = parser_for(__doc__, json=True, device="auto", threads=True, out=True)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.3, 1.0, 4.0, 12.0])
    add_options(parser)
    options = options_of(parser)
    on = chosen(options)
    with Image.open(options.picture) as opened:
        photo = opened.convert("RGB")
    pictures = {size: brought_to(photo, size) for size in sorted(options.megapixels)}
    print_size = pictures[min(pictures)].shape[-2:]
    enlarger = UpscaleNetwork(load_upscaler(on.store.get(MODEL)), on.device)
    rows = []
    for pack in on.packs:
        loaded = load_style(pack)
        delta = loaded.delta.to(on.device) if loaded.delta else None
        network = load_network(on.store, pack).to(on.device).to(memory_format=torch.channels_last)
        part = Part(Style(network, loaded.table.to(on.device), delta=delta))
        row: dict[str, object] = {"pack": pack.id}
        for absolute in (False, True):
            centroids, seconds = {}, {}
            for size, picture in pictures.items():
                if absolute and size > 4:
                    continue  # what it took before is measured at 4 megapixels; larger ones take as much longer
                began = time.process_time()
                with torch.inference_mode():
                    marks = MarkSize(absolute=absolute)
                    painted = stylize(picture.to(on.device), [part], marks=marks, enlarger=lambda: enlarger).image
                seconds[size] = round(time.process_time() - began, 2)
                centroids[size] = round(centroid(resized(painted.cpu(), (print_size[0], print_size[1]))), 1)
            apart = max(centroids.values()) / min(centroids.values()) - 1
            row["absolute" if absolute else "relative"] = {
                "centroids": centroids,
                "apart": round(apart, 3),
                "seconds": seconds,
            }
        rows.append(row)
        if not options.json:
            print(json.dumps(row), flush=True)
    if options.json:
        print(json.dumps({"target": TARGET, "rows": rows}))


def brought_to(photo: Image.Image, megapixels: float) -> Tensor:
    """(3, H, W) of about so many pixels."""
    factor = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
    size = (round(photo.width * factor), round(photo.height * factor))
    return from_image(photo.resize(size, Image.Resampling.LANCZOS)).float()


def centroid(image: Tensor) -> float:
    """Mean spatial frequency of the luma, weighted by amplitude, in cycles per diagonal. image: (3, H, W)."""
    shade = luma(image)[0]
    height, width = shade.shape
    window = torch.hann_window(height)[:, None] * torch.hann_window(width)[None, :]
    amplitude = torch.fft.rfft2((shade - shade.mean()) * window).abs()
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :]
    frequency = torch.sqrt(rows.square() + columns.square()) * (height**2 + width**2) ** 0.5
    return float((amplitude * frequency).sum() / amplitude.sum())


if __name__ == "__main__":
    main()
