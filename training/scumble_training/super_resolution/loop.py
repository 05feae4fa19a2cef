"""The training loop of super-resolution networks: one file, read from top to bottom.

A checkpoint explains itself: it holds the recipe, the networks (as trained and averaged), the optimizer and the
clock, and is written in one piece, so it can be exported or gone on from at any moment.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from scumble_backend.errors import CheckpointUnusable, LossNotFinite
from scumble_backend.packs.archive import SUFFIX, PackArchive
from scumble_backend.packs.installed import InstalledPack
from scumble_backend.packs.making import load_upscaler
from scumble_backend.rendering import device as devices
from scumble_training.checkpoint import FILE, write_checkpoint
from scumble_training.memory import BatchParts
from scumble_training.super_resolution.checkpoint import averaged_network, build, read_checkpoint
from scumble_training.super_resolution.degrade import DEGRADATIONS
from scumble_training.super_resolution.objective import SrObjective
from scumble_training.super_resolution.pictures import PatchSource
from scumble_training.super_resolution.recipe import SrRecipe
from scumble_training.super_resolution.widening import plain_state, plain_weights, widen

MIXING = 1.2  # both parameters of the Beta distribution that shares of two blended pictures are drawn from


@dataclass(frozen=True, slots=True)
class Step:
    """What a watcher is told."""

    step: int
    fraction: float  # 0 .. 1 of the schedule
    loss: float  # average since the last report
    learning_rate: float
    steps_per_second: float
    elapsed_s: float


def learning_rate(recipe: SrRecipe, step: int, fraction: float) -> float:
    """Linear warm-up, then half a cosine down to a hundredth, as often as the recipe has cycles."""
    warm = min(1.0, (step + 1) / max(1, recipe.warmup))
    cycle = min(recipe.cycles - 1, int(fraction * recipe.cycles))
    place = min(1.0, fraction * recipe.cycles - cycle)
    cosine = 0.5 * (1 + math.cos(math.pi * place))
    return recipe.learning_rate * recipe.cycle_peak**cycle * warm * (0.01 + 0.99 * cosine)


class SrRun:
    """One training and everything that it changes."""

    def __init__(
        self,
        recipe: SrRecipe,
        source: PatchSource,
        *,
        start: Path | None = None,
        objective: SrObjective | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Nothing learned yet. start: a checkpoint (its averaged weights) or a pack; another factor is allowed."""
        self.recipe, self.source = recipe, source
        self.device = device or torch.device("cpu")
        self.network = build(recipe)
        if start is not None:
            _take_over(self.network, recipe, start)
        if recipe.widen:
            widen(self.network, recipe.widen)
        self.network.to(self.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload,unused-ignore]
        self.learned = [p for p in self.network.parameters() if p.requires_grad]
        self.averaged = {name: value.clone() for name, value in plain_weights(self.network).items()}
        self.optimizer = torch.optim.Adam(self.learned, lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True)
        self.objective = (objective or SrObjective(recipe.loss)).to(self.device)
        self.half = recipe.precision == "bf16" and devices.half_precision(self.device) is torch.bfloat16
        self.degrade = DEGRADATIONS[recipe.degradation]
        self.parts = BatchParts(self.device)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.step, self.elapsed_s = 0, 0.0

    @property
    def fraction(self) -> float:
        """How much of the schedule is over, 0 to 1, by steps or by the clock, whichever is nearer its end."""
        spent = self.elapsed_s / (60 * self.recipe.minutes) if self.recipe.minutes else 0.0
        return max(self.step / self.recipe.steps, spent)

    # --- one step ---------------------------------------------------------------------------------------

    def train_step(self) -> float:
        """One step of the optimizer; returns its loss. Raises LossNotFinite, OutOfMemory."""
        began, recipe, fraction = time.monotonic(), self.recipe, self.fraction
        stage = recipe.stage_at(fraction)
        assert stage.batch is not None and stage.patch is not None and stage.loss is not None
        self.objective.weigh(stage.loss)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step, fraction)
        small, large = self.draw(stage.batch, stage.patch)
        loss = self.parts.compute(len(large), partial(self._gradients, small, large), self.optimizer.zero_grad)
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.learned, recipe.clip)
        self.optimizer.step()
        keep = min(recipe.ema, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(list(self.averaged.values()), list(plain_weights(self.network).values()), 1 - keep)
        self.step += 1
        self.elapsed_s += time.monotonic() - began
        return loss

    def draw(self, count: int, patch: int) -> tuple[Tensor, Tensor]:
        """Pairs to learn from: (count, 3, P, P) and (count, 3, P x factor, P x factor), range [0, 1]."""
        recipe = self.recipe
        large_u8, small_u8 = self.source.batch(count, patch, self.generator)
        large = large_u8.to(self.device, non_blocking=True).float().div_(255)
        if small_u8 is None:
            assert self.degrade.patches is not None
            small = self.degrade.patches(large, recipe.factor, self.generator)
        else:
            small = small_u8.to(self.device, non_blocking=True).float().div_(255)
        if recipe.mixup and float(torch.rand((), generator=self.generator)) < recipe.mixup:
            shares = _beta(MIXING, count, self.generator).to(self.device)
            small, large = (torch.lerp(images, images.roll(1, 0), shares) for images in (small, large))
        return small.contiguous(memory_format=torch.channels_last), large

    def _gradients(self, small: Tensor, large: Tensor, pieces: Sequence[slice]) -> float:
        """The mean loss over a batch, with its gradient added piece by piece. Raises LossNotFinite."""
        self.optimizer.zero_grad(set_to_none=True)
        mean = 0.0
        for piece in pieces:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                output = self.network(small[piece])
            loss = self.objective(output.float(), large[piece]) * (len(output) / len(large))
            loss.backward()
            mean += loss.item()
        if not math.isfinite(mean):
            raise LossNotFinite(
                f"The loss became {mean} at step {self.step + 1}; the checkpoint before it is kept.",
                remedy="Lower learning_rate in the recipe, and start again from the checkpoint.",
            )
        return mean

    # --- what has been learned --------------------------------------------------------------------------

    def averaged_state(self) -> dict[str, Tensor]:
        """The network's plain state dict with the averaged weights in place of the learned ones."""
        return {**plain_state(self.network), **self.averaged}

    def averaged_network(self) -> nn.Module:
        """A network of its own with the averaged weights, in eval mode, on the run's device."""
        network = build(self.recipe)
        network.load_state_dict(self.averaged_state())
        return network.to(self.device, memory_format=torch.channels_last).train().eval()  # type: ignore[call-overload,no-any-return,unused-ignore]

    def save(self, path: Path) -> None:
        """Raises DiskFull, FileTrouble."""
        state = {
            "recipe": json.dumps(self.recipe.to_dict()),
            "network": self.network.state_dict(),
            "averaged": self.averaged_state(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "parts": self.parts.count,
            "device": str(self.device),
        }
        write_checkpoint(path, state)

    def load(self, path: Path) -> None:
        """Go on where a checkpoint ended. Raises CheckpointUnusable."""
        state = read_checkpoint(path)
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            for name, value in self.averaged.items():
                value.copy_(state["averaged"][name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise CheckpointUnusable(
                f"{path} is of another network than {self.recipe.name} asks for: {error}",
                remedy="Name another folder, or the recipe that it began with.",
            ) from error
        self.step, self.elapsed_s = int(state["step"]), float(state["elapsed_s"])
        self.parts.count = int(state.get("parts", 1))
        self.generator.manual_seed(self.recipe.seed + self.step)


def train(
    recipe: SrRecipe,
    source: PatchSource,
    folder: Path,
    *,
    start: Path | None = None,
    objective: SrObjective | None = None,
    device: torch.device | None = None,
    report: Callable[[Step], None] = lambda step: None,
    report_every: int = 200,
    save_every_s: float = 120.0,
    saved: Callable[[SrRun], None] = lambda run: None,
) -> nn.Module:
    """Train until the recipe's steps or minutes are over; go on from `folder`'s checkpoint if there is one.

    start: a checkpoint (its averaged weights) or a pack to begin from; another factor is allowed.
    report: called every `report_every` steps; whatever it raises stops the training after the checkpoint is written.
    saved: called after each checkpoint but that of a training that was stopped; its time doesn't count.
    Returns the averaged network in eval mode. Raises LossNotFinite, CheckpointUnusable, OutOfMemory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = SrRun(recipe, source, start=start, objective=objective, device=device)
    checkpoint = folder / FILE
    if checkpoint.is_file():
        run.load(checkpoint)
    last_save, last_report = time.monotonic(), run.elapsed_s
    total, count = 0.0, 0
    try:
        while run.fraction < 1.0:
            total, count = total + run.train_step(), count + 1
            if count == report_every:
                rate, speed = run.optimizer.param_groups[0]["lr"], count / (run.elapsed_s - last_report)
                report(Step(run.step, run.fraction, total / count, rate, speed, run.elapsed_s))
                total, count, last_report = 0.0, 0, run.elapsed_s
            if time.monotonic() - last_save > save_every_s:
                run.save(checkpoint)
                saved(run)
                last_save = time.monotonic()
    except LossNotFinite:
        raise
    except BaseException:
        run.save(checkpoint)
        raise
    run.save(checkpoint)
    saved(run)
    return run.averaged_network()


def _take_over(network: nn.Module, recipe: SrRecipe, start: Path) -> None:
    """The first weights. Raises CheckpointUnusable, PackError's kinds."""
    if start.suffix == SUFFIX:
        with PackArchive(start) as archive:
            pack = InstalledPack(start, archive.manifest())
        other, architecture = load_upscaler(pack), dict(pack.manifest.architecture)
    else:
        other, other_recipe, _ = averaged_network(start)
        architecture = other_recipe.architecture
    factor = architecture.pop("factor", None)  # a foreign network does not tell it
    if {**architecture, "factor": recipe.factor} != recipe.architecture:
        raise CheckpointUnusable(
            f"{start} holds another network than {recipe.name} asks for.", remedy="Name another."
        )
    if factor == recipe.factor:
        network.load_state_dict(other.state_dict())
    else:
        network.start_from(other)  # type: ignore[operator]


def _beta(shape: float, count: int, generator: torch.Generator) -> Tensor:
    """(count, 1, 1, 1) draws from a symmetric Beta distribution."""
    gammas = torch._standard_gamma(torch.full((2, count, 1, 1, 1), shape), generator=generator)
    return gammas[0] / gammas.sum(0)
