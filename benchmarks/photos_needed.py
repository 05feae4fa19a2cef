"""How far few photos, or none, fall short: one style trained with 16, 64 and all photos and with made-up pictures.

    python benchmarks/photos_needed.py --painting FILE --photos DIR --validation DIR --loss-network DIR
        [--counts 16,64,250 | --counts ""] [--recipe quick] [--steps N] [--packs-folder DIR] [--out table.md]

Every run begins alike (same seed, same base network) and is judged on the same validation photos.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from shared_options import options_of, parser_for

from scumble_backend.packs.store import Folders, PackStore, default_folders
from scumble_backend.rendering import device as devices
from scumble_training.loss_network import load_loss_network
from scumble_training.measuring.evaluate_style import squares
from scumble_training.style import held_out
from scumble_training.style.base_network import find_base, nearest_style
from scumble_training.style.data import PhotoSet
from scumble_training.style.loop import Run
from scumble_training.style.objective import Objective
from scumble_training.style.painting import read_painting
from scumble_training.style.recipe import load_recipe


def main() -> None:
    parser = parser_for(__doc__, device="auto", threads=True, out=True)
    parser.add_argument("--painting", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--loss-network", type=Path, required=True)
    parser.add_argument("--counts", default="16,64,250")
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--steps", type=int, default=0, help="instead of the recipe's")
    parser.add_argument("--packs-folder", type=Path)
    parser.add_argument("--without", default="", help="id of a style not to begin from: the painting's own pack")
    options = options_of(parser)
    device = devices.choose(options.device)
    recipe = load_recipe(options.recipe)
    if options.steps:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, steps=options.steps))
    painting = read_painting(options.painting).pixels
    contents = squares(options.validation, 256, 12)
    networks = [load_loss_network(term.network, term.layers, folder=options.loss_network) for term in recipe.terms]
    usual = default_folders()
    base = None
    if recipe.start == "base":
        base = find_base(PackStore(Folders(options.packs_folder, usual.starters) if options.packs_folder else usual))
    table = None
    if base is not None:
        base.tables.pop(options.without, None)
        recipe = replace(recipe, network=base.network.config)
        objective = Run(recipe, [painting], None, device=device, networks=networks).objective
        name, table = nearest_style(base, objective, contents[:2])
        base.network.cpu()
        print(f"begins from {name}", file=sys.stderr)

    everything = PhotoSet.load(options.photos, short_side=recipe.data.photo_side)
    counts = [min(int(count), len(everything)) for count in options.counts.split(",") if count]
    lines = ["| pictures | steps | style loss | content loss | seconds |", "|---|---|---|---|---|"]
    for count in [*counts, 0]:
        every = len(everything) / count if count else 1
        chosen = [everything.photos[int(number * every)] for number in range(count)]
        run = Run(
            recipe, [painting], PhotoSet(chosen) if chosen else None, device=device, networks=networks,
            base=base.network if base else None, start=table,
        )  # fmt: skip
        began = time.perf_counter()
        while run.step < recipe.optimizer.steps:
            run.train_step()
        network, bank = run.averaged()
        objective: Objective = run.objective
        tables = bank(torch.zeros(1, dtype=torch.int64))
        found = held_out.measure(network, tables, objective, contents, device=device)
        name = f"{count} photos" if count else "made-up"
        seconds = time.perf_counter() - began
        lines.append(f"| {name} | {run.step} | {found.style:.4f} | {found.content:.4f} | {seconds:.0f} |")
        print(lines[-1], file=sys.stderr, flush=True)
        if options.out:
            options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
