"""`scumble train`: learn a style from one painting, in this process, and install it as a pack."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from scumble_backend import config
from scumble_backend.errors import FileTrouble, file_missing
from scumble_backend.training_runs.events import Done, Preview, Progress
from scumble_backend.training_runs.job import Quality, TrainingJob, loss_network_place
from scumble_backend.training_runs.package import require_training
from scumble_backend.training_runs.run_folder import RunFolder, interrupted, new_run
from scumble_cli import connection
from scumble_wire.errors import ScumbleError

if TYPE_CHECKING:
    from rich import progress

QUALITIES = get_args(Quality)
#: What the process is at, in words.
STAGES = {
    "loading": "loading",
    "choosing": "comparing with the styles that are there",
    "training": "learning",
    "measuring": "measuring",
    "writing": "writing the report",
}


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    painting: Annotated[Path | None, typer.Argument(help="The picture to learn from.", show_default=False)] = None,
    name: Annotated[str, typer.Option(help="Title of the new style; the file's name by default.")] = "",
    quality: Annotated[
        str,
        typer.Option(
            help="quick: minutes; standard: four times as long; full: all weights, an hour or more on a CPU."
        ),
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
        raise typer.BadParameter(f"{quality!r} is not one of {', '.join(QUALITIES)}.", param_hint="--quality")
    scales = _scales(stroke_scales)
    places = config.Places.of_user()
    if resume:
        run = _stopped_run(places.trainings, folder, painting)
        job = run.job()
    else:
        if painting is None:
            raise typer.BadParameter("Name the picture to learn from, or use --resume.", param_hint="PAINTING")
        if not painting.is_file():
            raise FileTrouble(f"There is no picture {painting}.", remedy="Check the path.")
        for chosen in (photos, loss_network):
            if chosen is not None and not chosen.exists():
                raise file_missing(chosen)
        settings = config.load(places.settings)
        job = TrainingJob(
            name=name.strip() or _title(painting.stem),
            painting=painting.resolve(),
            quality=cast(Quality, quality),
            strength=strength,
            stroke_scales=scales,
            photos=photos.resolve() if photos else Path(settings.photos) if settings.photos else None,
            recipe=str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe,
            seed=seed,
            device=device or settings.device,
            loss_network=loss_network_place(
                loss_network and loss_network.resolve(), settings.loss_network, os.environ
            ),
            packs_folder=places.packs,
            download=download,
        )
        run = RunFolder(folder) if folder else new_run(places.trainings, job.name)
        run.write_job(job)
    _learn(run, replace(job, device=device or job.device), tensorboard, as_json)


def _learn(run: RunFolder, job: TrainingJob, tensorboard: Path | None, as_json: bool) -> None:
    """Learn in this process, install the pack, and keep the run's state."""
    from scumble_backend.packs.store import Folders, PackStore, default_folders

    require_training()
    with run.held():
        learned = _learned(run, job, tensorboard, as_json)
        usual = default_folders()
        store = PackStore(Folders(job.packs_folder or usual.user, usual.starters))
        pack = store.install(learned.pack, source=f"trained from {job.painting.name}")
        run.save_state("done", 1.0)
    _tell(learned, pack.manifest.title, pack.id, asdict(pack.info()), as_json)


def _learned(run: RunFolder, job: TrainingJob, tensorboard: Path | None, as_json: bool) -> Done:
    """The training itself; whatever ends it, the run's state says so. Exits with 130 where Ctrl-C stopped it."""
    with _bar(as_json) as bar, _stoppable() as wishes:
        watcher = Watcher(bar, job.name, wishes)
        run.save_state("running", 0.0)
        from scumble_training.style.learning import learn_style
        from scumble_training.watching import Stopped

        try:
            return learn_style(job, run.path, watcher, tensorboard=tensorboard)
        except Stopped:
            run.save_state("paused", watcher.fraction)
            bar.stop()
            done = f"Stopped at {watcher.fraction:.0%}; nothing is lost."
            typer.echo(f"{done} Go on with: scumble train --resume", err=True)
            raise typer.Exit(130) from None
        except ScumbleError:
            run.save_state("failed", watcher.fraction)
            raise


def _tell(learned: Done, title: str, pack_id: str, info: dict[str, Any], as_json: bool) -> None:
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
    typer.echo(f"{title} is installed as {pack_id} ({minutes} min {seconds} s). Report: {learned.report}")
    typer.echo(f"Try it: scumble style PICTURE --pack {pack_id} -o painted.png")


class Watcher:
    """Shows progress as a bar with the remaining time; notes and previews as lines above it."""

    def __init__(self, bar: progress.Progress, title: str, wishes: list[str]) -> None:
        self._bar = bar
        self._task = bar.add_task("loading", total=1.0, rest="")
        self._title = title
        self._wishes = wishes
        self._previews = 0
        self.fraction = 0.0

    def tell(self, event: Progress | Preview) -> None:
        if isinstance(event, Preview):
            losses = f"style {event.style_loss:.3f}, content {event.content_loss:.3f}"
            line = f"step {event.step} of {event.steps}: {losses}, preview {event.path}"
            self._bar.console.print(line, highlight=False, soft_wrap=True)
            return
        self.fraction = max(self.fraction, event.fraction)
        rest = "" if event.remaining_s is None else _rest(event.remaining_s)
        self._bar.update(
            self._task, completed=self.fraction, description=f"{self._title}: {STAGES[event.stage]}", rest=rest
        )

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


def _bar(quiet: bool) -> progress.Progress:
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


def _scales(text: str) -> tuple[float, ...]:
    try:
        scales = tuple(sorted({float(part) for part in text.split(",") if part.strip()}))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a list of numbers.", param_hint="--stroke-scales") from error
    if not all(0.25 <= scale <= 4 for scale in scales) or len(scales) > 5:
        raise typer.BadParameter("Give up to five numbers from 0.25 to 4.", param_hint="--stroke-scales")
    return scales


def _title(stem: str) -> str:
    """ "great-wave_2" -> "Great wave 2"."""
    words = " ".join(stem.replace("-", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:] if words else "New style"


def _stopped_run(runs: Path, folder: Path | None, painting: Path | None) -> RunFolder:
    """The run in the folder, or the one that was interrupted last (of that painting, where one is named)."""
    run = RunFolder(folder) if folder else interrupted(runs, painting and painting.resolve())
    if run is None:
        raise FileTrouble("There is no stopped training to go on with.", remedy="Start one: scumble train PAINTING.")
    return run
