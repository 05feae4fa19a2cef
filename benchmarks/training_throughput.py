"""Pictures a second in training: our loop against a plain loop of the same losses, in one run, taking turns.

    python benchmarks/training_throughput.py --loss-network DIR --painting FILE [--photos DIR] [--recipe full]

The plain loop does what the first version of any such program does: float32, planar (NCHW) pictures, the painting's
Gram matrices computed again in every step, pictures drawn between the steps. Both do the same steps on the same
pictures.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import torch
from shared_options import options_of, parser_for

from scumble_backend.rendering import device as devices
from scumble_training.style.data import PhotoSet
from scumble_training.style.loop import Run
from scumble_training.style.painting import read_painting, with_short_side
from scumble_training.style.recipe import load_recipe


class PlainLoop:
    """The same network, losses, pictures and optimizer, without any of our care for speed."""

    def __init__(self, run: Run, painting: torch.Tensor) -> None:
        self.run = run
        self.painting = with_short_side(painting, run.recipe.data.style_side).to(run.device)
        run.network.to(memory_format=torch.contiguous_format)
        run.objective.to(memory_format=torch.contiguous_format)

    def step(self) -> float:
        run = self.run
        batch = run.draw(run.step).to(run.device)
        run.objective.add_style(0, 0.0, self.painting)
        for group in run.optimizer.param_groups:
            group["lr"] = run.rate(group["peak"])
        run.network.train(run.recipe.trains == "all")
        losses = run.losses_of(run.painter(batch), batch)
        run.optimizer.zero_grad()
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(run.trained, run.recipe.optimizer.clip)
        run.optimizer.step()
        run.step += 1
        return losses.total.item()


def main() -> None:
    parser = parser_for(__doc__, device="auto", rounds=3, threads=True, json=True)
    parser.add_argument("--painting", type=Path, required=True)
    parser.add_argument("--loss-network", type=Path, required=True, help="file or folder")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--recipe", default="full")
    parser.add_argument("--steps", type=int, default=5, help="of a turn")
    options = options_of(parser)
    device = devices.choose(options.device)
    recipe = load_recipe(options.recipe)
    painting = read_painting(options.painting).pixels
    photos = PhotoSet.load(options.photos, short_side=recipe.data.photo_side) if options.photos else None

    def fresh(precision: str) -> Run:
        return Run(recipe, [painting], photos, device=device, loss_folder=options.loss_network, precision=precision)  # type: ignore[arg-type]

    ours, plain = fresh("auto"), PlainLoop(fresh("float32"), painting)
    steps = {"ours": lambda: float(ours.train_step().total), "plain": plain.step}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()  # the first is slower: memory is fetched, kernels are chosen
    for _ in range(options.rounds):
        for name, step in steps.items():
            devices.synchronize(device)
            began = time.perf_counter()
            for _ in range(options.steps):
                step()
            devices.synchronize(device)
            times[name].append((time.perf_counter() - began) / options.steps)
    speed = {name: recipe.optimizer.batch / statistics.median(values) for name, values in times.items()}
    told = {
        "device": devices.describe(device),
        "recipe": recipe.name,
        "crop": recipe.data.crop,
        "batch": recipe.optimizer.batch,
        "pictures_per_s": {name: round(value, 2) for name, value in speed.items()},
        "times_as_fast": round(speed["ours"] / speed["plain"], 2),
    }
    if options.json:
        print(json.dumps(told, indent=1))
        return
    print(f"{told['device']}, recipe {recipe.name}, batch {recipe.optimizer.batch} at {recipe.data.crop} pixels")
    for name, value in speed.items():
        print(f"{name:6} {value:7.2f} pictures a second")
    print(f"times as fast: {told['times_as_fast']}")


if __name__ == "__main__":
    main()
