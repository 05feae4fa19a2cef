"""`scumble style`: paint a picture file, or several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scumble_backend.batch.effect import Styling
from scumble_cli import batch_work, picture_work
from scumble_wire.messages import StyleChoice


def register(app: typer.Typer) -> None:
    app.command("style")(style)


def style(
    sources: Annotated[
        list[str], typer.Argument(metavar="IN...", help="The picture to paint, or several.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Where to write the painted one; a folder for several.", show_default=False
        ),
    ],
    pack: Annotated[
        str | None, typer.Option("--pack", "-p", help="The style; see `scumble packs list`.", show_default=False)
    ] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(metavar="PACK:WEIGHT", help="A further style and how much it counts; --pack counts 1."),
    ] = None,
    strength: Annotated[float, typer.Option(min=0.0, max=1.0, help="0: the picture, 1: the style.")] = 1.0,
    keep_colors: Annotated[bool, typer.Option("--keep-colors", help="Brush marks only; colors stay.")] = False,
    boldness: Annotated[
        float,
        typer.Option(
            min=-1.0, max=1.0, help="-1: faithful to the picture's forms, 1: bold, as far as the style can."
        ),
    ] = 0.0,
    stroke_scale: Annotated[
        float,
        typer.Option(
            "--stroke-size",
            "--stroke-scale",
            min=0.25,
            max=4.0,
            help="Size of the brush marks against the picture; 1: as on a picture of one megapixel.",
        ),
    ] = 1.0,
    absolute: Annotated[
        bool,
        typer.Option(
            "--stroke-size-absolute", help="Count the stroke size in pixels: 1 is the size that the style learned."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the grain; the same seed gives the same picture.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Paint a picture in the style of a pack, or of a mix of packs. For whole folders there is `scumble batch`."""
    effect = Styling(
        tuple((choice.pack, choice.weight) for choice in _choices(pack, mix or [])),
        strength=strength,
        boldness=boldness,
        stroke_scale=stroke_scale,
        absolute_strokes=absolute,
        keep_colors=keep_colors,
        seed=seed,
    )
    if picture_work.several(sources, output):
        return batch_work.run(sources, output, [effect], as_json=as_json)
    done = picture_work.run(Path(sources[0]), output, effect, quiet=as_json)
    done.tell(effect.title, {"pack": effect.title}, as_json=as_json)
    return 0


def _choices(pack: str | None, mix: list[str]) -> list[StyleChoice]:
    choices = [] if pack is None else [StyleChoice(pack)]
    for part in mix:
        name, colon, weight = part.rpartition(":")
        try:
            choices.append(StyleChoice(name, float(weight)) if colon else StyleChoice(part))
        except ValueError as error:
            raise typer.BadParameter(f"{part!r} is not PACK:WEIGHT with a weight of 0 or more.") from error
    if not choices or sum(choice.weight for choice in choices) <= 0:
        raise typer.BadParameter("Name a style with --pack, or several with --mix PACK:WEIGHT.")
    return choices
