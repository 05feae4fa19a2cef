"""Started twice by torchrun from test_loop: three steps with two pictures each on every process."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from training.conftest import tiny_recipe

from scumble_training.distributed import joined
from scumble_training.style.data import PhotoSet
from scumble_training.style.loop import Run


def main() -> None:
    loss_folder, photo_folder, out = map(Path, sys.argv[1:])
    paintings = [torch.rand(3, 64, 72, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    with joined(torch.device("cpu")) as world:
        assert world.size == 2
        run = Run(
            tiny_recipe(batch=2), paintings, PhotoSet.load(photo_folder), loss_folder=loss_folder, world=world,
            precision="float32",
        )  # fmt: skip
        for _ in range(3):
            run.train_step()
        run.save(out / "checkpoint.pt")


if __name__ == "__main__":
    main()
