"""`scumble evaluate`: how good styles and enlargements are, in numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scumble_backend import config
from scumble_backend.training_runs.job import loss_network_place
from scumble_backend.training_runs.package import require_training
from scumble_cli import connection

if TYPE_CHECKING:
    from scumble_backend.packs.store import InstalledPack, PackStore

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Packs = Annotated[list[str] | None, typer.Argument(metavar="[PACK]...", help="Ids; all styles where left out.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Measure styles and enlargements.", no_args_is_help=True)
    group.command("style")(style)
    group.command("artifacts")(artifacts)
    group.command("sr")(sr)
    app.add_typer(group, name="evaluate")


def style(
    photos: Annotated[Path, typer.Option(help="Folder of photos that no style has seen.", show_default=False)],
    paintings: Annotated[
        Path, typer.Option(help="Folder of the styles' paintings, called as the packs' ids.", show_default=False)
    ],
    packs: _Packs = None,
    size: Annotated[list[int] | None, typer.Option(min=64, max=4096, help="Sides in pixels; 256 by default.")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="How many photos.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Give up L-BFGS after so many.")] = 200,
    recipe: Annotated[str, typer.Option(help="Losses of this recipe instead of each pack's own.")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...", show_default="as set")] = "",
    as_json: _Json = False,
) -> None:
    """Content and style loss of one forward pass, and how many steps of per-image L-BFGS reach the same."""
    require_training()
    from scumble_backend.rendering import device as devices
    from scumble_training.measuring.evaluate_style import Evaluation, painting_of, squares

    settings = config.load(config.Places.of_user().settings)
    store, chosen = _chosen(packs)
    folder = loss_network_place(None, settings.loss_network, os.environ)
    evaluation = Evaluation(store, device=devices.choose(device or settings.device), loss_folder=folder)
    sides = size or [256]
    scores = []
    with _bar("measuring", as_json) as tell:
        for number, (pack, side) in enumerate((pack, side) for pack in chosen for side in sides):
            content = squares(photos, side, pictures)

            def part(fraction: float, number: int = number) -> None:
                tell((number + fraction) / (len(chosen) * len(sides)))

            scores.append(
                evaluation.style(
                    pack, painting_of(pack.id, paintings), content, recipe=recipe, steps=steps, progress=part
                )
            )
    if as_json:
        connection.print_json([score.to_json() for score in scores])
        return
    rows = [
        [
            score.pack,
            str(score.size),
            f"{score.style:.4f}",
            f"{score.content:.4f}",
            f"more than {score.tried}" if math.isinf(score.steps) else f"{score.steps:.0f}",
        ]
        for score in scores
    ]
    _table(["style", "pixels", "style loss", "content loss", "L-BFGS steps"], rows)


def artifacts(
    packs: _Packs = None,
    side: Annotated[int, typer.Option(min=128, max=2048, help="Side of the test pages in pixels.")] = 256,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...", show_default="as set")] = "",
    as_json: _Json = False,
) -> None:
    """What a style makes of flat pages, gradients and lines: blotches, bands, halos, checkerboards."""
    require_training()
    from scumble_backend.rendering import device as devices
    from scumble_training.measuring.evaluate_style import Evaluation

    settings = config.load(config.Places.of_user().settings)
    store, chosen = _chosen(packs)
    evaluation = Evaluation(store, device=devices.choose(device or settings.device))
    found = {}
    with _bar("measuring", as_json) as tell:
        for number, pack in enumerate(chosen):
            found[pack.id] = evaluation.artifacts(pack, side)
            tell((number + 1) / len(chosen))
    if as_json:
        connection.print_json(
            {name: {**one.to_json(), "shortfalls": one.shortfalls()} for name, one in found.items()}
        )
        return
    columns = ["style", "white - black", "blotches", "banding", "steepness", "halo", "checkerboard", "border"]
    _table(
        columns,
        [
            [
                name,
                f"{one.white_to_black:.0f}",
                f"{one.blotches:.1f}",
                f"{one.banding:.1f}",
                f"{one.steepness:.1f}",
                f"{one.halo:.0f}",
                f"{one.checkerboard:.1f}",
                f"{one.border:.2f}",
            ]
            for name, one in found.items()
        ],
    )
    for name, one in found.items():
        for sentence in one.shortfalls():
            typer.echo(f"{name}: {sentence}", err=True)


def sr(
    folder: Annotated[Path, typer.Argument(help="Pictures with their small versions (HR and LR).")],
    model: Annotated[str, typer.Option("--model", "-m", help="A pack's id, a checkpoint, or bicubic.")] = "faithful",
    factor: Annotated[int, typer.Option("--factor", "-f", min=2, max=8, help="How many times larger.")] = 4,
    downsample: Annotated[
        bool, typer.Option("--downsample", help="Make the small pictures here, from any pictures.")
    ] = False,
    lpips: Annotated[bool, typer.Option("--lpips", help="Also LPIPS (AlexNet): how different they look.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Let --lpips fetch AlexNet's weights.")] = False,
    as_json: _Json = False,
) -> None:
    """PSNR and SSIM (Y channel, borders cropped) of enlarged pictures against the ones they were made from."""
    require_training()
    from scumble_training.measuring.evaluate_sr import evaluate
    from scumble_training.measuring.lpips import perceptual_distance

    distance = perceptual_distance(download=download) if lpips else None
    with _bar("enlarging", as_json) as tell:
        report = evaluate(folder, factor, model, downsample=downsample, lpips=distance, progress=tell)
    if as_json:
        connection.print_json(report.to_dict())
        return
    columns, rows = ["picture", "PSNR (dB)", "SSIM"], []
    for one in (*report.pictures, report.mean):
        rows.append([one.name, f"{one.psnr:.2f}", f"{one.ssim:.4f}"])
        if one.lpips is not None:
            rows[-1].append(f"{one.lpips:.4f}")
    _table([*columns, "LPIPS"] if lpips else columns, rows)


def _chosen(names: list[str] | None) -> tuple[PackStore, list[InstalledPack]]:
    from scumble_backend.packs.store import PackStore

    store = PackStore()
    chosen = [store.get(name) for name in names] if names else store.list("style")
    if not chosen:
        raise typer.BadParameter("No style is installed.", param_hint="PACK")
    return store, chosen


@contextmanager
def _bar(title: str, quiet: bool) -> Iterator[Callable[[float], None]]:
    from rich.progress import Progress

    with Progress(console=connection.errors(), transient=True, disable=quiet) as bar:
        task = bar.add_task(title, total=1.0)

        def tell(fraction: float) -> None:
            bar.update(task, completed=fraction)

        yield tell


def _table(columns: list[str], rows: list[list[Any]]) -> None:
    """Plain columns, numbers to the right: easy to read, easy to cut."""
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    for row in (columns, *rows):
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        typer.echo("  ".join(cells).rstrip())
