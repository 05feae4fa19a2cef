"""What every style's packs are worth in figures: the table of docs/styles.md.

    python benchmarks/strokes.py PHOTO ... --paintings DIR [--packs great-wave,...] [--packs-folder DIR] [--side 768]
        [--judge judge.py squeezenet1_1.safetensors] [--absolute] [--page docs/styles.md] [--out table.md]

DIR holds each style's painting as ID.jpg or ID.png. The photos' longer side is brought to `--side` pixels. Means over
the photos; correlations are of the last photo and of a gray page of 512 pixels, span and spread of a white, a gray
and a black one. Marks are sized to the picture, as editors paint; `--absolute` counts in pixels instead. `--judge`
adds style and content by a network that no training has used. `--page` puts the table between the page's two marks.
Goals: correlation at most .2 on the page and .45 on a photo, border line at most 1.5, span at least 60, spread at
most 12.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median

from chosen_packs import add_options, chosen
from shared_options import options_of, parser_for

import torch  # isort: skip
from torch import Tensor  # isort: skip

from scumble_backend.packs.making import load_network, load_style
from scumble_backend.rendering.effects.marks import MarkSize
from scumble_backend.rendering.effects.stylize import Part, Style, stylize
from scumble_backend.rendering.pixels import luma
from scumble_training.measuring.artifacts import block_spread
from scumble_training.measuring.evaluate_style import painting_of
from scumble_training.measuring.marks import border_line, fringe, pair_correlations, palette_distance
from scumble_training.measuring.sheet import read_picture
from scumble_training.style.painting import read_painting, to_image, with_short_side

EDGE = 8  # pixels cut off all around: scans have dark lines there, which would be measured as the style's
STROKES_OF_A_PRINT = 1.5  # the painting is compared at so many times the photo's short side, as one sees a print
COLUMNS = {  # title -> digits
    "style": 2, "content": 2, "palette": 3, "fringe": 1, "border line": 2, "span": 0, "spread": 0
}  # fmt: skip
GRAY = 4 / 255  # a painting whose channels lie no further apart has no colors to compare a fringe with
BEGIN, END = "<!-- table of styles -->", "<!-- end of the table -->"


def main() -> None:
    parser = parser_for(__doc__, device="auto", threads=True, out=True)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--side", type=int, default=768)
    parser.add_argument("--judge", type=Path, nargs=2, help="judge.py and its network")
    parser.add_argument("--absolute", action="store_true", help="marks counted in pixels, not sized to the picture")
    parser.add_argument("--page", type=Path, help="Markdown page whose table is replaced")
    add_options(parser)
    options = options_of(parser)
    on = chosen(options)
    marks = MarkSize(absolute=options.absolute)
    photos = [read_picture(path, options.side)[:, EDGE:-EDGE, EDGE:-EDGE].to(on.device) for path in options.photos]
    pages = [torch.full((3, 512, 512), value, device=on.device) for value in (0.0, 0.5, 1.0)]
    on_page: dict[str, Tensor] = {}
    on_photo: dict[str, Tensor] = {}
    table: dict[str, dict[str, float]] = {}
    for pack in on.packs:
        loaded = load_style(pack)
        delta = loaded.delta.to(on.device) if loaded.delta else None
        style = Style(load_network(on.store, pack).to(on.device), loaded.table.to(on.device), delta=delta)
        path = painting_of(pack.id, options.paintings)
        with torch.inference_mode():
            painted = [stylize(photo, [Part(style)], marks=marks).image.cpu() for photo in photos]
            flat = [stylize(page, [Part(style)], marks=marks).image.cpu() for page in pages]
        on_page[pack.id], on_photo[pack.id] = flat[1], painted[-1]
        row = measured(painted, read_painting(path).pixels)
        row["span"] = 255 * float(luma(flat[2]).mean() - luma(flat[0]).mean())
        row["spread"] = 255 * max(block_spread(page)[0] for page in flat)
        if options.judge:
            row |= judged(options.judge, path, [photo.cpu() for photo in photos], painted)
        title = pack.manifest.painting.title if pack.manifest.painting else pack.manifest.title
        table[title] = row
        print(line(title, row), flush=True)
    table["median"] = {
        column: median(row[column] for row in table.values() if column in row)
        for column in COLUMNS
        if any(column in row for row in table.values())
    }
    titles = [column for column in COLUMNS if column in table["median"]]
    lines = [f"| painting | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    lines += [line(title, row, titles) for title, row in table.items()]
    for what, pictures in (("a gray page", on_page), (options.photos[-1].stem, on_photo)):
        pairs = pair_correlations(pictures)
        if pairs:
            worst = max(pairs, key=lambda pair: pairs[pair])
            lines += [
                "",
                f"Strokes of two styles on {what}: correlation {median(pairs.values()):.2f} in the median of all "
                f"pairs, at most {pairs[worst]:.2f} ({worst[0]} and {worst[1]}).",
            ]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    if options.page:
        before, _, rest = options.page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        options.page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def measured(painted: Sequence[Tensor], painting: Tensor) -> dict[str, float]:
    """Palette, fringe and border line, means over the pictures."""
    figures = []
    colored = float((painting.amax(0) - painting.amin(0)).mean()) > GRAY
    for picture in painted:
        print_size = with_short_side(painting, round(STROKES_OF_A_PRINT * min(picture.shape[1:])))[0]
        figures.append((palette_distance(picture, print_size), fringe(picture, print_size), border_line(picture)))
    palette, fringes, border = (mean(column) for column in zip(*figures, strict=True))
    return {"palette": palette, "border line": border} | ({"fringe": fringes} if colored else {})


def judged(
    judge: Sequence[Path], painting: Path, photos: Sequence[Tensor], painted: Sequence[Tensor]
) -> dict[str, float]:
    """Style and content, means over the photos."""
    told = []
    with tempfile.TemporaryDirectory() as folder:
        photo, picture = Path(folder, "photo.png"), Path(folder, "painted.png")
        for before, after in zip(photos, painted, strict=True):
            to_image(before).save(photo)
            to_image(after).save(picture)
            command = [sys.executable, *map(str, judge), str(painting), str(photo), str(picture)]
            told.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {what: mean(one[what] for one in told) for what in ("style", "content")}


def line(title: str, row: dict[str, float], titles: Sequence[str] = tuple(COLUMNS)) -> str:
    cells = [f"{row[column]:.{COLUMNS[column]}f}" if column in row else "-" for column in titles]
    return f"| {title} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
