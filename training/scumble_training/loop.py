"""The training loop: one network, one or many styles, read from top to bottom.

A checkpoint holds everything needed to go on as if never stopped: weights, averages, optimizer, the step
and the whole recipe. Pictures, grain and the order of styles are functions of seed and step alone.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scumble_backend.nets.style import StyleNetwork, StyleTable, initialize
from scumble_training.config import Recipe, recipe_from_json
from scumble_training.data import PhotoSet, Pictures
from scumble_training.errors import CheckpointUnusable, LossNotFinite
from scumble_training.loss_network import load_loss_network
from scumble_training.objective import Losses, Objective


class StyleBank(nn.Module):
    """The tables of all styles of a run, as parameters."""

    def __init__(self, start: StyleTable) -> None:
        super().__init__()
        for name, tensor in start.tensors().items():
            self.register_parameter(name, nn.Parameter(tensor.clone()))

    def forward(self, styles: Tensor) -> StyleTable:
        """styles: (N,) int64 -> their tables."""
        return StyleTable(**{name: parameter[styles] for name, parameter in self.named_parameters()})


@dataclass(frozen=True)
class Batch:
    pictures: Tensor  # (N, 3, S, S), [0, 1]
    grain: Tensor  # (N, 1, S, S), [-1, 1)
    styles: Tensor  # (N,) int64
    octaves: Tensor  # (N,) float
    is_canvas: Tensor  # (N,) bool


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
        base: StyleNetwork | None = None,
    ) -> None:
        """paintings: one (3, H, W) in [0, 1] per style, at full size. base: the network to start from.

        photos: None trains on made-up pictures.
        """
        self.recipe = recipe
        self.device = torch.device(device)
        data = recipe.data
        self.pictures = Pictures(photos, data.crop, data.canvases, recipe.seed)
        self.network = StyleNetwork(recipe.network)
        if base is None:
            initialize(self.network, torch.Generator().manual_seed(recipe.seed))
        else:
            self.network.load_state_dict(base.state_dict())
        start = self.network.plain_table(len(paintings))
        if len(recipe.stroke_octaves) > 1:
            flat = {f"{name}_slope": torch.zeros_like(tensor) for name, tensor in start.tensors().items()}
            start = StyleTable(**start.tensors(), **flat)
        self.bank = StyleBank(start)
        self.network.to(self.device, memory_format=torch.channels_last)
        self.bank.to(self.device)
        networks = [load_loss_network(term.network, term.layers, folder=loss_folder) for term in recipe.terms]
        self.objective = Objective(recipe.terms, networks, recipe.weights).to(self.device)
        for index, painting in enumerate(paintings):
            for octave in recipe.stroke_octaves:
                side = round(recipe.data.style_side * 2.0**octave)
                self.objective.add_style(index, octave, with_short_side(painting, side).to(self.device))
        self.styles = len(paintings)
        optimizer = recipe.optimizer
        groups: list[dict[str, Any]] = [{"params": list(self.bank.parameters()), "peak": optimizer.table_rate}]
        if recipe.trains == "all":
            groups.append({"params": list(self.network.parameters()), "peak": optimizer.rate})
        self.trained: list[nn.Parameter] = [parameter for group in groups for parameter in group["params"]]
        self.optimizer = torch.optim.Adam(groups, lr=0.0)
        self.averages = [parameter.detach().clone() for parameter in self.trained]
        self.step = 0

    # --- one step ---------------------------------------------------------------------------------------

    def batch(self) -> Batch:
        """The batch of the coming step: a pure function of seed and step, so that resuming needs no other state."""
        recipe = self.recipe
        count, side = recipe.optimizer.batch, recipe.data.crop
        first = self.step * count
        numbers = range(first, first + count)
        rng = np.random.default_rng((recipe.seed, 1, self.step))
        grain = torch.from_numpy(rng.uniform(-1, 1, (count, 1, side, side)).astype(np.float32))
        octaves = torch.from_numpy(rng.choice(np.array(recipe.stroke_octaves, np.float32), count))
        to = self.device
        return Batch(
            self.pictures.batch(first, count).to(to),
            grain.to(to),
            torch.tensor([self.style_of(number) for number in numbers]).to(to),
            octaves.to(to),
            torch.tensor([self.pictures.is_canvas(number) for number in numbers]).to(to),
        )

    def style_of(self, number: int) -> int:
        """The style of a sample: every style once, in shuffled order, before any comes again."""
        round_, place = divmod(number, self.styles)
        return int(np.random.default_rng((self.recipe.seed, 2, round_)).permutation(self.styles)[place])

    def rate(self, peak: float) -> float:
        """Warm-up, then a cosine to 0 (Loshchilov and Hutter 2017)."""
        optimizer = self.recipe.optimizer
        if self.step < optimizer.warmup:
            return peak * (self.step + 1) / optimizer.warmup
        done = (self.step - optimizer.warmup) / max(1, optimizer.steps - optimizer.warmup)
        return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def train_step(self) -> Losses:
        """One step of the optimizer. Raises LossNotFinite before anything has been changed by such a loss."""
        batch = self.batch()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["peak"])
        self.network.train()
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            table = self.bank(batch.styles).at(torch.exp2(batch.octaves))
            painted = self.network(batch.pictures, table, batch.grain)
            losses: Losses = self.objective(
                painted,
                batch.pictures,
                list(zip(batch.styles.tolist(), batch.octaves.tolist(), strict=True)),
                torch.where(batch.is_canvas, self.recipe.data.canvas_style, 1.0),
            )
        if not torch.isfinite(losses.total):
            raise LossNotFinite(
                f"the loss became {float(losses.total)} at step {self.step}.",
                remedy="The last good checkpoint is kept; go on from it with a smaller `optimizer.rate`.",
            )
        self.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.trained, self.recipe.optimizer.clip)
        self.optimizer.step()
        self.step += 1
        # The average forgets its start: early on it follows closely.
        decay = min(self.recipe.optimizer.average, self.step / (self.step + 10))
        with torch.no_grad():
            for average, parameter in zip(self.averages, self.trained, strict=True):
                average.lerp_(parameter, 1 - decay)
        return losses

    @property
    def half(self) -> torch.dtype | None:
        """The type of convolutions where the device gains by it; statistics and Gram matrices stay in float32."""
        if self.device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        if self.device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return torch.bfloat16
        return None

    # --- what has been learned --------------------------------------------------------------------------

    def averaged(self) -> tuple[StyleNetwork, StyleBank]:
        """Copies that hold the averaged weights, in evaluation mode, on the CPU."""
        network, bank = StyleNetwork(self.recipe.network), StyleBank(self.bank_start())
        network.load_state_dict(self.network.state_dict())
        pairs = list(bank.parameters()) + (list(network.parameters()) if self.recipe.trains == "all" else [])
        with torch.no_grad():
            for parameter, average in zip(pairs, self.averages, strict=True):
                parameter.copy_(average)
        return network.eval().requires_grad_(False), bank.eval().requires_grad_(False)

    def bank_start(self) -> StyleTable:
        return StyleTable(**{name: parameter.detach().cpu() for name, parameter in self.bank.named_parameters()})

    # --- checkpoints ------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write a checkpoint in one step: a kill in the middle leaves the old one."""
        part = path.with_suffix(".part")
        torch.save(
            {
                "recipe": json.dumps(self.recipe.to_json()),
                "step": self.step,
                "network": self.network.state_dict(),
                "bank": self.bank.state_dict(),
                "averages": self.averages,
                "optimizer": self.optimizer.state_dict(),
            },
            part,
        )
        part.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint. Raises CheckpointUnusable where it belongs to another recipe."""
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError) as error:
            raise CheckpointUnusable(f"{path.name} can't be read: {error}", remedy="Start anew.") from error
        theirs = recipe_from_json(json.loads(saved["recipe"]))
        if (theirs.network, len(saved["bank"]["scale"])) != (self.recipe.network, self.styles):
            raise CheckpointUnusable(
                f"{path.name} belongs to another network or number of styles.", remedy="Start anew."
            )
        self.network.load_state_dict(saved["network"])
        self.bank.load_state_dict(saved["bank"])
        for average, value in zip(self.averages, saved["averages"], strict=True):
            average.copy_(value)
        self.optimizer.load_state_dict(saved["optimizer"])
        for group, peak in zip(
            self.optimizer.param_groups, (self.recipe.optimizer.table_rate, self.recipe.optimizer.rate), strict=False
        ):
            group["peak"] = peak  # a recipe may change its rates between two stretches of one run
        self.step = saved["step"]


@dataclass(frozen=True)
class Moment:
    """What a watcher of the loop is told after a step."""

    step: int
    steps: int
    losses: Losses
    pictures_per_s: float


def fit(run: Run, folder: Path, *, each: Callable[[Moment], None], save_every: int = 200) -> None:
    """Train to the recipe's last step; `each` is called after every step and may raise to stop.

    Whatever ends the loop, the last state is in folder/checkpoint.pt, except after a loss that is not finite:
    then the file holds the last good one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    started, first = time.perf_counter(), run.step
    good = True
    try:
        while run.step < run.recipe.optimizer.steps:
            try:
                losses = run.train_step()
            except LossNotFinite:
                good = False
                raise
            speed = (run.step - first) * run.recipe.optimizer.batch / (time.perf_counter() - started)
            if run.step % save_every == 0:
                run.save(checkpoint)
            each(Moment(run.step, run.recipe.optimizer.steps, losses, speed))
    finally:
        if good:
            run.save(checkpoint)


def with_short_side(picture: Tensor, side: int) -> Tensor:
    """(3, H, W) -> (1, 3, h, w) with min(h, w) = side, antialiased."""
    height, width = picture.shape[-2:]
    factor = side / min(height, width)
    size = (max(side, round(height * factor)), max(side, round(width * factor)))
    return F.interpolate(picture[None], size=size, mode="bicubic", antialias=True).clamp(0, 1)
