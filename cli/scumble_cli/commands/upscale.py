"""`scumble upscale`: enlarge one picture file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from scumble_backend.pictures import picture_files as pictures
from scumble_cli import connection
from scumble_cli.waiting import wait_for_result
from scumble_wire.messages import Upscale


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
    pictures.check_target(output)
    loaded = pictures.load(source)
    pictures.check_target(output, alpha=loaded.info.has_alpha)
    try:
        message = Upscale(loaded.info, factor, model, priority="batch")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    began = time.perf_counter()
    with connection.connect(launch=True) as client:
        result, pixels = wait_for_result(client, message, [loaded.pixels], quiet=as_json)
    pictures.save(output, loaded, result.image, pixels)
    seconds = time.perf_counter() - began
    notes = [*loaded.notes, *([result.note] if result.note else [])]
    if as_json:
        connection.print_json(
            {
                "output": str(output),
                "model": model,
                "factor": factor,
                "width": result.image.width,
                "height": result.image.height,
                "device": result.device,
                "seconds": round(seconds, 3),
                "network_seconds": round(result.network_seconds, 3),
                "notes": notes,
            }
        )
        return
    size = f"{result.image.width} x {result.image.height}"
    typer.echo(f"{output}  ({size}, {model}, {result.device}, {seconds:.1f} s)")
    for note in notes:
        typer.echo(note, err=True)
