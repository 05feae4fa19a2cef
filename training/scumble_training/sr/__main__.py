"""`python -m scumble_training.sr RECIPE --photos FOLDER -o FOLDER`: train a super-resolution network."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from scumble_wire.errors import ScumbleError


def main(argv: list[str] | None = None) -> int:
    """Run a training; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scumble_training.sr", description=__doc__)
    parser.add_argument("recipe", help="name of a shipped recipe, or a .toml file")
    parser.add_argument("--photos", type=Path, required=True, help="folder with training pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--start", type=Path, help="checkpoint to take the first weights from")
    parser.add_argument("--minutes", type=float, help="instead of the recipe's")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(argv)

    import torch

    from scumble_training.sr import recipe as recipes
    from scumble_training.sr.degrade import DEGRADATIONS
    from scumble_training.sr.loop import Step, train
    from scumble_training.sr.pictures import PatchSource, picture_files, read_picture

    changes = {name: getattr(given, name) for name in ("minutes", "steps") if getattr(given, name) is not None}
    try:
        recipe = recipes.read(given.recipe, **changes)
        source = PatchSource(
            map(read_picture, picture_files(given.photos)),
            recipe.factor, recipe.patch, DEGRADATIONS[recipe.degradation].whole,
        )  # fmt: skip

        def report(step: Step) -> None:
            print(
                f"{time.strftime('%H:%M:%S')} step {step.step} {step.fraction:.1%} loss {step.loss:.5f} "
                f"rate {step.learning_rate:.1e} {step.steps_per_second:.2f}/s",
                flush=True,
            )

        train(recipe, source, given.output, start=given.start, device=torch.device(given.device), report=report)
    except ScumbleError as error:
        print(f"scumble: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
