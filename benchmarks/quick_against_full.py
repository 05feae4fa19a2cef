"""What a style gives away by being a table on the base network: its losses against those with all weights tuned.

    python benchmarks/quick_against_full.py --photos DIR --validation DIR --paintings DIR --loss-network DIR
        [--packs great-wave,...] [--steps 200] [--packs-folder DIR] [--threads N] [--out table.md]

Every pack is tuned further by the recipe `full`, cut to `--steps`, and judged before and after on the same validation
photos. Short of the recipe's own number of steps the ratio is a lower bound.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from chosen_packs import add_options, chosen
from shared_options import options_of, parser_for

from scumble_backend.packs.making import load_network, load_style
from scumble_training.loss_network import load_loss_network
from scumble_training.measuring.evaluate_style import painting_of, squares
from scumble_training.style import held_out
from scumble_training.style.data import PhotoSet
from scumble_training.style.loop import Run
from scumble_training.style.painting import read_painting
from scumble_training.style.recipe import load_recipe


def main() -> None:
    parser = parser_for(__doc__, device="auto", threads=True, out=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True, help="photos to judge on, of which eight are taken")
    parser.add_argument("--paintings", type=Path, required=True, help="pictures called as the packs' ids")
    parser.add_argument("--loss-network", type=Path, required=True)
    add_options(parser)
    parser.add_argument("--steps", type=int, default=200)
    options = options_of(parser)
    on = chosen(options, kind="affine")
    recipe = load_recipe("full")
    recipe = replace(recipe, optimizer=replace(recipe.optimizer, steps=options.steps))
    networks = [load_loss_network(term.network, term.layers, folder=options.loss_network) for term in recipe.terms]
    photos = PhotoSet.load(options.photos, short_side=recipe.data.photo_side)
    contents = squares(options.validation, 256, 8)

    lines = [
        f"| style | table: style / content loss | {options.steps} steps with all weights | ratio | seconds |",
        "|---|---|---|---|---|",
    ]
    ratios = []
    for pack in on.packs:
        network, start = load_network(on.store, pack), load_style(pack).table.at(1.0)
        run = Run(
            replace(recipe, network=network.config), [read_painting(painting_of(pack.id, options.paintings)).pixels],
            photos, device=on.device, networks=networks, base=network, start=start,
        )  # fmt: skip
        before = held_out.measure(network, start, run.objective, contents, device=on.device)
        began = time.perf_counter()
        while run.step < recipe.optimizer.steps:
            run.train_step()
        seconds = time.perf_counter() - began
        tuned, bank = run.averaged()
        table = bank(torch.zeros(1, dtype=torch.int64))
        after = held_out.measure(tuned, table, run.objective, contents, device=on.device)
        ratios.append(before.style / after.style)
        lines.append(
            f"| {pack.id} | {before.style:.4f} / {before.content:.4f} | {after.style:.4f} / {after.content:.4f} "
            f"| {ratios[-1]:.2f} | {seconds:.0f} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
        if options.out:  # a long run that is broken off leaves what it has
            options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    print(f"\nRatios {min(ratios):.2f} to {max(ratios):.2f}, median {median(ratios):.2f}")


if __name__ == "__main__":
    main()
