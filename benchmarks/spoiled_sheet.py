"""What models make of spoiled pictures, beside the originals: a JPEG to look at, and an independent eye's figures.

    python benchmarks/spoiled_sheet.py phone:4:PHOTO frame:4:DRAWING@0.5,0.3 ... --judge FOLDER --out SHEET.jpg

Each row is KIND:FACTOR:PICTURE, and after an @ where in the picture the piece lies, in parts of its width and height.
A piece of `--side` pixels square is made smaller by the factor and spoiled as a phone, the web, a scanner, a
screenshot or a frame of animation does (`scumble_training.measuring.spoiled_pictures`). The sheet shows the middle of
the original, of the spoiled picture (its pixels as squares) and of what each model makes of it, pixel by pixel. The
judge's content figure (0: the original, about 1: unrelated) and PSNR of the luma in dB are for the whole piece.

--judge: the folder with judge.py and the weights of its network, which no training has used.
"""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from shared_options import options_of, parser_for
from torch import Tensor

from scumble_backend.packs.store import PackStore
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import upscale_models
from scumble_backend.rendering.effects.upscale import upscale
from scumble_training.measuring.spoiled_pictures import spoil
from scumble_training.super_resolution.luma import luma, psnr
from scumble_training.super_resolution.pictures import read_picture
from scumble_wire.messages import ImageInfo

SHOWN, TITLE, GAP = 232, 20, 4  # pixels


@dataclass(frozen=True)
class Asked:
    """A row of the sheet."""

    kind: str
    factor: int
    path: Path
    at: tuple[float, float]  # middle of the piece, in parts of width and height

    @classmethod
    def of(cls, text: str) -> Asked:
        kind, factor, rest = text.split(":", 2)
        name, _, place = rest.partition("@")
        x, y = place.split(",") if place else ("0.5", "0.5")
        return cls(kind, int(factor), Path(name), (float(x), float(y)))

    def piece(self, side: int) -> Tensor:
        """(3, side, side) uint8, as near to the place that was asked for as the picture's edges allow."""
        picture = read_picture(self.path)
        left, top = (
            max(0, min(length - side, round(part * length - side / 2)))
            for length, part in zip((picture.shape[2], picture.shape[1]), self.at, strict=True)
        )
        return picture[:, top : top + side, left : left + side].contiguous()


def enlarged(small: Tensor, networks: list[upscale_models.UpscaleNetwork], factor: int) -> Tensor:
    """(3, h, w) uint8 to (3, h x factor, w x factor) uint8."""
    info = ImageInfo(small.shape[2], small.shape[1], "u8", "RGB")
    unpacked = pixels.unpack(info, small.permute(1, 2, 0).contiguous().numpy())
    return torch.from_numpy(upscale(unpacked, info, networks, factor, lambda fraction: None).frame).permute(2, 0, 1)


def image(picture: Tensor) -> Image.Image:
    return Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy())


def content(judge: Path, original: Tensor, made: list[Tensor]) -> list[float]:
    """The judge's content figure of each picture against the original; the judge is run as it is."""
    with tempfile.TemporaryDirectory(prefix="scumble-") as folder:
        names = [f"{folder}/{number}.png" for number in range(len(made) + 1)]
        for picture, name in zip([original, *made], names, strict=True):
            image(picture).save(name)
        told, given = io.StringIO(), sys.argv
        try:
            sys.argv = ["judge.py", str(judge / "squeezenet1_1.safetensors"), names[0], *names]
            with contextlib.redirect_stdout(told):
                runpy.run_path(str(judge / "judge.py"), run_name="__main__")
        finally:
            sys.argv = given
    return [json.loads(line)["content"] for line in told.getvalue().splitlines()]


def middle(picture: Tensor) -> Image.Image:
    left, top = (picture.shape[2] - SHOWN) // 2, (picture.shape[1] - SHOWN) // 2
    return image(picture[:, top : top + SHOWN, left : left + SHOWN])


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("rows", nargs="+", type=Asked.of, help="KIND:FACTOR:PICTURE, or KIND:FACTOR:PICTURE@X,Y")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", default="bicubic,faithful,vivid", help="packs, or bicubic, separated by commas")
    parser.add_argument("--side", type=int, default=320, help="pixels of a piece of the original")
    parser.add_argument("--seed", type=int, default=0)
    given = options_of(parser)
    models = given.models.split(",")
    networks = {model: upscale_models.load(PackStore(), model, torch.device("cpu")) for model in models}
    heads = ["original", "spoiled", *models]
    across, down = SHOWN + GAP, SHOWN + TITLE
    whole = Image.new("RGB", (len(heads) * across, len(given.rows) * down), "white")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(13)
    print("| | " + " | ".join(f"`{model}`" for model in models) + " |\n|---|" + "---|" * len(models))
    for y, asked in enumerate(given.rows):
        original, small = spoil(asked.piece(given.side), asked.factor, asked.kind, asked.path.stem, given.seed)
        made = [enlarged(small, networks[model], asked.factor) for model in models]
        spoiled = small.repeat_interleave(asked.factor, 1).repeat_interleave(asked.factor, 2)
        figures = content(given.judge, original, made)
        decibels = [psnr(luma(picture), luma(original)) for picture in made]
        told = [f"{far:.2f} / {near:.1f}" for far, near in zip(figures, decibels, strict=True)]
        titles = [f"{asked.kind} x{asked.factor}", "", *told]
        for x, (head, title, picture) in enumerate(zip(heads, titles, [original, spoiled, *made], strict=True)):
            pen.text((x * across + 2, y * down + 2), f"{head}  {title}", fill="black", font=font)
            whole.paste(middle(picture), (x * across, y * down + TITLE))
        print(f"| {asked.kind} x{asked.factor}, {asked.path.stem} | " + " | ".join(told) + " |", flush=True)
    whole.save(given.out, quality=82, optimize=True)


if __name__ == "__main__":
    main()
