"""Started twice by torchrun from test_many: a whole run, and one that is stopped and gone on with."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
from training.test_many import paintings, tiny

from scumble_training.distributed import World, joined
from scumble_training.style.data import PhotoSet
from scumble_training.style.many.loop import ManyRun, checkpoint_path, fit


def main() -> None:
    loss_folder, photo_folder, out = map(Path, sys.argv[1:])
    recipe = tiny()
    recipe = replace(recipe, optimizer=replace(recipe.optimizer, average_every=3))

    def begin(world: World) -> ManyRun:
        photos = PhotoSet.load(photo_folder)
        return ManyRun(recipe, paintings("a", "b", "c"), photos, loss_folder=loss_folder, world=world)

    with joined(torch.device("cpu")) as world:
        turns: list[str] = []
        straight = begin(world)
        assert fit(straight, out / "straight", each=lambda moment: turns.append(moment.style))
        assert set(turns) == ({"a", "c"} if world.leads else {"b"})

        first = begin(world)
        # Only one of them is asked to stop, in the middle of a stretch; both go on to its end.
        assert not fit(
            first, out / "parts", each=lambda moment: None, stop=lambda: not world.leads and first.step >= 2
        )
        assert first.step == 3
        second = begin(world)
        second.load(checkpoint_path(out / "parts", world))
        assert fit(second, out / "parts", each=lambda moment: None)
        torch.save({"straight": straight.trained_weights(), "parts": second.trained_weights(),
                    "start": begin(world).trained_weights()}, out / f"weights-{world.rank}.pt")  # fmt: skip


if __name__ == "__main__":
    main()
