"""What every installed style makes of some photos: one row a style, written as JPEG sheets to look at.

    python benchmarks/contact_sheet.py PHOTO ... --out docs/pictures/styles [--side 768] [--rows 6]

Photos are painted with their longer side at `--side` pixels and shown smaller. Sheets are OUT-1.jpg, OUT-2.jpg, ...
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "training")]

import torch  # noqa: E402
from PIL import Image, ImageDraw, ImageFont, ImageOps  # noqa: E402

from scumble_backend.packs.making import load_network, load_style  # noqa: E402
from scumble_backend.packs.store import Folders, PackStore, default_folders  # noqa: E402
from scumble_backend.rendering.effects.stylize import Part, Style, stylize  # noqa: E402
from scumble_training.measuring.sheet import read_picture  # noqa: E402
from scumble_training.style.painting import to_image  # noqa: E402

CELL, TITLE = 236, 22  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packs-folder", type=Path, help="folder of starter packs, instead of the one that ships")
    parser.add_argument("--side", type=int, default=768)
    parser.add_argument("--rows", type=int, default=6, help="styles on a sheet")
    options = parser.parse_args()
    usual = default_folders()
    store = PackStore(Folders(usual.user, (options.packs_folder,)) if options.packs_folder else usual)
    photos = [read_picture(path, options.side) for path in options.photos]
    rows: list[tuple[str, list[Image.Image]]] = []
    for pack in store.list("style"):
        style = Style(load_network(store, pack), load_style(pack).table)
        with torch.inference_mode():
            painted = [to_image(stylize(photo, [Part(style)]).image) for photo in photos]
        rows.append((str(pack.manifest.painting or pack.manifest.title), painted))
        print(pack.id, file=sys.stderr, flush=True)
    originals = ("The photos", [to_image(photo) for photo in photos])
    for number, first in enumerate(range(0, len(rows), options.rows), start=1):
        path = options.out.with_name(f"{options.out.name}-{number}.jpg")
        sheet([originals, *rows[first : first + options.rows]]).save(path, quality=84, optimize=True)
        print(path)


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
