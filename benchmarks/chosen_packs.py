"""For the benchmarks of styles: the options that say which packs, of which folder, on what device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "training")]

import torch  # noqa: E402

from scumble_backend.packs.store import Folders, InstalledPack, PackStore, default_folders  # noqa: E402
from scumble_backend.rendering import device as devices  # noqa: E402


@dataclass(frozen=True)
class Chosen:
    """What the options name."""

    store: PackStore
    packs: Sequence[InstalledPack]
    device: torch.device


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `chosen` reads, and `--out`."""
    parser.add_argument("--packs", default="", help="ids, by commas; all styles where left out")
    parser.add_argument("--packs-folder", type=Path, help="folder of installed packs, instead of the user's")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="as many as torch chooses where left out")
    parser.add_argument("--out", type=Path, help="file for the table")


def chosen(options: argparse.Namespace, *, kind: str = "style") -> Chosen:
    """The packs that the options name, of one kind where they name none. Raises PackUnknown."""
    if options.threads:
        torch.set_num_threads(options.threads)
    usual = default_folders()
    store = PackStore(Folders(options.packs_folder, usual.starters) if options.packs_folder else usual)
    packs = [store.get(name) for name in options.packs.split(",")] if options.packs else store.list(kind)
    return Chosen(store, packs, devices.choose(options.device))
