"""The Gatys baseline: one picture optimized at a time with L-BFGS, on the losses a recipe names.

Source: Gatys, Ecker and Bethge 2016; as the baseline of Johnson et al. 2016, section 4.1, figure 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from scumble_backend.packs.making import AnyStyleNetwork, AnyStyleTable
from scumble_training.style.objective import Objective
from scumble_training.style.recipe import LossWeights

#: What a picture begins as.
Start = Literal["noise", "photo"]


@dataclass(frozen=True)
class Course:
    """How the loss fell. losses: before the first step and after each; image: (1, 3, H, W) in [0, 1]."""

    losses: list[float]
    image: Tensor

    def steps_to(self, loss: float) -> float:
        """Steps until the loss is at or below `loss`, between two by interpolation; infinite where it never is."""
        for step, (before, after) in enumerate(zip(self.losses, self.losses[1:], strict=False)):
            if before <= loss:
                return float(step)
            if after <= loss:
                return step + (before - loss) / (before - after)
        return float(len(self.losses) - 1) if self.losses[-1] <= loss else float("inf")


def baseline_weights(weights: LossWeights) -> LossWeights:
    """Content, style and total variation alone, as both sides are measured: the paper knows no other losses."""
    return replace(weights, luminance=0.0, evenness=0.0, lattice=0.0)


def white_noise(like: Tensor) -> Tensor:
    """What L-BFGS begins from in Johnson et al. 2016, section 4.1: the same noise for every picture of a size."""
    return torch.rand(like.shape, generator=torch.Generator().manual_seed(0)).to(like.device)


def optimize(
    content: Tensor,
    objective: Objective,
    style: tuple[int, float] = (0, 0.0),
    *,
    steps: int = 100,
    start: Tensor | None = None,
    stop_at: float = 0.0,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> Course:
    """Minimize the losses over the pixels of one picture.

    content: (1, 3, H, W) in [0, 1]. style: index and stroke octave of the objective's targets. start: the first
    picture; the content by default. stop_at: ends once the loss is at or below it. One step is one iteration of
    L-BFGS with a strong Wolfe line search, so several evaluations of the loss, as in the paper's baseline. Pixels
    are kept in [0, 1] by clamping in the loss, so that out-of-range pixels gain nothing.
    """
    pixels = (content if start is None else start).clone(memory_format=torch.contiguous_format).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [pixels], lr=1.0, max_iter=1, max_eval=25, history_size=20, tolerance_grad=0.0, tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip
    weights = objective.weights

    def loss_of(image: Tensor) -> Tensor:
        painted = image.clamp(0, 1)
        total: Tensor = objective(painted, content, [style]).total
        outside = (image - painted).square().mean()
        return total + weights.content * outside

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(pixels)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.no_grad():
        losses = [float(objective(pixels.clamp(0, 1), content, [style]).total)]
    for step in range(1, steps + 1):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            losses.append(float(objective(pixels.clamp(0, 1), content, [style]).total))
        progress(step, losses[-1])
        if losses[-1] <= stop_at:
            break
    return Course(losses, pixels.detach().clamp(0, 1))


@dataclass(frozen=True)
class Equivalence:
    """One picture: the network's losses, and how many steps of L-BFGS reach the same sum."""

    style: float
    content: float
    total: float
    steps: float  # infinite: not reached within the steps tried
    tried: int


def equivalence(
    network: AnyStyleNetwork,
    table: AnyStyleTable,
    objective: Objective,
    contents: Sequence[Tensor],
    *,
    steps: int = 200,
    start: Start = "noise",
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> list[Equivalence]:
    """For each picture (3, H, W): one forward pass against L-BFGS on the same losses.

    start: "noise", white noise as in Johnson et al. 2016, section 4.1, or "photo", the content image, a harder rival.

    network, table (N = 1): in evaluation mode, on the objective's device, as are the pictures.
    """
    found = []
    for content in contents:
        picture = content[None]
        with torch.no_grad():
            losses = objective(network(picture, table.at(1.0)), picture, [(0, 0.0)])
        total = float(losses.total)
        first = picture
        if start == "noise":
            first = white_noise(picture)
        course = optimize(picture, objective, steps=steps, start=first, stop_at=total, progress=progress)
        found.append(
            Equivalence(
                float(losses.style), float(losses.content), total, course.steps_to(total), len(course.losses) - 1
            )
        )
    return found
