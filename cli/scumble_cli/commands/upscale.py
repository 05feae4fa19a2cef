"""`scumble upscale`: enlarge a picture file, or several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scumble_backend.batch.effect import Enlarging
from scumble_cli import batch_work, picture_work


def register(app: typer.Typer) -> None:
    app.command("upscale")(upscale)


def upscale(
    sources: Annotated[
        list[str], typer.Argument(metavar="IN...", help="The picture to enlarge, or several.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Where to write the enlarged one; a folder for several.", show_default=False
        ),
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
) -> int:
    """Enlarge a picture. For whole folders there is `scumble batch --upscale`."""
    try:
        effect = Enlarging(factor, model)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if picture_work.several(sources, output):
        return batch_work.run(sources, output, [effect], as_json=as_json)
    done = picture_work.run(Path(sources[0]), output, effect, quiet=as_json)
    width, height = done.result.image.width, done.result.image.height
    more = {"model": model, "factor": factor, "width": width, "height": height}
    done.tell(f"{width} x {height}, {model}", more, as_json=as_json)
    return 0
