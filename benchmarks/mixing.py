"""What a mix of styles costs against one style, and how its borders look; a sheet of mixes to look at.

    python benchmarks/mixing.py PICTURE [--packs A,B,C,D] [--side 1000] [--rounds 3] [--sheets FOLDER] [--json]

Four styles on one network are painted in turns: one alone, all mixed by weights, all placed by soft masks. Seconds
are of the process's own threads, so that other work on the machine does not count. `border` is the gradient energy of
a feathered border between two styles against that inside them (target 1.2), `crossfade` the same for a mix of the two
pictures. The sheets show styles alone, mixed, placed, and in every kind of colors; --rounds 0 makes nothing else.
"""

from __future__ import annotations

import json
import textwrap
import time
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from chosen_packs import add_options, chosen
from shared_options import options_of, parser_for

import torch  # isort: skip
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from scumble_backend.packs.making import load_network, load_style, network_name
from scumble_backend.pictures import thumbnails
from scumble_backend.rendering.effects.colors import Palette, palette_of
from scumble_backend.rendering.effects.regions import region_masks
from scumble_backend.rendering.effects.stylize import Part, Style, stylize
from scumble_backend.rendering.pixels import luma, unpack
from scumble_training.measuring.sheet import read_picture
from scumble_training.style.painting import to_image

STYLES = 4
MIX_TARGET, PLACE_TARGET, BORDER_TARGET = 1.05, 1.15, 1.2
FEATHER = 0.08  # of the width: half of the soft border
CELL, TITLE, GAP = 300, 36, 8  # pixels
MOST_BYTES = 400_000


def main() -> None:
    parser = parser_for(__doc__, json=True, device="auto", threads=True, out=True)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sheets", type=Path, help="folder to write mixes.jpg and colors.jpg into")
    add_options(parser)
    options = options_of(parser)
    on = chosen(options)
    first = network_name(on.packs[0])
    packs = [pack for pack in on.packs if network_name(pack) == first][:STYLES]
    network = load_network(on.store, packs[0]).to(on.device)
    photo = read_picture(options.picture, options.side).to(on.device)
    styles, palettes = [], []
    for pack in packs:
        loaded = load_style(pack)
        delta = loaded.delta.to(on.device) if loaded.delta else None
        styles.append(Style(network, loaded.table.to(on.device), delta=delta))
        raw = pack.thumbnail_bytes()
        numbers = pack.manifest.palette
        assert numbers or raw is not None  # packs that ship have a picture
        palettes.append(
            Palette.from_numbers(numbers)
            if numbers
            else palette_of(unpack(*thumbnails.decode(raw or b"", pack.id, 256)).color)
        )
    masks = soft_columns(len(styles), photo)
    plain = [Part(style, 1.0, None, palette) for style, palette in zip(styles, palettes, strict=True)]
    placed = [Part(style, 1.0, mask) for style, mask in zip(styles, masks, strict=True)]
    if options.sheets is not None:
        write_sheets(options.sheets, photo, plain, [pack.manifest.title for pack in packs])
    if options.rounds == 0:
        return
    seconds = measured(
        {
            "one": lambda: stylize(photo, plain[:1]).image,
            "mixed": lambda: stylize(photo, plain).image,
            "placed": lambda: stylize(photo, placed).image,
        },
        options.rounds,
    )
    halves = soft_columns(2, photo)
    apart = [stylize(photo, [part]).image for part in plain[:2]]
    together = stylize(photo, [Part(styles[0], 1.0, halves[0]), Part(styles[1], 1.0, halves[1])]).image
    faded = halves[0] * apart[0] + halves[1] * apart[1]
    result = {
        "packs": [pack.id for pack in packs],
        "pixels": photo.shape[-2] * photo.shape[-1],
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "mixed_against_one": round(seconds["mixed"] / seconds["one"], 3),
        "placed_against_one": round(seconds["placed"] / seconds["one"], 3),
        "border": round(border_energy(together, apart, halves[0]), 3),
        "crossfade": round(border_energy(faded, apart, halves[0]), 3),
        "targets": {"mixed": MIX_TARGET, "placed": PLACE_TARGET, "border": BORDER_TARGET},
    }
    text = json.dumps(result, indent=1)
    print(text if options.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")


def measured(jobs: dict[str, Callable[[], Tensor]], rounds: int) -> dict[str, float]:
    """The least seconds of each job over rounds in which they take turns."""
    best = dict.fromkeys(jobs, float("inf"))
    with torch.inference_mode():
        for _ in range(rounds):
            for name, job in jobs.items():
                began = time.process_time()
                job()
                best[name] = min(best[name], time.process_time() - began)
    return best


def soft_columns(count: int, photo: Tensor) -> list[Tensor]:
    """Masks of columns side by side, each flowing into the next, (H, W), summing to 1; in steps of 1/255, as sent."""
    height, width = photo.shape[-2:]
    x = torch.linspace(0, 1, width, device=photo.device)
    edges = [torch.sigmoid((x - place / count) / FEATHER * 4) for place in range(1, count)]
    steps = [torch.ones_like(x), *((255 * edge).round() / 255 for edge in edges), torch.zeros_like(x)]
    return [(one - other).clamp(0, 1).expand(height, width) for one, other in pairwise(steps)]


def border_energy(picture: Tensor, apart: list[Tensor], mask: Tensor) -> float:
    """Mean squared gradient of luma where a mask is soft, against that of the two styles alone at the same place."""
    soft = ((mask > 0.1) & (mask < 0.9))[1:, 1:]

    def energy(image: Tensor) -> float:
        shade = luma(image)[0]
        along, across = shade[1:, 1:] - shade[:-1, 1:], shade[1:, 1:] - shade[1:, :-1]
        return float((along * along + across * across)[soft].mean())

    return 2 * energy(picture) / sum(energy(image) for image in apart)


def write_sheets(folder: Path, photo: Tensor, parts: list[Part], titles: list[str]) -> None:
    """mixes.jpg: styles, their mixes and places; colors.jpg: one style in every kind of colors."""
    light, rest = region_masks(photo, ["light", "rest"], [None, None])
    first, second, third = titles[:3]

    def part(number: int, weight: float = 1.0, mask: Tensor | None = None) -> Part:
        return Part(parts[number].style, weight, mask, parts[number].palette)

    def painted(*mixed: Part, colors: str = "style") -> Tensor:
        with torch.inference_mode():
            return stylize(photo, mixed, colors=colors).image.cpu()

    alone = [painted(part(number)) for number in range(3)]
    halves, columns = soft_columns(2, photo), soft_columns(len(parts), photo)
    mixes = [
        ("The picture", photo.cpu()),
        *zip(titles[:3], alone, strict=True),
        (f"{first} + {second}", painted(part(0), part(1))),
        ("For comparison: their two pictures, cross-faded", 0.5 * alone[0] + 0.5 * alone[1]),
        (f"{second} + {third}", painted(part(1), part(2))),
        ("All four styles", painted(*parts)),
        (f"{second} in the light, {third} elsewhere", painted(part(1, 1.0, light), part(2, 1.0, rest))),
        (f"{third} in the light, {second} elsewhere", painted(part(2, 1.0, light), part(1, 1.0, rest))),
        (f"{first} to the left, {second} to the right", painted(part(0, 1.0, halves[0]), part(1, 1.0, halves[1]))),
        ("Four, side by side", painted(*(part(n, 1.0, mask) for n, mask in enumerate(columns)))),
    ]
    colors = [
        ("The picture", photo.cpu()),
        (f"{third}, as the style paints", alone[2]),
        ("Each place keeps its color", painted(part(2), colors="picture")),
        ("Palette of the picture", painted(part(2), colors="matched")),
        ("Palette of the painting", painted(part(2), colors="palette")),
        ("Palette alone, no brush marks", painted(part(2), colors="only")),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_sheet(folder / "mixes.jpg", mixes, 4)
    write_sheet(folder / "colors.jpg", colors, 3)


def write_sheet(path: Path, cells: list[tuple[str, Tensor]], columns: int) -> None:
    """Pictures of one size with their titles below, as a JPEG of at most `MOST_BYTES`."""
    height, width = cells[0][1].shape[-2:]
    tall, lines = round(CELL * height / width), -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (CELL + GAP) + GAP, lines * (tall + TITLE + GAP) + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, (title, picture) in enumerate(cells):
        x, y = number % columns * (CELL + GAP) + GAP, number // columns * (tall + TITLE + GAP) + GAP
        sheet.paste(to_image(picture).resize((CELL, tall), Image.Resampling.LANCZOS), (x, y))
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()  # what the font has
        draw.multiline_text((x, y + tall + 3), textwrap.fill(plain, 46), fill="black", font=font)
    for quality in range(92, 30, -4):
        sheet.save(path, quality=quality, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            break


if __name__ == "__main__":
    main()
