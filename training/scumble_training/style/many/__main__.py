"""`python -m scumble_training.style.many RECIPE PAINTING... -o FOLDER`: train styles of the light network.

`torchrun --nproc-per-node=2 -m scumble_training.style.many ...` trains on two cores (OMP_NUM_THREADS=1) or two GPUs.
Run again with the same folder, it goes on where it stopped. Each painting's file name is its style's name.
The averaged weights lie in FOLDER/weights.safetensors, in half precision, with the recipe and the hours beside them.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scumble_wire.errors import ScumbleError

if TYPE_CHECKING:
    from torch import Tensor

    from scumble_training.style.many.loop import Moment


def main(argv: list[str] | None = None) -> int:
    """Run a training; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scumble_training.style.many",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="name of a shipped recipe, or a .toml file")
    parser.add_argument("paintings", type=Path, nargs="+")
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders or zips; none: made-up pictures")
    parser.add_argument("--margins", type=Path, help="JSON of what to cut from paintings, as recipes/margins.json")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="weights.safetensors of another run to begin with")
    parser.add_argument(
        "--like", default="", help="STYLE=STYLE,...: begin a style with another one's table and delta"
    )
    parser.add_argument("--styles-only", action="store_true", help="the base network stays as it is")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--loss-network", type=Path, help="file or folder")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--report-every", type=int, default=50, help="steps")
    given = parser.parse_args(argv)

    from safetensors.torch import save_file

    from scumble_backend.rendering import device as devices
    from scumble_training.distributed import joined, own_device
    from scumble_training.style.data import PhotoSet
    from scumble_training.style.many.loop import ManyRun, checkpoint_path, fit
    from scumble_training.style.many.recipe import load_many
    from scumble_training.style.many.weights import read_weights
    from scumble_training.style.painting import read_painting

    try:
        recipe = load_many(given.recipe, steps=given.steps, trains="styles" if given.styles_only else None)
        sets = [PhotoSet.load(folder, short_side=recipe.data.photo_side) for folder in given.photos]
        photos = PhotoSet([photo for one in sets for photo in one.photos]) if sets else None
        margins = json.loads(given.margins.read_text(encoding="utf-8")) if given.margins else {}
        device = own_device(devices.choose(given.device))
        asked_to_stop = _StopSignals()
        with joined(device) as world:
            run = ManyRun(
                recipe,
                {
                    path.stem: without_margins(read_painting(path).pixels, margins.get(path.stem, (0, 0, 0, 0)))
                    for path in given.paintings
                },
                photos,
                device=device,
                loss_folder=given.loss_network,
                world=world,
            )
            if given.weights:
                like = dict(pair.split("=") for pair in given.like.split(",") if pair)
                run.start_from(read_weights(given.weights)[0], like=like)
            checkpoint = checkpoint_path(given.output, world)
            if checkpoint.exists():
                run.load(checkpoint)
            told = _Told(given.report_every) if world.leads else _silent
            finished = fit(run, given.output, each=told, stop=asked_to_stop)
            if world.leads:
                note = {
                    "recipe": json.dumps(recipe.to_json()),
                    "step": str(run.step),
                    "processes": str(world.size),
                    "hours": f"{run.seconds / 3600:.3f}",
                }
                save_file(run.trained_weights(), given.output / "weights.safetensors", metadata=note)
    except ScumbleError as error:
        print(f"scumble: {error}", file=sys.stderr)
        return 1
    if not finished:
        print("scumble: stopped; checkpoint and weights are written.", file=sys.stderr)
        return 130
    return 0


def without_margins(picture: Tensor, margins: Sequence[float]) -> Tensor:
    """(3, H, W) less a part of its width or height at the left, top, right and bottom."""
    height, width = picture.shape[1:]
    left, top, right, bottom = margins
    return picture[
        :, round(top * height) : round((1 - bottom) * height), round(left * width) : round((1 - right) * width)
    ]


class _StopSignals:
    """True once Ctrl-C or SIGTERM came: the loop ends where it can be gone on from."""

    def __init__(self) -> None:
        self._came = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def __call__(self) -> bool:
        return self._came

    def _note(self, number: int, frame: object) -> None:
        self._came = True


def _silent(moment: Moment) -> None:
    """The first process speaks for all."""


class _Told:
    """Prints the mean of the parts over every so many steps."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._sums: dict[str, float] = {}

    def __call__(self, moment: Moment) -> None:
        for name, value in moment.parts.as_floats().items():
            if name != "total":
                self._sums[name] = self._sums.get(name, 0.0) + value / self._every
        if moment.step % self._every == 0:
            means = " ".join(f"{name} {value:.4f}" for name, value in self._sums.items())
            print(f"{time.strftime('%H:%M:%S')} step {moment.step}/{moment.steps} {means}", flush=True)
            self._sums = {}


if __name__ == "__main__":
    sys.exit(main())
