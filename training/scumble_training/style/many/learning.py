"""From one painting to a pack on the light network: the nearest installed style, its table and delta trained on.

Qualities "quick" and "standard" learn a table and a delta on the installed base network; "full" learns all weights,
and its pack carries a base network of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_backend.training_runs.events import Done
from scumble_training.checkpoint import read_checkpoint
from scumble_training.loss_network import LossNetwork, load_loss_network
from scumble_training.style.base_network import LightBase
from scumble_training.style.held_out import HeldOut
from scumble_training.style.losses import total_variation
from scumble_training.style.many.loop import ENTRIES, ManyRun, Moment, checkpoint_path, fit
from scumble_training.style.many.objective import ManyObjective, content_distance
from scumble_training.style.many.recipe import ManyRecipe, NetworkRecipe, load_many, many_from_json
from scumble_training.style.many.weights import painter_of
from scumble_training.style.recipe import LossTerm
from scumble_training.style.sitting import PREVIEW_S, SIDE, Outcome, Sitting, paint
from scumble_training.watching import Stopped

STYLE = "style"  # the one style's name inside the run
CROPS = 12  # by which it is told what the other styles leave of pictures
CHOOSING = 2  # held-out pictures by which the nearest style is chosen
#: What a picture of a training step costs against one held-out picture of its size that is painted and compared.
STEP_COST = 3.0

Painter = tuple[SkipStyleNetwork, SkipStyleTable, StyleDelta | None]


class LightLearning(Sitting):
    """One sitting of a run on the light network."""

    def run(self, base: LightBase | None) -> Done:
        """base: the installed base network to learn on."""
        job = self.job
        recipe = load_many(job.recipe or f"{job.quality}-light").changed(strength=job.strength, seed=job.seed)
        recipe = self.reachable(recipe)
        if job.stroke_scales:
            self.note("Stroke scales are not learned: the size of the marks is chosen when painting.")
        self.load_photos(recipe.data.photo_side)
        if base is None and recipe.trains == "styles":
            recipe = replace(recipe, trains="all")
            self.note("No base network is installed, so all weights learn from scratch.")
        self.schedule.expect("measuring", len(self.contents), 1.0)
        self.expect_report()
        folder = self.folder / recipe.name
        run = self._resumed(folder) or self._started(recipe, base)
        lines = self._train(run, folder)
        weights = run.trained_weights()
        network, table, delta = painter_of(weights, STYLE, run.recipe)
        held = self._measure(run.objective, (network, table, delta), run.goals[STYLE], self.contents, "measuring")
        own = run.recipe.trains == "all"
        return self.finish(
            Outcome(
                recipe=run.recipe, network=network, table=table, delta=delta, held=held,
                histories={run.recipe.name: lines}, base_sha256="0" * 64 if own or base is None else base.sha256,
                with_base=own,
            )
        )  # fmt: skip

    def _load(self, term: LossTerm, download: bool) -> LossNetwork:
        return load_loss_network(
            term.network, term.layers, folder=self.job.loss_network, download=download, padding="reflect"
        )

    # --- where it begins --------------------------------------------------------------------------------

    def _resumed(self, folder: Path) -> ManyRun | None:
        """The run of a folder's checkpoint; None where there is none."""
        path = checkpoint_path(folder, self.world)
        if not path.exists():
            return None
        run = self._make(many_from_json(json.loads(read_checkpoint(path, ENTRIES)["recipe"])))
        run.load(path)
        return run

    def _started(self, recipe: ManyRecipe, base: LightBase | None) -> ManyRun:
        if base is None:
            return self._make(recipe)
        config = base.network.config.to_json()
        config.pop("margin")
        recipe = replace(recipe, network=NetworkRecipe(**config))
        nearest, (table, delta) = self._nearest(recipe, base)
        self.watcher.note(f"It begins from the style {nearest}.")
        if delta is not None:
            recipe = replace(
                recipe, rank=next(iter(delta.factors.values()))[0].shape[1], delta_stages=list(delta.factors)
            )
        run = self._make(recipe)
        weights = {f"network.{name}": value for name, value in base.network.state_dict().items()}
        weights |= {f"styles.{STYLE}.table.{name}": value for name, value in table.tensors().items()}
        for stage, (left, right) in (delta.factors if delta else {}).items():
            weights |= {f"styles.{STYLE}.left.{stage}": left, f"styles.{STYLE}.right.{stage}": right}
        run.start_from(weights)
        if share := recipe.optimizer.content_share:
            optimizer = replace(recipe.optimizer, content_goal=share * self._usual_content(run, base))
            run.recipe = replace(recipe, optimizer=optimizer)
        return run

    def _make(self, recipe: ManyRecipe) -> ManyRun:
        return ManyRun(
            recipe, {STYLE: self.painting.pixels}, self.photos, device=self.device, world=self.world,
            networks=self.networks(recipe.terms, download=self.job.download),
        )  # fmt: skip

    def _nearest(self, recipe: ManyRecipe, base: LightBase) -> tuple[str, tuple[SkipStyleTable, StyleDelta | None]]:
        """The installed style whose pictures come closest to the new painting: what to begin from."""
        objective = ManyObjective(
            recipe.terms, self.networks(recipe.terms, download=False), recipe.weights, recipe.data
        ).to(self.device)
        goals = objective.goals(recipe.as_learned(self.painting.pixels).to(self.device))
        pictures = self.contents[:CHOOSING]
        looked_at = len(pictures) + (_crops_cost(recipe) if recipe.optimizer.content_share else 0.0)
        self.schedule.expect("choosing", len(base.styles) * looked_at, 1.0)
        self.schedule.expect(recipe.name, recipe.optimizer.steps, _step_cost(recipe))
        self.tell(self._fraction, "choosing")
        self.schedule.begin()
        losses = {
            name: self._measure(objective, (base.network, table, delta), goals, pictures, "choosing").style
            for name, (table, delta) in base.styles.items()
        }
        best = min(losses, key=losses.__getitem__)
        return best, base.styles[best]

    @torch.no_grad()
    def _usual_content(self, run: ManyRun, base: LightBase) -> float:
        """The content loss of pictures that training begins with, in the base's own styles: the median of these."""
        crops = run.crops().at(0, CROPS)
        photos = ~crops.is_canvas
        pictures, content = crops.pictures[photos].to(self.device), [layer[photos] for layer in crops.content]
        base.network.to(self.device)
        losses = []
        self.schedule.begin()
        for table, delta in base.styles.values():
            painted = base.network(pictures, table.at().to(self.device), delta.to(self.device) if delta else None)
            seen, _ = run.objective.looked_at(painted, content_only=True)
            losses.append(float(content_distance([(weight, part.cpu()) for weight, part in seen], content).mean()))
            self.schedule.did("choosing", _crops_cost(run.recipe))
            self.tell(self._fraction, "choosing")
        base.network.cpu()
        self.schedule.over("choosing")
        return median(losses)

    # --- the way ----------------------------------------------------------------------------------------

    def _train(self, run: ManyRun, folder: Path) -> list[dict[str, float]]:
        """To the recipe's last step; returns the history's lines. Raises Stopped."""
        name, recipe = run.recipe.name, run.recipe
        history = self.history(name, run.step)
        shown, first, pictures = 0.0, run.step, recipe.optimizer.pictures * self.world.size
        began = time.monotonic()
        self.schedule.expect(name, recipe.optimizer.steps - run.step, _step_cost(recipe))
        self.schedule.begin()
        wish = ""

        def each(moment: Moment) -> None:
            nonlocal shown
            losses = moment.parts.as_floats()
            now = time.monotonic()
            history.add(moment.step, moment.steps, losses, (moment.step - first) * pictures / (now - began))
            self.chart(name, moment.step, losses)
            self.schedule.did(name)
            self.tell(0.97 * moment.step / moment.steps, "training")
            if now - shown > PREVIEW_S and (moment.step < moment.steps or not shown):
                last = history.last or losses
                self.preview(name, _painting(run), moment.step, moment.steps, last["style"], last["content"])
                shown = time.monotonic()

        def asked_to_stop() -> bool:
            nonlocal wish
            wish = wish or self.watcher.wish()
            return bool(wish)

        try:
            finished = fit(run, folder, each=each, stop=asked_to_stop)
        finally:
            if self.world.leads:
                self.clock.save()
        if not finished:
            raise Stopped(wish or "pause")  # the wish of the process that leads
        self.schedule.over(name)
        return history.lines

    @torch.no_grad()
    def _measure(
        self, objective: ManyObjective, painter: Painter, goals: list[Tensor], pictures: list[Tensor], stage: str
    ) -> HeldOut:
        """Losses over pictures that training never sees."""
        self.tell(self._fraction, stage)
        self.schedule.begin()
        network, table, delta = painter
        network.to(self.device)
        table, delta = table.at().to(self.device), delta.to(self.device) if delta else None
        no_canvas = torch.zeros(1, dtype=torch.bool, device=self.device)
        sums = torch.zeros(3, dtype=torch.float64)
        for picture in pictures:
            shown = picture[None].to(self.device)
            painted = network(shown, table, delta)
            content, style = objective.compare(painted, objective.content(shown), goals, no_canvas)
            sums += torch.stack([content, style, total_variation(painted)]).double().cpu()
            self.worked(stage)
        network.cpu()
        return HeldOut(*(sums / len(pictures)).tolist())


def _painting(run: ManyRun) -> Callable[[Tensor], Tensor]:
    network, table, delta = painter_of(run.trained_weights(), STYLE, run.recipe)
    return lambda picture: paint(network, table, picture, delta)


def _crops_cost(recipe: ManyRecipe) -> float:
    """Of the crops that tell what one style leaves of pictures, against one held-out picture."""
    return CROPS * recipe.side_at(0.0) ** 2 / SIDE**2


def _step_cost(recipe: ManyRecipe) -> float:
    """Of one step of training, against one held-out picture."""
    side = sum(recipe.side_at(done / 10) ** 2 for done in range(10)) / 10
    return STEP_COST * recipe.optimizer.pictures * side / SIDE**2
