"""`scumble train`: learn a style from one painting, in this process, and install it as a pack."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scumble_backend import config
from scumble_backend.errors import FileTrouble, TrainingMissing
from scumble_backend.files import write_text
from scumble_cli import connection

if TYPE_CHECKING:
    from rich.progress import Progress

    from scumble_training.job import Learned, StyleJob

QUALITIES = ("quick", "standard", "full")


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    painting: Annotated[Path | None, typer.Argument(help="The picture to learn from.", show_default=False)] = None,
    name: Annotated[str, typer.Option(help="Title of the new style; the file's name by default.")] = "",
    quality: Annotated[
        str,
        typer.Option(help="quick: minutes; full: all weights, an hour or more on a CPU; standard: what it takes."),
    ] = "standard",
    photos: Annotated[
        Path | None, typer.Option(help="Folder or zip of photos to practice on.", show_default="made-up pictures")
    ] = None,
    recipe: Annotated[str, typer.Option(help="A recipe's name or TOML file, instead of --quality.")] = "",
    strength: Annotated[
        float, typer.Option(min=0.05, max=16.0, help="Weight of the style against the picture; 1: the recipe's.")
    ] = 1.0,
    stroke_scales: Annotated[
        str, typer.Option(metavar="A,B,...", help="Sizes of the brush marks to learn, such as 0.5,1,2.")
    ] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps or xpu.", show_default="as set")] = "",
    seed: Annotated[int | None, typer.Option(help="For another result from the same painting.")] = None,
    loss_network: Annotated[
        Path | None, typer.Option(help="File or folder of the loss network's weights.", show_default="as set")
    ] = None,
    download: Annotated[bool, typer.Option(help="Whether a missing loss network may be downloaded.")] = True,
    folder: Annotated[
        Path | None, typer.Option(help="Where checkpoints and the report go.", show_default="a new one")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training that was stopped last.")] = False,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Write the losses to this folder for TensorBoard.", show_default="not")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn a style from one painting and install it. Ctrl-C keeps a checkpoint; --resume goes on."""
    if quality not in QUALITIES:
        raise typer.BadParameter(f"{quality!r} is none of {', '.join(QUALITIES)}.", param_hint="--quality")
    scales = _scales(stroke_scales)
    places = config.Places.of_user()
    runs = places.data / "training-runs"
    if resume:
        job = _stopped_job(runs, folder, painting)
    else:
        if painting is None:
            raise typer.BadParameter("Name the picture to learn from, or use --resume.", param_hint="PAINTING")
        if not painting.is_file():
            raise FileTrouble(f"There is no picture {painting}.", remedy="Check the path.")
        settings = config.load(places.settings)
        set_photos, set_network = settings.photos, settings.loss_network
        job = {
            "painting": str(painting.resolve()),
            "name": name.strip() or _title(painting.stem),
            "quality": quality,
            "strength": strength,
            "stroke_scales": scales,
            "photos": str(photos.resolve()) if photos else set_photos,
            "recipe": str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe,
            "seed": seed,
            "device": device or settings.device,
            "loss_network": str(loss_network.resolve()) if loss_network else set_network,
            "packs_folder": str(places.packs),
            "download": download,
        }
        folder = folder or _new_folder(runs, job["name"])
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "job.json", json.dumps(job, indent=1, ensure_ascii=False))
        job["folder"] = str(folder)
    if device:
        job["device"] = device
    _run(job, tensorboard, as_json)


def _run(told: dict[str, Any], tensorboard: Path | None, as_json: bool) -> None:
    try:
        from scumble_training.child import read_job
        from scumble_training.job import Stopped
        from scumble_training.style.learning import learn_style
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("scumble_training"):
            raise TrainingMissing(
                "The training package is not installed.",
                remedy="Install again: `python3 installer/install.py install`.",
            ) from error
        raise
    from dataclasses import replace

    from scumble_backend.packs.store import Folders, PackStore, default_folders

    folder = Path(told["folder"])
    job: StyleJob = replace(read_job(folder), tensorboard=tensorboard, device=told["device"])
    with _bar(as_json) as bar, _stoppable() as wishes:
        watcher = Watcher(bar, job.name, wishes)
        try:
            learned = learn_style(job, watcher)
        except Stopped:
            done = f"{watcher.fraction:.0%}"
            bar.stop()
            typer.echo(f"Stopped at {done}; nothing is lost. Go on with: scumble train --resume", err=True)
            raise typer.Exit(130) from None
    usual = default_folders()
    store = PackStore(Folders(job.packs_folder or usual.user, usual.starters))
    pack = store.install(learned.pack, source=f"trained from {job.painting.name}")
    write_text(folder / "installed.json", json.dumps({"pack": pack.id}))
    _tell(learned, pack.id, asdict(pack.info()), as_json)


def _tell(learned: Learned, pack_id: str, info: dict[str, Any], as_json: bool) -> None:
    if as_json:
        connection.print_json(
            {
                "pack": info,
                "file": str(learned.pack),
                "report": str(learned.report),
                "seconds": round(learned.seconds, 1),
                "note": learned.note,
            }
        )
        return
    minutes, seconds = divmod(round(learned.seconds), 60)
    typer.echo(f"{learned.title} is installed as {pack_id} ({minutes} min {seconds} s). Report: {learned.report}")
    typer.echo(f"Try it: scumble style PICTURE --pack {pack_id} -o painted.png")


class Watcher:
    """Shows progress as a bar with the remaining time; notes and previews as lines above it."""

    def __init__(self, bar: Progress, title: str, wishes: list[str]) -> None:
        self._bar = bar
        self._task = bar.add_task("loading", total=1.0, rest="")
        self._title = title
        self._wishes = wishes
        self._previews = 0
        self.fraction = 0.0

    def progress(self, fraction: float, remaining_s: float | None, stage: str) -> None:
        self.fraction = max(self.fraction, fraction)
        rest = "" if remaining_s is None or not math.isfinite(remaining_s) else _rest(remaining_s)
        self._bar.update(self._task, completed=self.fraction, description=f"{self._title}: {stage}", rest=rest)

    def preview(self, path: Path, step: int, steps: int, style_loss: float, content_loss: float) -> None:
        losses = f"style {style_loss:.3f}, content {content_loss:.3f}"
        self._bar.console.print(f"step {step} of {steps}: {losses}, preview {path}", highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def wish(self) -> str:
        return self._wishes[0] if self._wishes else ""


def _rest(seconds: float) -> str:
    minutes = seconds / 60
    return (
        f"{minutes / 60:.1f} h left"
        if minutes >= 90
        else f"{minutes:.0f} min left"
        if minutes >= 2
        else (f"{seconds:.0f} s left")
    )


@contextlib.contextmanager
def _stoppable() -> Iterator[list[str]]:
    """Ctrl-C as a wish, heeded between two steps; a second one ends at once (the last checkpoint stays)."""
    wishes: list[str] = []

    def interrupted(number: int, frame: Any) -> None:
        del number, frame
        wishes.append("pause")
        if len(wishes) > 1:
            raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGINT, interrupted)
    except ValueError:  # not in the main thread: somebody else handles signals
        yield wishes
        return
    try:
        yield wishes
    finally:
        signal.signal(signal.SIGINT, before)


def _bar(quiet: bool) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rest]}"),
        console=connection.errors(),
        disable=quiet,
    )


def _scales(text: str) -> list[float]:
    try:
        scales = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no list of numbers.", param_hint="--stroke-scales") from error
    if not all(0.25 <= scale <= 4 for scale in scales) or len(scales) > 5:
        raise typer.BadParameter("Give up to five numbers from 0.25 to 4.", param_hint="--stroke-scales")
    return scales


def _title(stem: str) -> str:
    """ "great-wave_2" -> "Great wave 2"."""
    words = " ".join(stem.replace("-", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:] if words else "New style"


def _new_folder(runs: Path, title: str) -> Path:
    from scumble_backend.packs.manifest import id_from_title

    stem = f"{id_from_title(title)}-{time.strftime('%Y%m%d-%H%M%S')}"
    number, folder = 1, runs / stem
    while folder.exists():
        number += 1
        folder = runs / f"{stem}-{number}"
    return folder


def _stopped_job(runs: Path, folder: Path | None, painting: Path | None) -> dict[str, Any]:
    """job.json of the folder, or of the newest run (of that painting) that has no installed pack yet."""
    folders = [folder] if folder else sorted(runs.glob("*/"), key=lambda one: one.stat().st_mtime, reverse=True)
    for one in folders:
        try:
            job = json.loads((one / "job.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if painting is not None and Path(job.get("painting", "")) != painting.resolve():
            continue
        if folder is not None or not (one / "installed.json").exists():
            return {**job, "folder": str(one)}
    raise FileTrouble("There is no stopped training to go on with.", remedy="Start one: scumble train PAINTING.")
