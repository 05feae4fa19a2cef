"""To how many steps of per-image L-BFGS one forward pass of each pack corresponds, at several sizes.

    python benchmarks/lbfgs_equivalence.py --photos DIR --paintings DIR --loss-network DIR [--sizes 256,512,1024]
        [--packs great-wave,...] [--pictures 3] [--steps 200] [--start noise|photo] [--out table.md] [--sheet FILE]

Goal: at least 50 steps for every pack, 100 in the median. A size that is named without its own count of pictures
takes fewer of the large ones: L-BFGS at 1024 pixels costs sixteen times that at 256. `--sheet` writes, instead of a
table, a row of pictures per pack: the first photo, a forward pass, L-BFGS at the same loss, and after all `--steps`.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import median

import torch
from chosen_packs import add_options, chosen
from shared_options import options_of, parser_for
from torch import Tensor

from scumble_backend.packs.store import InstalledPack
from scumble_training.measuring.evaluate_style import Evaluation, StyleScore, painting_of, squares
from scumble_training.measuring.lbfgs import optimize, white_noise
from scumble_training.measuring.sheet import write_sheet
from scumble_training.style.objective import Objective


def table(scores: list[StyleScore]) -> str:
    """Markdown: one row a pack and size, and the summary."""
    lines = ["| pack | pixels | style loss | content loss | L-BFGS steps |", "|---|---|---|---|---|"]
    for one in scores:
        steps = f"more than {one.tried}" if math.isinf(one.steps) else f"{one.steps:.0f}"
        lines.append(f"| {one.pack} | {one.size} | {one.style:.4f} | {one.content:.4f} | {steps} |")
    for size in sorted({one.size for one in scores}):
        steps = [one.steps for one in scores if one.size == size]
        told = ["more than tried" if math.isinf(value) else f"{value:.0f}" for value in (min(steps), median(steps))]
        lines.append(f"| **all, {size}** | {size} | | | least {told[0]}, median {told[1]} |")
    return "\n".join(lines) + "\n"


def sheet_row(
    evaluation: Evaluation, pack: InstalledPack, objective: Objective, photo: Tensor, steps: int
) -> list[Tensor]:
    """(3, S, S) each: the photo, painted by the network, by L-BFGS to the same loss, by L-BFGS after `steps`."""
    network, style = evaluation.load(pack)
    content = photo[None]
    with torch.no_grad():
        painted = network(content, style)
        loss = float(objective(painted, content, [(0, 0.0)]).total)
    noise = white_noise(content)
    alike = optimize(content, objective, steps=steps, start=noise, stop_at=loss)
    further = optimize(content, objective, steps=steps, start=noise)
    print(
        f"{pack.id}: {loss:.3f} by the network; by L-BFGS {alike.losses[-1]:.3f} in {len(alike.losses) - 1} steps, "
        f"{further.losses[-1]:.3f} after {steps}",
        file=sys.stderr,
        flush=True,
    )
    return [photo, painted[0], alike.image[0], further.image[0]]


def main() -> None:
    parser = parser_for(__doc__, device="auto", threads=True, out=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True, help="pictures called as the packs' ids")
    parser.add_argument("--loss-network", type=Path, required=True)
    add_options(parser)
    parser.add_argument("--sizes", default="256,512,1024")
    parser.add_argument("--pictures", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--start", choices=("noise", "photo"), default="noise", help="what L-BFGS begins from")
    parser.add_argument("--recipe", default="")
    parser.add_argument("--sheet", type=Path, help="write pictures instead of a table")
    options = options_of(parser)
    on = chosen(options)
    evaluation = Evaluation(on.store, device=on.device, loss_folder=options.loss_network)
    if options.sheet:
        size = int(options.sizes.split(",")[0])
        (photo,) = squares(options.photos, size, 1)
        rows = []
        for pack in on.packs:
            painting = painting_of(pack.id, options.paintings)
            objective = evaluation.objective(pack, painting, options.recipe)
            rows.append(sheet_row(evaluation, pack, objective, photo.to(on.device), options.steps))
        write_sheet(rows, options.sheet, cell=size)
        return
    scores = []
    for size in map(int, options.sizes.split(",")):
        pictures = squares(options.photos, size, max(1, options.pictures * 256 // size))
        for pack in on.packs:
            painting = painting_of(pack.id, options.paintings)
            score = evaluation.style(
                pack, painting, pictures, recipe=options.recipe, steps=options.steps, start=options.start
            )
            scores.append(score)
            print(
                f"{pack.id:28} {size:5} style {score.style:.4f} steps {score.steps:.0f}", file=sys.stderr, flush=True
            )
            if options.out:  # a long run that is broken off leaves what it has
                options.out.write_text(table(scores), encoding="utf-8")
    print(table(scores), end="")


if __name__ == "__main__":
    main()
