"""Fixtures over tiny packs; see packs_factory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_backend.packs.store import Folders, PackStore

sys.path.insert(0, str(Path(__file__).parent))

from packs_factory import Factory, png, random_table, repacked, tiny_network


@pytest.fixture
def factory(tmp_path: Path) -> Factory:
    folder = tmp_path / "made"
    folder.mkdir()
    return Factory(folder)


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore(Folders(tmp_path / "packs", (tmp_path / "starters",)))


@pytest.fixture(name="repacked")
def repacked_fixture() -> Callable[..., Path]:
    return repacked


@pytest.fixture(name="png")
def png_fixture() -> Callable[..., bytes]:
    return png


@pytest.fixture(name="tiny_network")
def tiny_network_fixture() -> Callable[..., object]:
    return tiny_network


@pytest.fixture(name="random_table")
def random_table_fixture() -> Callable[..., object]:
    return random_table
