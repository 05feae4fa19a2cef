"""From one painting to a pack file: the whole way, resumable, told to a watcher.

Every stage of training has a folder in the run's folder, with its checkpoint and history; a run that is started again
goes on where these end. Stages: "quick" (the style's table on a base network), "probe" (a few steps with all weights,
to learn what the table alone leaves on the table), "full" (all weights).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from scumble_backend.errors import LossNetworkMissing
from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_backend.packs.store import Folders, PackStore, default_folders
from scumble_backend.rendering import device as devices
from scumble_backend.training_runs.events import Done, Preview, Progress
from scumble_backend.training_runs.job import TrainingJob
from scumble_training.checkpoint import read_checkpoint
from scumble_training.distributed import World, joined, own_device
from scumble_training.loss_network import LossNetwork, load_loss_network
from scumble_training.schedule import Clock, Schedule
from scumble_training.style import held_out
from scumble_training.style.base_network import Base, find_base, nearest_style
from scumble_training.style.checkpoint import ENTRIES
from scumble_training.style.data import PhotoSet
from scumble_training.style.export import Story, free_id, write_style_pack
from scumble_training.style.held_out import HeldOut
from scumble_training.style.history import History
from scumble_training.style.loop import Moment, Run, fit, with_short_side
from scumble_training.style.objective import Objective
from scumble_training.style.painting import Painting, read_painting, to_image
from scumble_training.style.recipe import LossTerm, Recipe, load_recipe, recipe_from_json
from scumble_training.style.report import STRENGTHS, STROKE_SCALES, Report, write_report
from scumble_training.tensorboard import Board, open_board
from scumble_training.watching import Silent, Stopped, Watcher

PROBE_STEPS = 40
#: Held-out style loss of the quick style against a short tuning of all weights, above which quick is not enough.
CLEARLY_ABOVE = 1.15
PREVIEW_S = 15.0  # seconds between previews, at least
SIDE = 256  # pixels; of the held-out pictures
#: What a unit of each part costs, against one held-out picture that is painted and compared: a picture in a step of
#: training also has its gradient, one in the report is only painted.
STEP_COST, REPORT_COST = 3.0, 0.3
#: Told to people who train without photos. The figure: the mean of 16, 64 and 250 photos in docs/training.md.
WITHOUT_PHOTOS = (
    "It learned from made-up pictures; with 16 or more photos of your own (--photos) its losses are some 8 % lower."
)


@dataclass(frozen=True)
class _Result:
    """What a stage left."""

    run: Run
    network: StyleNetwork
    table: StyleTable
    held: HeldOut
    history: History


def learn_style(job: TrainingJob, folder: Path, watcher: Watcher, *, tensorboard: Path | None = None) -> Done:
    """Train and write the pack and its report into the run's folder; the pack is not installed yet.

    tensorboard: a folder for the losses' curves. The caller holds the run, so that nobody else works in the folder.
    Raises PaintingUnusable, PhotosUnusable, LossNetworkMissing, LossNetworkUnusable, RecipeInvalid, LossNotFinite,
    OutOfMemory, DiskFull, DeviceUnavailable; Stopped where the watcher wished it.
    """
    device = own_device(devices.choose(job.device))
    with joined(device) as world:
        board = open_board(tensorboard) if world.leads else None
        return _Learning(job, folder, watcher if world.leads else Silent(), device, world, board).run()


class _Learning:
    """One sitting of a run."""

    def __init__(
        self,
        job: TrainingJob,
        folder: Path,
        watcher: Watcher,
        device: torch.device,
        world: World,
        board: Board | None,
    ) -> None:
        self.job, self.folder, self.watcher, self.device, self.world = job, folder, watcher, device, world
        self._board = board
        self._fraction = 0.0
        self.schedule = Schedule()
        self._tell(0.0, "loading")
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = Clock.of(folder / "clock.json")
        self.notes: list[str] = []
        self.painting: Painting = read_painting(job.painting)
        self._note(*self.painting.notes)
        self.store = PackStore(self._folders())
        self._loss_networks: dict[str, LossNetwork] = {}

    def _folders(self) -> Folders:
        usual = default_folders()
        return usual if self.job.packs_folder is None else Folders(self.job.packs_folder, usual.starters)

    def _note(self, *texts: str) -> None:
        for text in texts:
            self.notes.append(text)
            self.watcher.note(text)

    def _tell(self, fraction: float, stage: str) -> None:
        """fraction: of the whole run; it never falls."""
        self._fraction = max(self._fraction, fraction)
        self.watcher.tell(Progress(self._fraction, self.schedule.remaining_s(), stage))

    def _worked(self, stage: str) -> None:
        """One picture of a stage is done."""
        self.schedule.did(stage)
        self._tell(self._fraction, stage)

    # --- the way ----------------------------------------------------------------------------------------

    def run(self) -> Done:
        job = self.job
        main = self._recipe(job.recipe or ("full" if job.quality == "full" else "quick"))
        self._load_photos(main)
        base = find_base(self.store) if main.start == "base" or main.trains == "table" else None
        if base is None and main.trains == "table":
            full = self._recipe("full")
            steps = main.optimizer.steps if job.quality == "quick" else full.optimizer.steps
            main = replace(full, optimizer=replace(full.optimizer, steps=steps))
            self._note("No base network is installed, so all weights learn from scratch.")
        tuned = base is not None and main.trains == "table" and not job.recipe
        ends = ((0.3, 0.35) if job.quality == "standard" else (0.9, 1.0)) if tuned else (1.0, 1.0)
        self.schedule.expect("measuring", len(self.contents) * (2 if tuned else 1), 1.0)
        self.schedule.expect("writing", len(self.shown[:4]) * len((*STRENGTHS, *STROKE_SCALES)), REPORT_COST)
        if tuned:
            self.schedule.expect("probe", PROBE_STEPS, _step_cost(self._recipe("full")))
        result = self._stage(main.name, main, base, span=(0.0, ends[0]))
        ratio = 1.0
        base_sha = base.sha256 if base is not None and main.trains == "table" else ""
        quick = result
        if tuned:
            full = replace(self._recipe("full"), network=main.network)
            ratio = self._probe(full, quick, ends)
            if ratio > CLEARLY_ABOVE and job.quality == "standard":
                self._note(f"The quick style's loss is {ratio:.2f} times what all weights reach, so these learn too.")
                self.schedule.expect("measuring", len(self.contents), 1.0)
                result = self._stage("full", full, base, start=quick, span=(0.35, 1.0))
                base_sha = ""
            elif ratio > CLEARLY_ABOVE:
                self._note(
                    f"Its style loss is {ratio:.2f} times what a few steps with all weights reach: "
                    "quality `full` would come clearly closer to the painting."
                )
        return self._finish(result, base_sha, ratio, quick)

    def _recipe(self, name: str) -> Recipe:
        """The recipe with what the person chose, and with loss networks that are there."""
        job = self.job
        recipe = load_recipe(name).changed(strength=job.strength, stroke_scales=job.stroke_scales, seed=job.seed)
        try:
            self._networks(recipe.terms, download=job.download and not recipe.alternative)
        except LossNetworkMissing:
            if not recipe.alternative:
                raise
            self._networks(recipe.alternative, download=job.download)
            recipe = replace(recipe, terms=recipe.alternative, alternative=[])
        return recipe

    def _networks(self, terms: Sequence[LossTerm], *, download: bool) -> list[LossNetwork]:
        for term in terms:
            key = repr((term.network, term.layers))
            if key not in self._loss_networks:
                self._loss_networks[key] = load_loss_network(
                    term.network, term.layers, folder=self.job.loss_network, download=download
                )
        return [self._loss_networks[repr((term.network, term.layers))] for term in terms]

    def _load_photos(self, recipe: Recipe) -> None:
        photos = None
        if self.job.photos is not None:
            photos = PhotoSet.load(self.job.photos, short_side=recipe.data.photo_side)
            if photos.skipped:
                self._note(f"{len(photos.skipped)} files of the photos could not be read and were skipped.")
            if len(photos) < 16:
                self._note(f"There are only {len(photos)} photos; 16 or more give a style that fits any picture.")
        else:
            self._note(WITHOUT_PHOTOS)
        self.data = f"{len(photos)} photos" if photos else "made-up pictures"
        self.photos, held = held_out.split(photos)
        self.contents = held_out.pictures(held, SIDE)  # what the style is judged on
        self.shown = self.contents if held else [held_out.sample(SIDE), *self.contents]  # what people look at

    def _stage(
        self,
        name: str,
        recipe: Recipe,
        base: Base | None,
        *,
        span: tuple[float, float],
        start: _Result | None = None,
    ) -> _Result:
        """Train to the end of a recipe, from the folder's checkpoint where there is one.

        span: fractions of the whole run at its beginning and end.
        """
        folder = self.folder / name
        try:
            run = self._resumed(folder)
        except FileNotFoundError:
            run = self._started(recipe, base, start)
        if self.world.leads:
            folder.mkdir(parents=True, exist_ok=True)
        history = History(folder / "history.jsonl", first_step=run.step)
        first, shown = run.step, 0.0
        self.schedule.expect(name, run.recipe.optimizer.steps - run.step, _step_cost(run.recipe))
        self.schedule.begin()
        parts = run.parts.count

        def each(moment: Moment) -> None:
            nonlocal shown, parts
            history.add(moment)
            if self._board is not None:
                for key, value in moment.losses.as_floats().items():
                    self._board.add_scalar(f"{name}/{key}", value, moment.step)
            if moment.parts != parts:
                parts = moment.parts
                size = -(-run.recipe.optimizer.batch // parts)
                self._note(f"The memory did not suffice: from step {moment.step} on, {size} pictures at a time.")
            done = (moment.step - first) / max(1, moment.steps - first)
            self.schedule.did(name)
            share = span[0] + (span[1] - span[0]) * moment.step / moment.steps
            self._tell(0.97 * share, "training")
            if time.monotonic() - shown > PREVIEW_S and (done < 1 or shown == 0):
                self._preview(run, history, moment)
                shown = time.monotonic()
            self._heed()

        try:
            fit(run, folder, each=each)
        finally:
            if self.world.leads:
                self.clock.save()
        self.schedule.over(name)
        network, bank = run.averaged()
        table = bank(torch.zeros(1, dtype=torch.int64))
        held = self._measure(network, table, run.objective)
        return _Result(run, network, table, held, history)

    def _resumed(self, folder: Path) -> Run:
        """The run of a folder's checkpoint. Raises FileNotFoundError where there is none."""
        path = folder / "checkpoint.pt"
        if not path.exists():
            raise FileNotFoundError(path)
        recipe = recipe_from_json(json.loads(read_checkpoint(path, ENTRIES)["recipe"]))
        run = self._make(recipe, None, None)
        run.load(path)
        return run

    def _started(self, recipe: Recipe, base: Base | None, start: _Result | None) -> Run:
        if start is not None:
            return self._make(replace(recipe, network=start.network.config), start.network, start.table)
        if base is None or recipe.start == "scratch":
            return self._make(recipe, None, None)
        recipe = replace(recipe, network=base.network.config)
        objective = Objective(recipe.terms, self._networks(recipe.terms, download=False), recipe.weights)
        objective.add_style(0, 0.0, with_short_side(self.painting.pixels, recipe.data.style_side).to(self.device))
        pictures = self.contents[:2]
        self.schedule.expect("choosing", len(base.tables) * len(pictures), 1.0)
        self.schedule.expect(recipe.name, recipe.optimizer.steps, _step_cost(recipe))
        self._tell(self._fraction, "choosing")
        self.schedule.begin()
        nearest, table = nearest_style(base, objective.to(self.device), pictures, lambda: self._worked("choosing"))
        base.network.cpu()
        self.watcher.note(f"It begins from the style {nearest}.")
        return self._make(recipe, base.network, table)

    def _make(self, recipe: Recipe, network: StyleNetwork | None, table: StyleTable | None) -> Run:
        return Run(
            recipe, [self.painting.pixels], self.photos, device=self.device, base=network, start=table,
            networks=self._networks(recipe.terms, download=self.job.download), world=self.world,
        )  # fmt: skip

    def _probe(self, full: Recipe, quick: _Result, span: tuple[float, float]) -> float:
        """How many times the style loss of a short tuning of all weights the quick style's is."""
        optimizer = replace(full.optimizer, steps=PROBE_STEPS, warmup=5, average=0.9)
        probe = self._stage("probe", replace(full, optimizer=optimizer), None, start=quick, span=span)
        return quick.held.style / max(probe.held.style, 1e-12)

    def _measure(self, network: StyleNetwork, table: StyleTable, objective: Objective) -> HeldOut:
        self._tell(self._fraction, "measuring")
        self.schedule.begin()
        found = held_out.measure(
            network, table, objective, self.contents, device=self.device,
            each=lambda: self._worked("measuring"),
        )  # fmt: skip
        values = torch.tensor([found.content, found.style, found.variation], dtype=torch.float64)
        self.world.average([values])  # so that all processes decide alike
        network.cpu()
        return HeldOut(*values.tolist())

    def _heed(self) -> None:
        wish = self.watcher.wish()
        if self.world.size > 1:
            told = torch.tensor([float(wish == "pause"), float(wish == "cancel")], device=self.device)
            self.world.average([told])
            wish = "pause" if told[0] > 0 else "cancel" if told[1] > 0 else ""
        if wish:
            raise Stopped(wish)

    # --- pictures and files -----------------------------------------------------------------------------

    def _preview(self, run: Run, history: History, moment: Moment) -> None:
        if not self.world.leads:
            return
        network, bank = run.averaged()
        table = bank(torch.zeros(1, dtype=torch.int64)).at(1.0)
        painted = [paint(network, table, content) for content in self.shown[:2]]
        sheet = Image.new("RGB", (256 * len(painted), 256))
        for place, picture in enumerate(painted):
            sheet.paste(to_image(picture), (256 * place, 0))
        path = self.folder / f"preview-{run.recipe.name}-{moment.step:06d}.jpg"
        sheet.save(path, quality=88)
        for old in sorted(self.folder.glob("preview-*.jpg"), key=lambda file: file.stat().st_mtime)[:-4]:
            old.unlink(missing_ok=True)
        last = history.last or moment.losses.as_floats()
        self.watcher.tell(Preview(path, moment.step, moment.steps, last["style"], last["content"]))

    def _finish(self, result: _Result, base_sha: str, ratio: float, quick: _Result) -> Done:
        job = self.job
        self.schedule.over("measuring")
        self._tell(0.98, "writing")
        self.schedule.begin()
        quality = {"held_out_style": result.held.style, "held_out_content": result.held.content}
        if result is quick and ratio != 1.0:
            quality["quick_to_tuned"] = ratio
        story = Story(result.run.recipe, self.data, self.clock.seconds, self.device, quality)
        pack_id = free_id(job.name, [pack.id for pack in self.store.list()])
        pack, report = self.folder / f"{pack_id}.scumble", self.folder / "report.html"
        if self.world.leads:
            paints = [paint(result.network, result.table.at(1.0), content) for content in self.shown[:2]]
            manifest = write_style_pack(
                pack, title=job.name, pack_id=pack_id, network=result.network, table=result.table,
                base_sha256=base_sha, story=story, thumbnail=self.painting.thumbnail(256),
                previews=[to_image(picture) for picture in paints],
            )  # fmt: skip
            stages = {"quick": quick.history.lines} if result is not quick else {}
            write_report(
                report,
                Report(
                    title=job.name, painting=self.painting, manifest=manifest, network=result.network,
                    table=result.table, contents=self.shown[:4],
                    histories={**stages, result.run.recipe.name: result.history.lines}, held=result.held,
                    notes=tuple(self.notes), each=lambda: self._worked("writing"),
                ),
            )  # fmt: skip
            self.clock.save()
        self.schedule.over("writing")
        self._tell(1.0, "writing")
        return Done(pack, report, round(self.clock.seconds, 1), " ".join(self.notes))


def _step_cost(recipe: Recipe) -> float:
    """Of one step of training, against one held-out picture."""
    return STEP_COST * recipe.optimizer.batch * (recipe.data.crop / SIDE) ** 2


@torch.no_grad()
def paint(network: StyleNetwork, table: StyleTable, picture: Tensor) -> Tensor:
    """(3, H, W) in [0, 1] -> the same, painted."""
    painted: Tensor = network(picture[None], table)[0]
    return painted
