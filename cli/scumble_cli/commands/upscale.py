"""`scumble upscale`: enlarge one picture file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scumble_cli import picture_work
from scumble_wire.messages import ImageInfo, Upscale


def register(app: typer.Typer) -> None:
    app.command("upscale")(upscale)


def upscale(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The picture to enlarge.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write the enlarged one.", show_default=False)
    ],
    factor: Annotated[float, typer.Option("--factor", "-f", help="1.1 to 16 times as wide and high.")] = 2.0,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="fast, faithful (least error), vivid (sharper, invents texture), lineart (drawings and paint), "
            "bicubic (no network), or another upscale pack; see `scumble packs list`.",
        ),
    ] = "faithful",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Enlarge a picture."""

    def message_for(image: ImageInfo) -> Upscale:
        try:
            return Upscale(image, factor, model, priority="batch")
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    done = picture_work.run(source, output, message_for, factor=factor, convert=False, quiet=as_json)
    width, height = done.result.image.width, done.result.image.height
    more = {"model": model, "factor": factor, "width": width, "height": height}
    done.tell(f"{width} x {height}, {model}", more, as_json=as_json)
