"""From one painting to a pack file: the whole way, resumable, told to a watcher.

Styles are learned on the light network (`many/learning.py`) where a base network of it is installed, as it is with
what ships. What follows here learns them on the reference network. Every stage of training has a folder in the run's
folder, with its checkpoint and history; a run that is started again goes on where these end. Stages: "quick" (the
style's table on a base network), "probe" (a few steps with all weights, to learn what the table alone leaves on the
table), "full" (all weights).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_backend.packs.store import PackStore
from scumble_backend.rendering import device as devices
from scumble_backend.training_runs.events import Done
from scumble_backend.training_runs.job import TrainingJob
from scumble_training.checkpoint import read_checkpoint
from scumble_training.distributed import joined, own_device
from scumble_training.style import held_out
from scumble_training.style.base_network import Base, LightBase, find_base, find_light_base, nearest_style
from scumble_training.style.held_out import HeldOut
from scumble_training.style.history import History
from scumble_training.style.loop import ENTRIES, Moment, Run, fit
from scumble_training.style.many.learning import LightLearning
from scumble_training.style.many.recipe import is_light
from scumble_training.style.objective import Objective
from scumble_training.style.painting import with_short_side
from scumble_training.style.recipe import Recipe, load_recipe, recipe_from_json
from scumble_training.style.sitting import PREVIEW_S, SIDE, Outcome, Sitting, packs_of, paint
from scumble_training.tensorboard import open_board
from scumble_training.watching import Silent, Stopped, Watcher

PROBE_STEPS = 40
#: Held-out style loss of the quick style against a short tuning of all weights, above which quick is not enough.
CLEARLY_ABOVE = 1.15
#: What a unit costs, against one held-out picture that is painted and compared: a picture in a step of training also
#: has its gradient.
STEP_COST = 3.0


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
        given = (job, folder, watcher if world.leads else Silent(), device, world, board)
        light, base = _light(job)
        return LightLearning(*given).run(base) if light else _Learning(*given).run()


def _light(job: TrainingJob) -> tuple[bool, LightBase | None]:
    """Whether the job is for the light network, by its recipe, else where a base network of it is installed; that."""
    if job.recipe and not is_light(job.recipe):
        return False, None
    base = find_light_base(PackStore(packs_of(job)))
    return bool(job.recipe) or base is not None, base


class _Learning(Sitting):
    """One sitting of a run on the reference network."""

    def run(self) -> Done:
        job = self.job
        main = self._recipe(job.recipe or ("full" if job.quality == "full" else "quick"))
        self.load_photos(main.data.photo_side)
        base = find_base(self.store) if main.start == "base" or main.trains == "table" else None
        if base is None and main.trains == "table":
            full = self._recipe("full")
            steps = main.optimizer.steps if job.quality == "quick" else full.optimizer.steps
            main = replace(full, optimizer=replace(full.optimizer, steps=steps))
            self.note("No base network is installed, so all weights learn from scratch.")
        tuned = base is not None and main.trains == "table" and not job.recipe
        ends = ((0.3, 0.35) if job.quality == "standard" else (0.9, 1.0)) if tuned else (1.0, 1.0)
        self.schedule.expect("measuring", len(self.contents) * (2 if tuned else 1), 1.0)
        self.expect_report()
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
                self.note(f"The quick style's loss is {ratio:.2f} times what all weights reach, so these learn too.")
                self.schedule.expect("measuring", len(self.contents), 1.0)
                result = self._stage("full", full, base, start=quick, span=(0.35, 1.0))
                base_sha = ""
            elif ratio > CLEARLY_ABOVE:
                self.note(
                    f"Its style loss is {ratio:.2f} times what a few steps with all weights reach: "
                    "quality `full` would come clearly closer to the painting."
                )
        stages = {"quick": quick.history.lines} if result is not quick else {}
        return self.finish(
            Outcome(
                recipe=result.run.recipe, network=result.network, table=result.table, held=result.held,
                histories={**stages, result.run.recipe.name: result.history.lines}, base_sha256=base_sha,
                quality={"quick_to_tuned": ratio} if result is quick and ratio != 1.0 else {},
            )
        )  # fmt: skip

    def _recipe(self, name: str) -> Recipe:
        """The recipe with what the person chose, and with loss networks that are there."""
        job = self.job
        return self.reachable(
            load_recipe(name).changed(strength=job.strength, stroke_scales=job.stroke_scales, seed=job.seed)
        )

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
        history = self.history(name, run.step)
        first, shown = run.step, 0.0
        self.schedule.expect(name, run.recipe.optimizer.steps - run.step, _step_cost(run.recipe))
        self.schedule.begin()
        parts = run.parts.count

        def each(moment: Moment) -> None:
            nonlocal shown, parts
            losses = moment.losses.as_floats()
            history.add(moment.step, moment.steps, losses, moment.pictures_per_s)
            self.chart(name, moment.step, losses)
            if moment.parts != parts:
                parts = moment.parts
                size = -(-run.recipe.optimizer.batch // parts)
                self.note(f"The memory did not suffice: from step {moment.step} on, {size} pictures at a time.")
            done = (moment.step - first) / max(1, moment.steps - first)
            self.schedule.did(name)
            share = span[0] + (span[1] - span[0]) * moment.step / moment.steps
            self.tell(0.97 * share, "training")
            if time.monotonic() - shown > PREVIEW_S and (done < 1 or shown == 0):
                last = history.last or losses
                network, bank = run.averaged()
                table = bank(torch.zeros(1, dtype=torch.int64))
                self.preview(
                    run.recipe.name, lambda picture: paint(network, table, picture), moment.step, moment.steps,
                    last["style"], last["content"],
                )  # fmt: skip
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
        objective = Objective(recipe.terms, self.networks(recipe.terms, download=False), recipe.weights)
        objective.add_style(0, 0.0, with_short_side(self.painting.pixels, recipe.data.style_side).to(self.device))
        pictures = self.contents[:2]
        self.schedule.expect("choosing", len(base.tables) * len(pictures), 1.0)
        self.schedule.expect(recipe.name, recipe.optimizer.steps, _step_cost(recipe))
        self.tell(self._fraction, "choosing")
        self.schedule.begin()
        nearest, table = nearest_style(base, objective.to(self.device), pictures, lambda: self.worked("choosing"))
        base.network.cpu()
        self.watcher.note(f"It begins from the style {nearest}.")
        return self._make(recipe, base.network, table)

    def _make(self, recipe: Recipe, network: StyleNetwork | None, table: StyleTable | None) -> Run:
        return Run(
            recipe, [self.painting.pixels], self.photos, device=self.device, base=network, start=table,
            networks=self.networks(recipe.terms, download=self.job.download), world=self.world,
        )  # fmt: skip

    def _probe(self, full: Recipe, quick: _Result, span: tuple[float, float]) -> float:
        """How many times the style loss of a short tuning of all weights the quick style's is."""
        optimizer = replace(full.optimizer, steps=PROBE_STEPS, warmup=5, average=0.9)
        probe = self._stage("probe", replace(full, optimizer=optimizer), None, start=quick, span=span)
        return quick.held.style / max(probe.held.style, 1e-12)

    def _measure(self, network: StyleNetwork, table: StyleTable, objective: Objective) -> HeldOut:
        self.tell(self._fraction, "measuring")
        self.schedule.begin()
        found = held_out.measure(
            network, table, objective, self.contents, device=self.device,
            each=lambda: self.worked("measuring"),
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


def _step_cost(recipe: Recipe) -> float:
    """Of one step of training, against one held-out picture."""
    return STEP_COST * recipe.optimizer.batch * (recipe.data.crop / SIDE) ** 2
