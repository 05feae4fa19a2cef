"""What every installed style makes of some pictures: one row a style, written as JPEG sheets to look at.

    python benchmarks/contact_sheet.py PICTURE ... --out docs/pictures/styles [--side 768] [--pages] [--large 12]

Pictures (photos, portraits, drawings) are painted with their longer side at `--side` pixels and shown smaller.
`--pages` adds a white, a gray and a black page, a gradient and line art. `--large` paints the first picture at that
many megapixels instead, and shows it whole and a piece of it at 100 %. Sheets are OUT-1.jpg, OUT-2.jpg, ...
"""

from __future__ import annotations

import math
import sys
import unicodedata
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps
from shared_options import options_of, parser_for

from scumble_backend.packs.making import load_network, load_style
from scumble_backend.packs.store import Folders, PackStore, default_folders
from scumble_backend.rendering.effects.stylize import Part, Style, stylize
from scumble_training.measuring.sheet import read_picture, test_pages
from scumble_training.style.painting import from_image, to_image

CELL, TITLE = 236, 22  # pixels


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packs-folder", type=Path, help="folder of starter packs, instead of the one that ships")
    parser.add_argument("--side", type=int, default=768)
    parser.add_argument("--pages", action="store_true", help="flat pages, a gradient and line art as well")
    parser.add_argument("--large", type=float, default=0.0, help="megapixels; the first picture, whole and at 100 %%")
    parser.add_argument("--packs", default="", help="ids, by commas; all styles where left out")
    parser.add_argument("--rows", type=int, default=6, help="styles on a sheet")
    options = options_of(parser)
    usual = default_folders()
    store = PackStore(Folders(usual.user, (options.packs_folder,)) if options.packs_folder else usual)
    if options.large:
        photos = [enlarged(options.photos[0], options.large)]
    else:
        photos = [read_picture(path, options.side) for path in options.photos]
        photos += test_pages(512) if options.pages else []
    rows: list[tuple[str, list[Image.Image]]] = []
    packs = [store.get(name) for name in options.packs.split(",")] if options.packs else store.list("style")
    for pack in packs:
        loaded = load_style(pack)
        style = Style(load_network(store, pack), loaded.table, delta=loaded.delta)
        with torch.inference_mode():
            painted = [to_image(stylize(photo, [Part(style)]).image) for photo in photos]
        painted += [middle(painted[0])] if options.large else []
        rows.append((str(pack.manifest.painting or pack.manifest.title), painted))
        print(pack.id, file=sys.stderr, flush=True)
    first_row = [to_image(photo) for photo in photos]
    originals = ("As they are", first_row + ([middle(first_row[0])] if options.large else []))
    for number, first in enumerate(range(0, len(rows), options.rows), start=1):
        path = options.out.with_name(f"{options.out.name}-{number}.jpg")
        sheet([originals, *rows[first : first + options.rows]]).save(path, quality=84, optimize=True)
        print(path)


def enlarged(path: Path, megapixels: float) -> torch.Tensor:
    """(3, H, W), brought to so many pixels whatever it has."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    factor = math.sqrt(megapixels * 1e6 / (picture.width * picture.height))
    size = (round(picture.width * factor), round(picture.height * factor))
    return from_image(picture.resize(size, Image.Resampling.LANCZOS))


def middle(picture: Image.Image) -> Image.Image:
    """A square at 100 %, as large as a cell shows."""
    left, top = (picture.width - CELL) // 2, (picture.height - CELL) // 2
    return picture.crop((left, top, left + CELL - 2, top + CELL - 2))


def sheet(rows: list[tuple[str, list[Image.Image]]]) -> Image.Image:
    columns = max(len(pictures) for _, pictures in rows)
    whole = Image.new("RGB", (columns * CELL, len(rows) * (CELL + TITLE)), "white")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(14)
    for y, (title, pictures) in enumerate(rows):
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()  # all that the font has
        pen.text((4, y * (CELL + TITLE) + 3), plain, fill="black", font=font)
        for x, picture in enumerate(pictures):
            cell = ImageOps.fit(picture, (CELL - 2, CELL - 2), Image.Resampling.LANCZOS)
            whole.paste(cell, (x * CELL, y * (CELL + TITLE) + TITLE))
    return whole


if __name__ == "__main__":
    main()
