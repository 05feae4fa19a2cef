"""What the commands' tests share with those of the rooms below: a running backend, packs, tiny trainings."""

from collections.abc import Callable

import pytest
from backend.conftest import backend, pack_files, start
from backend_stage import Running
from packs.conftest import factory, png_fixture, random_table_fixture, repacked_fixture, store, tiny_network_fixture
from training.conftest import (
    home,
    loss_folder,
    no_loss_network_of_the_persons_own,
    photo_folder,
    tiny_light_recipes,
    tiny_recipes,
)

from scumble_cli.main import main

Scumble = Callable[..., int]

__all__ = [
    "Scumble",
    "backend",
    "factory",
    "home",
    "loss_folder",
    "no_loss_network_of_the_persons_own",
    "pack_files",
    "photo_folder",
    "png_fixture",
    "random_table_fixture",
    "repacked_fixture",
    "start",
    "store",
    "tiny_light_recipes",
    "tiny_network_fixture",
    "tiny_recipes",
]


@pytest.fixture
def scumble(backend: Running, monkeypatch: pytest.MonkeyPatch) -> Scumble:
    """The command, at a running backend, on a terminal of 160 columns."""
    monkeypatch.setenv("SCUMBLE_ENDPOINT", str(backend.endpoint_file))
    monkeypatch.setenv("SCUMBLE_HOME", str(backend.places.config.parent))
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *words: main([str(word) for word in words])
