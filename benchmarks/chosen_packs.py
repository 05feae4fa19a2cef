"""For the benchmarks of styles: the options that say which packs, of which folder, on what device."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import shared_options  # noqa: F401 - finds the packages
import torch

from scumble_backend.packs.store import Folders, InstalledPack, PackStore, default_folders
from scumble_backend.rendering import device as devices


@dataclass(frozen=True)
class Chosen:
    """What the options name."""

    store: PackStore
    packs: Sequence[InstalledPack]
    device: torch.device


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which packs; `chosen` reads them, and --device."""
    parser.add_argument("--packs", default="", help="ids, by commas; all styles where left out")
    parser.add_argument("--packs-folder", type=Path, help="folder of installed packs, instead of the user's")


def chosen(options: argparse.Namespace, *, kind: str = "style") -> Chosen:
    """The packs that the options name, of one kind where they name none. Raises PackUnknown."""
    usual = default_folders()
    store = PackStore(Folders(options.packs_folder, usual.starters) if options.packs_folder else usual)
    packs = [store.get(name) for name in options.packs.split(",")] if options.packs else store.list(kind)
    return Chosen(store, packs, devices.choose(options.device))
