"""Whose strokes, whose colors: border line, fringe and palette of every style, correlation of two styles' strokes.

    python benchmarks/strokes.py PHOTO ... --paintings DIR [--packs great-wave,...] [--side 768] [--out table.md]

DIR holds each style's painting as ID.jpg or ID.png. The photos' longer side is brought to `--side` pixels. Means over
the photos; correlations are of the last photo and of a gray page of 512 pixels. Goals: correlation at most .2 on the
page and .45 on a photo, border line at most 1.5.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean, median

from chosen_packs import add_options, chosen
from shared_options import options_of, parser_for

import torch  # isort: skip
from torch import Tensor  # isort: skip

from scumble_backend.packs.making import load_network, load_style
from scumble_backend.rendering.effects.stylize import Part, Style, stylize
from scumble_training.measuring.evaluate_style import painting_of
from scumble_training.measuring.marks import border_line, fringe, pair_correlations, palette_distance
from scumble_training.measuring.sheet import read_picture
from scumble_training.style.loop import with_short_side
from scumble_training.style.painting import read_painting

STROKES_OF_A_PRINT = 1.5  # the painting is compared at so many times the photo's short side, as one sees a print


def main() -> None:
    parser = parser_for(__doc__, device="auto", threads=True, out=True)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--side", type=int, default=768)
    add_options(parser)
    options = options_of(parser)
    on = chosen(options)
    photos = [read_picture(path, options.side).to(on.device) for path in options.photos]
    page = torch.full((3, 512, 512), 0.5, device=on.device)
    on_page: dict[str, Tensor] = {}
    on_photo: dict[str, Tensor] = {}
    lines = ["| style | border line | fringe | palette |", "|---|---|---|---|"]
    for pack in on.packs:
        loaded = load_style(pack)
        delta = loaded.delta.to(on.device) if loaded.delta else None
        style = Style(load_network(on.store, pack).to(on.device), loaded.table.to(on.device), delta=delta)
        painting = read_painting(painting_of(pack.id, options.paintings)).pixels
        with torch.inference_mode():
            painted = [stylize(photo, [Part(style)]).image.cpu() for photo in photos]
            on_page[pack.id] = stylize(page, [Part(style)]).image.cpu()
        on_photo[pack.id] = painted[-1]
        figures = []
        for picture in painted:
            print_size = with_short_side(painting, round(STROKES_OF_A_PRINT * min(picture.shape[1:])))[0]
            figures.append((border_line(picture), fringe(picture, print_size), palette_distance(picture, print_size)))
        border, colored, palette = (mean(column) for column in zip(*figures, strict=True))
        lines.append(f"| {pack.id} | {border:.2f} | {colored:.2f} | {palette:.3f} |")
        print(lines[-1], flush=True)
    for what, pictures in (("a gray page", on_page), (options.photos[-1].stem, on_photo)):
        pairs = pair_correlations(pictures)
        if pairs:
            worst = max(pairs, key=lambda pair: pairs[pair])
            lines.append(
                f"\nStrokes of two styles on {what}: median {median(pairs.values()):.2f}, most "
                f"{pairs[worst]:.2f} ({worst[0]} and {worst[1]})."
            )
            print(lines[-1])
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
