"""`scumble batch`: paint or enlarge many pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scumble_backend.batch.effect import Effect, Enlarging, Styling
from scumble_backend.batch.names import Names
from scumble_cli import batch_work
from scumble_cli.commands.upscale import Best, Grain, Vivid


def register(app: typer.Typer) -> None:
    app.command("batch")(batch)


def batch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN...",
            help="Pictures, folders, patterns ('shots/**/*.png') and numbered frames (shot.####.exr).",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.", show_default=False)],
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", "-p", help="A style; given again, every picture is painted in each of them."),
    ] = None,
    upscale: Annotated[
        float | None,
        typer.Option("--upscale", "-f", help="Enlarge by 1 to 16 instead; 1: clean up.", show_default=False),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="For --upscale; as `scumble upscale --help` has it.")
    ] = "faithful",
    vivid: Vivid = 0.0,
    grain: Grain = 0.0,
    best: Best = False,
    strength: Annotated[float, typer.Option(min=0.0, max=1.0, help="0: the picture, 1: the style.")] = 1.0,
    keep_colors: Annotated[bool, typer.Option("--keep-colors", help="Brush marks only; colors stay.")] = False,
    boldness: Annotated[float, typer.Option(min=-1.0, max=1.0, help="-1: faithful, 1: bold.")] = 0.0,
    stroke_scale: Annotated[
        float, typer.Option("--stroke-size", min=0.25, max=4.0, help="Size of the brush marks.")
    ] = 1.0,
    absolute: Annotated[
        bool, typer.Option("--stroke-size-absolute", help="Count the stroke size in pixels.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the grain.")] = 0,
    sequence: Annotated[
        bool, typer.Option("--sequence", help="The pictures are frames: keep the style steady from one to the next.")
    ] = False,
    name: Annotated[
        str, typer.Option("--name", help="Of results; may hold {name}, {pack}, {page}, {number} and {number:04}.")
    ] = "{name}",
    suffix: Annotated[
        str, typer.Option("--format", help="Suffix of results, such as png; as the pictures have it if left out.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make all results again, and replace whatever has their names.")
    ] = False,
    workers: Annotated[int, typer.Option(min=0, max=64, help="Pictures at a time; 0: as the machine allows.")] = 0,
    cluster: Annotated[
        str, typer.Option("--cluster", help="Address of a Ray cluster; `auto` for the one of this machine.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Paint or enlarge many pictures. What is done already is skipped, so a batch that was stopped goes on."""
    effects: list[Effect]
    if (pack is None) == (upscale is None):
        raise typer.BadParameter("Name a style with --pack, or a factor with --upscale.")
    try:
        if upscale is not None:
            effects = [Enlarging(upscale, model, vivid, grain, best)]
        else:
            effects = [
                Styling(
                    ((one, 1.0),),
                    strength=strength,
                    boldness=boldness,
                    stroke_scale=stroke_scale,
                    absolute_strokes=absolute,
                    colors="picture" if keep_colors else "style",
                    seed=seed,
                )
                for one in dict.fromkeys(pack or [])
            ]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if sequence and upscale is not None:
        raise typer.BadParameter("--sequence is for styles; enlarged frames are as steady as they were.")
    dotted = f".{suffix}" if suffix and not suffix.startswith(".") else suffix
    return batch_work.run(
        sources,
        output,
        effects,
        names=Names(name, dotted, several_packs=len(effects) > 1),
        steady=sequence,
        overwrite=overwrite,
        workers=workers,
        cluster=cluster,
        as_json=as_json,
    )
