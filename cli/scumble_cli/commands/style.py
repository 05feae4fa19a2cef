"""`scumble style`: paint a picture file, or several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from scumble_backend.batch.effect import Styling
from scumble_cli import mixing, picture_work
from scumble_wire.messages import Colors

COLORS = get_args(Colors)


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
        list[str] | None,
        typer.Option(
            "--pack",
            "-p",
            "--mix",
            metavar="PACK[:WEIGHT][@PLACE]",
            help="The style; several, up to four, are mixed by their weights. PLACE: light, dark, opaque, "
            "rest (what the others leave), or a mask's picture file.",
            show_default=False,
        ),
    ] = None,
    strength: Annotated[float, typer.Option(min=0.0, max=1.0, help="0: the picture, 1: the style.")] = 1.0,
    colors: Annotated[
        str,
        typer.Option(
            metavar="|".join(COLORS),
            help="As the style paints; each place keeps its color; the palette of the picture; that of the painting; "
            "that palette alone, without brush marks.",
        ),
    ] = "style",
    keep_colors: Annotated[bool, typer.Option("--keep-colors", help="The same as --colors picture.")] = False,
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
    if colors not in COLORS:
        raise typer.BadParameter(f"{colors!r} is not one of {', '.join(COLORS)}.", param_hint="--colors")
    parts = mixing.parts_of(pack or [])
    effect = Styling(
        tuple((part.pack, part.weight) for part in parts),
        places=tuple(part.place for part in parts),
        strength=strength,
        boldness=boldness,
        stroke_scale=stroke_scale,
        absolute_strokes=absolute,
        colors="picture" if keep_colors else colors,
        seed=seed,
    )
    if picture_work.several(sources, output):
        from scumble_cli import batch_work

        return batch_work.run(sources, output, [effect], as_json=as_json)
    done = picture_work.run(Path(sources[0]), output, effect, quiet=as_json)
    done.tell(effect.title, {"pack": effect.title}, as_json=as_json)
    return 0
