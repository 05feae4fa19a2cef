"""How steady a style is from frame to frame: painted one by one, and as a sequence (`scumble batch --sequence`).

    python benchmarks/flicker.py [--packs night-cafe,udnie] [--photo FILE] [--frames 9] [--width 512] [--json]

Two animations made of one photo, every frame with noise of its own (standard deviation 2/255, 8 bits): a still scene,
and a pan by 3 pixels a frame. Told is the mean absolute difference of a frame and the one before it, in 8-bit steps;
on the pan after the frame before it was moved along. Targets on the still scene: as a sequence at most 1.5 times the
frames' own, and at most half of what single frames give.
"""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from shared_options import ROOT, options_of, parser_for

from scumble_backend.batch import inputs, plan, threads
from scumble_backend.batch.effect import Styling
from scumble_backend.batch.engines import OwnEngine
from scumble_backend.batch.journal import Journal
from scumble_backend.batch.names import Names
from scumble_backend.batch.work import Hand
from scumble_backend.config import Settings
from scumble_backend.packs.store import PackStore, default_folders
from scumble_backend.rendering.renderer import Renderer

NOISE, STEP = 2 / 255, 3
PHOTO = ROOT / "training/scumble_training/photos/sample.jpg"


def write_frames(folder: Path, photo: Path, width: int, count: int, step: int) -> None:
    """Frames that begin `step` pixels further right each time."""
    with Image.open(photo) as opened:
        whole = opened.convert("RGB")
    wide = width + step * count
    whole = whole.resize((wide, round(whole.height * wide / whole.width)), Image.Resampling.LANCZOS)
    values = np.asarray(whole, np.float64) / 255
    chance = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        frame = values[:, step * number : step * number + width]
        noisy = np.clip(frame + chance.normal(0, NOISE, frame.shape), 0, 1)
        Image.fromarray((noisy * 255 + 0.5).astype(np.uint8)).save(folder / f"{number:04}.png")


def flicker(folder: Path, step: int) -> float:
    """Mean absolute difference of neighbors where they show the same, in 8-bit steps."""
    frames: list[NDArray[np.float64]] = [np.asarray(Image.open(path), float) for path in sorted(folder.glob("*.png"))]
    width = frames[0].shape[1]
    return float(
        np.mean([np.abs(after[:, : width - step] - before[:, step:]).mean() for before, after in pairwise(frames)])
    )


def paint(folder: Path, out: Path, pack: str, engine: OwnEngine, store: PackStore, *, steady: bool) -> None:
    """Paint all frames with marks in pixels, so that the network works at the frames' own size."""
    effect, journal = Styling(((pack, 1.0),), absolute_strokes=True), Journal(out)
    todo = plan.make(inputs.find([str(folder)], out), [effect], Names(), journal, out, store=store, steady=steady)
    for outcome in threads.carry_out(todo.tasks, Hand(journal, convert=True), lambda stop: engine, 1):
        if outcome.status != "done":
            raise SystemExit(outcome.message)


def main() -> None:
    parser = parser_for(__doc__, device="cpu", json=True)
    parser.add_argument("--packs", default="", help="ids, with commas; all styles that ship where left out")
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--frames", type=int, default=9)
    parser.add_argument("--width", type=int, default=512)
    options = options_of(parser)
    store = PackStore(default_folders())
    engine = OwnEngine(Renderer(Settings(device=options.device), store))
    rows = []
    with tempfile.TemporaryDirectory(prefix="scumble-bench-") as folder:
        for name, step in (("still", 0), ("pan", STEP)):
            frames = Path(folder) / name
            write_frames(frames, options.photo, options.width, options.frames, step)
            for pack in options.packs.split(",") if options.packs else [pack.id for pack in store.list("style")]:
                found = {"own": flicker(frames, step)}
                for way in ("single", "sequence"):
                    out = Path(folder) / f"{name}-{pack}-{way}"
                    paint(frames, out, pack, engine, store, steady=way == "sequence")
                    found[way] = flicker(out, step)
                rows.append({"scene": name, "pack": pack, **{key: round(value, 2) for key, value in found.items()}})
                if not options.json:
                    told = (
                        f"own {found['own']:5.2f}  single {found['single']:6.2f}  sequence {found['sequence']:6.2f}"
                    )
                    against = [found["sequence"] / found[other] for other in ("own", "single")]
                    ratios = "  sequence/own {:.2f}, sequence/single {:.2f}".format(*against)
                    print(f"{name:<6}{pack:<30}{told}{ratios}", flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
