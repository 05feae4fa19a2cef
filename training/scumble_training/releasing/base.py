"""Train a base network on a folder of paintings: `python -m scumble_training.releasing.base --help`.

One style per painting, named after its file. The run folder holds the checkpoint, a log (one JSON object a line)
and a contact sheet every so often; started again with the same folder, it goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from scumble_backend.errors import CheckpointUnusable
from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_backend.packs.store import Folders, PackStore
from scumble_training.measuring.sheet import paint_all, read_picture, test_pages, write_sheet
from scumble_training.style.base_network import find_base
from scumble_training.style.checkpoint import averaged
from scumble_training.style.data import PhotoSet
from scumble_training.style.loop import Moment, Run, fit
from scumble_training.style.painting import read_painting
from scumble_training.style.recipe import load_recipe


def first_weights(start: Path, styles: Sequence[str]) -> tuple[StyleNetwork, StyleTable]:
    """Network and tables (one for each style, in order) to go on from.

    start: a run's checkpoint, whose averages are taken, or a folder of affine packs, one called as each style.
    Raises CheckpointUnusable where there is not what was named.
    """
    if not start.is_dir():
        return averaged(start)[1:3]
    packs = PackStore(Folders(user=start / "none", starters=(start,)))  # read where they lie; nothing is installed
    base = find_base(packs)
    missing = [style for style in styles if base is None or style not in base.tables]
    if base is None or missing:
        raise CheckpointUnusable(
            f"{start} has no packs on one base network for: {', '.join(missing)}.",
            remedy="Name a checkpoint, or a folder like backend/starter_packs.",
        )
    return base.network, StyleTable.stack([base.tables[style] for style in styles])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a base network on a folder of paintings.")
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="file names without ending; all where left out")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", default="base")
    parser.add_argument(
        "--start", type=Path, help="checkpoint of another run, or folder of packs on one base network, to go on from"
    )
    parser.add_argument("--seed", type=int, help="instead of the recipe's: other crops, grain and order of styles")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--loss-network", type=Path, help="folder with the loss networks")
    parser.add_argument("--previews", type=Path, nargs="*", default=[], help="photos for the contact sheet")
    parser.add_argument("--every", type=int, default=250, help="steps between contact sheets")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    files = sorted(file for file in options.paintings.iterdir() if file.suffix in (".jpg", ".png"))
    if options.only:
        files = [file for file in files if file.stem in options.only]
    paintings = [read_painting(file).pixels for file in files]
    recipe = load_recipe(options.recipe).changed(seed=options.seed)
    if options.steps:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, steps=options.steps))
    photos = PhotoSet.load(options.photos, short_side=recipe.data.photo_side)
    network, tables = first_weights(options.start, [file.stem for file in files]) if options.start else (None, None)
    run = Run(
        recipe, paintings, photos,
        device=options.device, loss_folder=options.loss_network, base=network, start=tables,
    )  # fmt: skip
    options.run.mkdir(parents=True, exist_ok=True)
    (options.run / "styles.json").write_text(json.dumps([file.stem for file in files]))
    if (options.run / "checkpoint.pt").exists():
        run.load(options.run / "checkpoint.pt")
    previews = [read_picture(path, 384) for path in options.previews]
    started = time.perf_counter()
    sums: dict[str, float] = {}

    with (options.run / "log.jsonl").open("a") as log:

        def each(moment: Moment) -> None:
            for name, value in moment.losses.as_floats().items():
                sums[name] = sums.get(name, 0.0) + value
            if moment.step % 25 == 0:
                line = {name: round(value / 25, 5) for name, value in sums.items()}
                line |= {
                    "step": moment.step,
                    "pictures_per_s": round(moment.pictures_per_s, 2),
                    "s": round(time.perf_counter() - started),
                }
                log.write(json.dumps(line) + "\n")
                log.flush()
                sums.clear()
            if moment.step % options.every == 0:
                network, bank = run.averaged()
                tables = [bank(torch.tensor([index])) for index in range(len(files))]
                pictures = [*previews, *test_pages(192)]
                write_sheet(
                    [pictures, *paint_all(network, tables, pictures)], options.run / f"sheet-{moment.step:06d}.jpg"
                )

        fit(run, options.run, each=each)


if __name__ == "__main__":
    main()
