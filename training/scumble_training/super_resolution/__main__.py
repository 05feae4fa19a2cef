"""`python -m scumble_training.super_resolution RECIPE --photos FOLDER -o FOLDER`: train a super-resolution network.

Run again with the same folder, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scumble_wire.errors import ScumbleError

if TYPE_CHECKING:
    from scumble_training.super_resolution.loop import Step


def main(argv: list[str] | None = None) -> int:
    """Run a training; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scumble_training.super_resolution", description=__doc__)
    parser.add_argument("recipe", help="name of a shipped recipe, or a .toml file")
    parser.add_argument("--photos", type=Path, help="folder with training pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--start", type=Path, help="checkpoint or pack to take the first weights from")
    parser.add_argument("--loss-network", type=Path, help="file or folder, for recipes that compare features")
    parser.add_argument("--download", action="store_true", help="let torchvision fetch the loss network")
    parser.add_argument("--minutes", type=float, help="instead of the recipe's")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--held-out", type=Path, help="folder of pictures to measure on; dB go to held-out.jsonl")
    parser.add_argument("--report-every", type=int, default=200, help="steps")
    given = parser.parse_args(argv)

    from scumble_backend.rendering import device as devices
    from scumble_training.super_resolution import recipe as recipes
    from scumble_training.super_resolution.held_out import HeldOut
    from scumble_training.super_resolution.loop import train
    from scumble_training.super_resolution.objective import objective_of
    from scumble_training.super_resolution.pictures import source_of

    changes = {name: getattr(given, name) for name in ("minutes", "steps") if getattr(given, name) is not None}
    try:
        recipe = recipes.read(given.recipe, **changes)
        objective = objective_of(recipe, folder=given.loss_network, download=given.download)
        source = source_of(recipe, given.photos)
        device = devices.choose(given.device)
        given.output.mkdir(parents=True, exist_ok=True)
        held_out = given.held_out and HeldOut(given.held_out, recipe.factor, given.output / "held-out.jsonl")
        signal.signal(signal.SIGTERM, _stop)
        train(
            recipe, source, given.output, start=given.start, objective=objective, device=device, report=_tell,
            report_every=given.report_every, saved=held_out.measure if held_out else lambda run: None,
        )  # fmt: skip
    except ScumbleError as error:
        print(f"scumble: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("scumble: stopped; the checkpoint is written.", file=sys.stderr)
        return 130
    return 0


def _stop(number: int, frame: object) -> None:
    """A killed training ends as Ctrl-C ends it: with its checkpoint written."""
    raise KeyboardInterrupt


def _tell(step: Step) -> None:
    print(
        f"{time.strftime('%H:%M:%S')} step {step.step} {step.fraction:.1%} loss {step.loss:.5f} "
        f"rate {step.learning_rate:.1e} {step.steps_per_second:.2f}/s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
