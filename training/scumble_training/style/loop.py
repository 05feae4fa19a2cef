"""The training loop: one network, one or many styles, read from top to bottom.

A checkpoint holds everything needed to go on as if never stopped: weights, averages, optimizer, the step
and the whole recipe. Pictures, grain and the order of styles are functions of seed and step alone.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from scumble_backend.errors import CheckpointUnusable, LossNotFinite, OutOfMemory
from scumble_backend.nets.style import StyleNetwork, StyleTable, initialize
from scumble_backend.rendering import device as devices
from scumble_training.checkpoint import REMEDY, read_checkpoint, write_checkpoint
from scumble_training.distributed import World
from scumble_training.loss_network import LossNetwork, load_loss_network
from scumble_training.memory import BatchParts
from scumble_training.style.batch import Ahead, Batch
from scumble_training.style.data import PhotoSet, Pictures
from scumble_training.style.objective import Emphasis, Losses, Objective
from scumble_training.style.painting import with_short_side
from scumble_training.style.recipe import Recipe, recipe_from_json

ENTRIES = frozenset(("recipe", "step", "network", "bank", "averages", "optimizer"))  # of a checkpoint


class StyleBank(nn.Module):
    """The tables of all styles of a run, as parameters."""

    def __init__(self, start: StyleTable) -> None:
        super().__init__()
        for name, tensor in start.tensors().items():
            self.register_parameter(name, nn.Parameter(tensor.clone()))

    def forward(self, styles: Tensor) -> StyleTable:
        """styles: (N,) int64 -> their tables."""
        return StyleTable(**{name: parameter[styles] for name, parameter in self.named_parameters()})


class Painter(nn.Module):
    """Network and tables as one module: what DistributedDataParallel wraps."""

    def __init__(self, network: StyleNetwork, bank: StyleBank) -> None:
        super().__init__()
        self.network = network
        self.bank = bank

    def forward(self, batch: Batch) -> Tensor:
        table = self.bank(batch.styles).at(torch.exp2(batch.octaves))
        painted: Tensor = self.network(batch.pictures, table, batch.grain)
        return painted


class Run:
    """One training run and everything that it changes."""

    def __init__(
        self,
        recipe: Recipe,
        paintings: Sequence[Tensor],
        photos: PhotoSet | None,
        *,
        device: torch.device | str = "cpu",
        loss_folder: Path | None = None,
        networks: Sequence[LossNetwork] | None = None,
        base: StyleNetwork | None = None,
        start: StyleTable | None = None,
        world: World | None = None,
        precision: Literal["auto", "float32"] = "auto",
    ) -> None:
        """Set up, nothing learned yet.

        paintings: one (3, H, W) in [0, 1] per style, at full size. photos: None trains on made-up pictures.
        networks: the loss networks of the recipe's terms, where they are loaded already.
        base: the network to start from. start: the tables to start from, one per painting.
        Of a world of several processes each takes its own `optimizer.batch` pictures of every step.
        """
        self.recipe = recipe
        self.device = torch.device(device)
        self.world = world or World()
        self.precision = precision
        data, optimizer = recipe.data, recipe.optimizer
        self.pictures = Pictures(photos, data.crop, data.canvases, recipe.seed)
        self.styles = len(paintings)
        self.network = StyleNetwork(recipe.network)
        if base is None:
            initialize(self.network, torch.Generator().manual_seed(recipe.seed))
        else:
            self.network.load_state_dict(base.state_dict())
        self.network.to(self.device).to(memory_format=torch.channels_last)
        self.bank = StyleBank(self._first_tables(start)).to(self.device)
        if networks is None:
            networks = [load_loss_network(term.network, term.layers, folder=loss_folder) for term in recipe.terms]
        self.objective = Objective(recipe.terms, networks, recipe.weights).to(self.device)
        for index, painting in enumerate(paintings):
            for octave in recipe.stroke_octaves:
                side = round(data.style_side * 2.0**octave)
                self.objective.add_style(index, octave, with_short_side(painting, side).to(self.device))

        tables = [p for name, p in self.bank.named_parameters() if recipe.learns(name)]
        groups: list[dict[str, Any]] = [{"params": tables, "peak": optimizer.table_rate}]
        self.network.requires_grad_(recipe.trains == "all")
        self.bank.requires_grad_(False)
        for table in tables:
            table.requires_grad_(True)
        if recipe.trains == "all":
            groups.append({"params": list(self.network.parameters()), "peak": optimizer.rate})
        self.trained: list[nn.Parameter] = [parameter for group in groups for parameter in group["params"]]
        self.optimizer = torch.optim.Adam(groups, lr=0.0)
        self.averages = [parameter.detach().clone() for parameter in self.trained]
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half == torch.float16)
        self.painter: nn.Module = Painter(self.network, self.bank)
        if self.world.size > 1:
            self.painter = nn.parallel.DistributedDataParallel(self.painter, broadcast_buffers=False)
        self.parts = BatchParts(self.device, fixed=self.world.size > 1)
        self.step = 0
        self._ahead = Ahead(self.draw, threads=3 if self.device.type != "cpu" else 0)

    def _first_tables(self, start: StyleTable | None) -> StyleTable:
        start = self.network.plain_table(self.styles) if start is None else start
        if not self.recipe.color_path:
            start = StyleTable(start.scale, start.shift, torch.zeros_like(start.color))
        plain = {name: tensor for name, tensor in start.tensors().items() if not name.endswith("_slope")}
        if len(self.recipe.stroke_octaves) == 1:
            return StyleTable(**plain)
        slopes = {f"{name}_slope": torch.zeros_like(tensor) for name, tensor in plain.items()}
        return StyleTable(**{**slopes, **start.tensors()})

    # --- one step ---------------------------------------------------------------------------------------

    def draw(self, step: int) -> Batch:
        """This process's batch of a step: a pure function of seed and step, so that resuming needs no other state."""
        recipe = self.recipe
        count, side = recipe.optimizer.batch, recipe.data.crop
        first = (step * self.world.size + self.world.rank) * count
        numbers = range(first, first + count)
        rngs = [np.random.default_rng((recipe.seed, 1, number)) for number in numbers]
        grain = np.stack([rng.uniform(-1, 1, (1, side, side)).astype(np.float32) for rng in rngs])
        return Batch(
            self.pictures.batch(first, count),
            torch.from_numpy(grain),
            torch.tensor([self.style_of(number) for number in numbers]),
            torch.tensor([float(rng.choice(recipe.stroke_octaves)) for rng in rngs]),
            torch.tensor([self.pictures.is_canvas(number) for number in numbers]),
        )

    def style_of(self, number: int) -> int:
        """The style of a sample: every style once, in shuffled order, before any comes again."""
        round_, place = divmod(number, self.styles)
        return int(np.random.default_rng((self.recipe.seed, 2, round_)).permutation(self.styles)[place])

    def rate(self, peak: float) -> float:
        """Warm-up, then constant or a cosine to 0 (Loshchilov and Hutter 2017)."""
        optimizer = self.recipe.optimizer
        if self.step < optimizer.warmup:
            return peak * (self.step + 1) / optimizer.warmup
        if optimizer.schedule == "constant":
            return peak
        done = (self.step - optimizer.warmup) / max(1, optimizer.steps - optimizer.warmup)
        return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def losses_of(self, painted: Tensor, batch: Batch) -> Losses:
        """The losses, seen from a place that moves: the loss network's poolings would else keep step with the
        upsamplings of the network and teach it a lattice."""
        data = self.recipe.data
        jitter, side = data.jitter, painted.shape[-1] - data.jitter
        top, left = np.random.default_rng((self.recipe.seed, 3, self.step)).integers(0, jitter + 1, 2)
        seen = (..., slice(top, top + side), slice(left, left + side))
        losses: Losses = self.objective(
            painted[seen],
            batch.pictures[seen],
            list(zip(batch.styles.tolist(), batch.octaves.tolist(), strict=True)),
            Emphasis(
                *(
                    torch.where(batch.is_canvas, value, 1.0)
                    for value in (data.canvas_style, data.canvas_luminance, data.canvas_evenness)
                )
            ),
        )
        return losses

    def train_step(self) -> Losses:
        """One step of the optimizer. Raises LossNotFinite before anything has been changed by such a loss, and
        OutOfMemory where even single pictures don't fit."""
        batch = self._ahead.get(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["peak"])
        self.network.train(self.recipe.trains == "all")  # a base network's averages belong to all its styles
        statistics = [buffer.clone() for buffer in self.network.buffers()]
        losses = self.parts.compute(
            len(batch),
            lambda pieces: self._gradients(batch.to(self.device), statistics, pieces),
            lambda: self.optimizer.zero_grad(set_to_none=True),
        )
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.trained, self.recipe.optimizer.clip or math.inf)
        # Float16 may overflow now and then: the scaler then leaves the step out and scales less.
        if not torch.isfinite(norm) and not self.scaler.is_enabled():
            raise self._not_finite(f"the gradient became {float(norm)}")
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.network.training:
            self.world.average(list(self.network.buffers()))
        self.step += 1
        # The average forgets its start: early on it follows closely.
        decay = min(self.recipe.optimizer.average, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, [p.detach() for p in self.trained], 1 - decay)
        return losses

    def _gradients(self, batch: Batch, statistics: list[Tensor], places: Sequence[slice]) -> Losses:
        """Gradients of the mean loss over the batch, computed in the pieces at `places`.

        statistics: the network's averages before this step; every piece starts from them and adds its share.
        """
        buffers = list(self.network.buffers())
        changed = [value.clone() for value in statistics]
        self.optimizer.zero_grad(set_to_none=True)
        pieces = [batch.part(place) for place in places]
        found: list[tuple[float, Losses]] = []
        for place, piece in enumerate(pieces):
            for buffer, value in zip(buffers, statistics, strict=True):
                buffer.copy_(value)
            last = place == len(pieces) - 1
            waiting = contextlib.nullcontext() if last or self.world.size == 1 else self.painter.no_sync()  # type: ignore[operator]
            with waiting:
                with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
                    losses = self.losses_of(self.painter(piece), piece)
                share = len(piece) / len(batch)
                checked = losses.total.detach().clone()
                self.world.average([checked])  # so that all processes stop together
                if not torch.isfinite(checked):
                    raise self._not_finite(f"the loss became {float(checked)}")
                self.scaler.scale(losses.total * share).backward()  # type: ignore[no-untyped-call]
            found.append((share, losses))
            for total, buffer, value in zip(changed, buffers, statistics, strict=True):
                total += share * (buffer - value)
        for buffer, total in zip(buffers, changed, strict=True):
            buffer.copy_(total)
        return Losses(
            **{f.name: sum(share * getattr(one, f.name).detach() for share, one in found) for f in fields(Losses)}
        )

    def _not_finite(self, what: str) -> LossNotFinite:
        return LossNotFinite(
            f"{what} at step {self.step}.".replace("nan", "NaN"),
            remedy="The last good checkpoint is kept; go on from it with a smaller `optimizer.rate` in the recipe.",
        )

    @property
    def half(self) -> torch.dtype | None:
        """The type of convolutions where the device gains by it; statistics and Gram matrices stay in float32."""
        return None if self.precision == "float32" else devices.half_precision(self.device)

    # --- what has been learned --------------------------------------------------------------------------

    def averaged(self) -> tuple[StyleNetwork, StyleBank]:
        """Copies that hold the averaged weights, in evaluation mode, on the CPU."""
        network, bank = StyleNetwork(self.recipe.network), StyleBank(self.bank_start())
        network.load_state_dict(self.network.state_dict())
        copies = dict(zip(map(id, self.trained), self.averages, strict=True))
        with torch.no_grad():
            for ours, theirs in ((bank, self.bank), (network, self.network)):
                for copy, trained in zip(ours.parameters(), theirs.parameters(), strict=True):
                    copy.copy_(copies.get(id(trained), trained))
        return network.eval().requires_grad_(False), bank.eval().requires_grad_(False)

    def bank_start(self) -> StyleTable:
        return StyleTable(**{name: parameter.detach().cpu() for name, parameter in self.bank.named_parameters()})

    # --- checkpoints ------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write a checkpoint in one step; only the leading process does. Raises DiskFull, FileTrouble."""
        if not self.world.leads:
            return
        write_checkpoint(
            path,
            {
                "recipe": json.dumps(self.recipe.to_json()),
                "step": self.step,
                "parts": self.parts.count,
                "network": self.network.state_dict(),
                "bank": self.bank.state_dict(),
                "averages": self.averages,
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
            },
        )

    def load(self, path: Path) -> None:
        """Go on from a checkpoint. Raises CheckpointUnusable where it belongs to another recipe."""
        saved = read_checkpoint(path, ENTRIES)
        theirs = recipe_from_json(json.loads(saved["recipe"]))
        if (theirs.network, len(saved["bank"]["scale"])) != (self.recipe.network, self.styles) or (
            len(saved["averages"]) != len(self.averages)
        ):
            raise CheckpointUnusable(f"{path.name} belongs to another network or number of styles.", remedy=REMEDY)
        try:
            self.network.load_state_dict(saved["network"])
            self.bank.load_state_dict(saved["bank"])
            self.optimizer.load_state_dict(saved["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise CheckpointUnusable(f"{path.name} does not fit the recipe: {error}", remedy=REMEDY) from error
        for average, value in zip(self.averages, saved["averages"], strict=True):
            average.copy_(value)
        if saved.get("scaler") and self.scaler.is_enabled():
            self.scaler.load_state_dict(saved["scaler"])
        peaks = (self.recipe.optimizer.table_rate, self.recipe.optimizer.rate)
        for group, peak in zip(self.optimizer.param_groups, peaks, strict=False):
            group["peak"] = peak  # a recipe may change its rates between two stretches of one run
        self.parts.count = saved.get("parts", 1)
        self.step = saved["step"]


@dataclass(frozen=True)
class Moment:
    """What a watcher of the loop is told after a step."""

    step: int
    steps: int
    losses: Losses
    pictures_per_s: float
    parts: int = 1


def fit(
    run: Run, folder: Path, *, each: Callable[[Moment], None], save_every: int = 200, save_s: float = 60.0
) -> None:
    """Train to the recipe's last step; `each` is called after every step and may raise to stop.

    A checkpoint is written every `save_every` steps and when the last one is `save_s` seconds old.
    Whatever ends the loop, the last state is in folder/checkpoint.pt, except after a loss that is not finite:
    then the file holds the last good one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    started, first = time.perf_counter(), run.step
    saved = started
    good = True
    try:
        while run.step < run.recipe.optimizer.steps:
            try:
                losses = run.train_step()
            except (LossNotFinite, OutOfMemory):
                good = False
                raise
            done = (run.step - first) * run.recipe.optimizer.batch * run.world.size
            if run.step % save_every == 0 or time.perf_counter() - saved > save_s:
                run.save(checkpoint)
                saved = time.perf_counter()
            speed = done / (time.perf_counter() - started)
            each(Moment(run.step, run.recipe.optimizer.steps, losses, speed, run.parts.count))
    finally:
        if good:
            run.save(checkpoint)
