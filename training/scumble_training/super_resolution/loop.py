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
    """Linear warm-up, then half a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / max(1, recipe.warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))
    return recipe.learning_rate * warm * (0.01 + 0.99 * cosine)


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
) -> nn.Module:
    """Train until the recipe's steps or minutes are over; go on from `folder`'s checkpoint if there is one.

    start: a checkpoint (its averaged weights) or a pack to begin from; another factor is allowed.
    report: called every `report_every` steps; whatever it raises stops the training after the checkpoint is written.
    Returns the averaged network in eval mode. Raises LossNotFinite, CheckpointUnusable.
    """
    device = device or torch.device("cpu")
    folder.mkdir(parents=True, exist_ok=True)
    network = build(recipe)
    if start is not None:
        _take_over(network, recipe, start)
    network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload,unused-ignore]
    learned = [p for p in network.parameters() if p.requires_grad]
    averaged = [p.detach().clone() for p in learned]
    optimizer = torch.optim.Adam(learned, lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True)
    objective = (objective or SrObjective(recipe.loss)).to(device)
    half = recipe.precision == "bf16" and devices.half_precision(device) is torch.bfloat16
    degrade = DEGRADATIONS[recipe.degradation]
    step, elapsed = 0, 0.0
    checkpoint = folder / FILE
    if checkpoint.is_file():
        state = read_checkpoint(checkpoint)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        _load_averaged(averaged, network, state["averaged"])
        step, elapsed = int(state["step"]), float(state["elapsed_s"])
    generator = torch.Generator().manual_seed(recipe.seed + step)

    began = time.monotonic() - elapsed
    last_save = last_report = time.monotonic()
    total, count = 0.0, 0

    def fraction() -> float:
        spent = (time.monotonic() - began) / (60 * recipe.minutes) if recipe.minutes else 0.0
        return max(step / recipe.steps, spent)

    def save() -> None:
        state = {
            "recipe": json.dumps(recipe.to_dict()),
            "network": network.state_dict(),
            "averaged": _averaged_state(network, learned, averaged),
            "optimizer": optimizer.state_dict(),
            "step": step,
            "elapsed_s": time.monotonic() - began,
            "device": str(device),
        }
        write_checkpoint(checkpoint, state)

    def gradients(small: Tensor, large: Tensor, pieces: Sequence[slice]) -> float:
        """The mean loss over a batch, with its gradient added piece by piece. Raises LossNotFinite."""
        optimizer.zero_grad(set_to_none=True)
        mean = 0.0
        for piece in pieces:
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                output = network(small[piece])
            loss = objective(output.float(), large[piece]) * (len(output) / len(large))
            loss.backward()
            mean += loss.item()
        if not math.isfinite(mean):
            raise LossNotFinite(
                f"The loss became {mean} at step {step + 1}; the checkpoint before it is kept.",
                remedy="Lower learning_rate in the recipe, and start again from the checkpoint.",
            )
        return mean

    parts = BatchParts(device)
    try:
        while (done := fraction()) < 1.0:
            rate = learning_rate(recipe, step, done)
            for group in optimizer.param_groups:
                group["lr"] = rate
            large, small = source.batch(recipe.batch, generator)
            large = large.to(device, non_blocking=True).float().div_(255)
            if small is None:
                assert degrade.patches is not None
                small_image = degrade.patches(large, recipe.factor, generator)
            else:
                small_image = small.to(device, non_blocking=True).float().div_(255)
            small_image = small_image.contiguous(memory_format=torch.channels_last)
            value = parts.compute(len(large), partial(gradients, small_image, large), optimizer.zero_grad)
            if recipe.clip:
                nn.utils.clip_grad_norm_(learned, recipe.clip)
            optimizer.step()
            keep = min(recipe.ema, (step + 1) / (step + 10))
            torch._foreach_lerp_(averaged, [p.detach() for p in learned], 1 - keep)
            step += 1
            total, count, now = total + value, count + 1, time.monotonic()
            if count == report_every:
                report(Step(step, fraction(), total / count, rate, count / (now - last_report), now - began))
                total, count, last_report = 0.0, 0, now
            if now - last_save > save_every_s:
                save()
                last_save = now
    except LossNotFinite:
        raise
    except BaseException:
        save()
        raise
    save()
    network.load_state_dict(_averaged_state(network, learned, averaged))
    return network.eval()


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


def _averaged_state(network: nn.Module, learned: list[nn.Parameter], averaged: list[Tensor]) -> dict[str, Tensor]:
    """The network's state dict with the averaged weights in place of the learned ones."""
    by_id = {id(p): a for p, a in zip(learned, averaged, strict=True)}
    state = dict(network.state_dict(keep_vars=True))
    return {name: by_id.get(id(value), value.detach()).clone() for name, value in state.items()}


def _load_averaged(averaged: list[Tensor], network: nn.Module, state: dict[str, Tensor]) -> None:
    names = [name for name, p in network.named_parameters() if p.requires_grad]
    for name, value in zip(names, averaged, strict=True):
        value.copy_(state[name])
