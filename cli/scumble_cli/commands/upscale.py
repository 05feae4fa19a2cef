"""`scumble upscale`: enlarge a picture file, or several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scumble_backend.batch.effect import Enlarging
from scumble_cli import picture_work

Vivid = Annotated[
    float,
    typer.Option("--vivid", min=0.0, max=1.0, help="0: as the model has it, 1: as vivid, which invents texture."),
]
Grain = Annotated[
    float, typer.Option("--grain", min=0.0, max=1.0, help="How much of the picture's grain and noise is kept.")
]
Best = Annotated[
    bool, typer.Option("--best", help="Mean of eight passes: a little better, takes eight times as long.")
]

CM_PER_INCH = 2.54


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
    factor: Annotated[
        float | None,
        typer.Option(
            "--factor", "-f", help="1 to 16 times as wide and high; 2 if left out. 1: cleaned up.", show_default=False
        ),
    ] = None,
    percent: Annotated[
        float | None, typer.Option("--percent", help="The factor in percent.", show_default=False)
    ] = None,
    width: Annotated[
        float | None, typer.Option("--width", help="Width of the result in pixels, or, with --dpi, in centimeters.")
    ] = None,
    height: Annotated[
        float | None, typer.Option("--height", help="Height of the result in pixels, or, with --dpi, in centimeters.")
    ] = None,
    dpi: Annotated[
        float | None, typer.Option("--dpi", help="Pixels per inch of a print; --width or --height is its size.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="fast, faithful (least error), vivid (sharper, invents texture), lineart (drawings and paint), "
            "bicubic (no network), or another upscale pack; see `scumble packs list`.",
        ),
    ] = "faithful",
    vivid: Vivid = 0.0,
    grain: Grain = 0.0,
    best: Best = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Enlarge a picture. For whole folders there is `scumble batch --upscale`."""
    effect = enlarging(factor, percent, width, height, dpi, model, vivid, grain, best)
    if picture_work.several(sources, output):
        from scumble_cli import batch_work

        return batch_work.run(sources, output, [effect], as_json=as_json)
    done = picture_work.run(Path(sources[0]), output, effect, quiet=as_json)
    made = done.result.image
    more = {"model": model, "factor": done.message.factor, "width": made.width, "height": made.height}
    done.tell(f"{made.width} x {made.height}, {model}", more, as_json=as_json)
    return 0


def enlarging(
    factor: float | None,
    percent: float | None,
    width: float | None,
    height: float | None,
    dpi: float | None,
    model: str,
    vivid: float,
    grain: float,
    best: bool,
) -> Enlarging:
    """The effect that options ask for. Raises BadParameter for a size said twice, or none that can be."""
    asked = [each for each in (factor, percent, width, height) if each is not None]
    if len(asked) > 1:
        raise typer.BadParameter("Name one of --factor, --percent, --width and --height.")
    if dpi is not None and width is None and height is None:
        raise typer.BadParameter("--dpi goes with --width or --height in centimeters.")
    if dpi is not None and not 1 <= dpi <= 10_000:
        raise typer.BadParameter("--dpi is 1 to 10000.")
    side, length = ("width", width) if width is not None else ("height", height) if height is not None else ("", 0.0)
    pixels = round((length or 0.0) * (dpi / CM_PER_INCH if dpi else 1.0))
    if percent is not None:
        factor = percent / 100
    try:
        return Enlarging(2.0 if factor is None else factor, model, vivid, grain, best, side, pixels)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
