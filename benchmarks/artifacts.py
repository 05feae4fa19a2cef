"""The artifact suite for every installed style, as a table.

    python benchmarks/artifacts.py [--packs great-wave,...] [--packs-folder DIR] [--side 256] [--out table.md]

Goals: white and black pages at least 60/255 apart; block means of a flat page spread over at most 12/255.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "training")]

import torch  # noqa: E402

from scumble_backend import device as devices  # noqa: E402
from scumble_backend.packs.store import Folders, PackStore, default_folders  # noqa: E402
from scumble_training.artifacts import Artifacts  # noqa: E402
from scumble_training.evaluate_style import Evaluation  # noqa: E402


def table(found: dict[str, Artifacts]) -> str:
    lines = [
        "| pack | white - black (1/255) | blotches (1/255) | deviation (1/255) | banding (1/255) "
        "| steepness | halo (px) | checkerboard | border | missed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        cells = " | ".join(f"{value:.1f}" for value in asdict(one).values())
        missed = "; ".join(one.shortfalls()) or "none"
        lines.append(f"| {name} | {cells} | {missed} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packs", default="", help="ids, by commas; all styles where left out")
    parser.add_argument("--packs-folder", type=Path)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    usual = default_folders()
    store = PackStore(Folders(options.packs_folder, usual.starters) if options.packs_folder else usual)
    packs = [store.get(name) for name in options.packs.split(",")] if options.packs else store.list("style")
    evaluation = Evaluation(store, device=devices.choose(options.device))
    text = table({pack.id: evaluation.artifacts(pack, options.side) for pack in packs})
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
