"""A batch without a command line or a backend: tiny packs, a device of this process, small pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend.conftest import pack_files
from PIL import Image

from scumble_backend.batch import inputs, plan, threads
from scumble_backend.batch.effect import Effect, Styling
from scumble_backend.batch.engines import OwnEngine
from scumble_backend.batch.journal import Journal
from scumble_backend.batch.names import Names
from scumble_backend.batch.outcome import Outcome
from scumble_backend.batch.work import Hand
from scumble_backend.config import Settings
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.rendering.renderer import Renderer

__all__ = ["pack_files"]

WAVE = Styling((("wave", 1.0),))


def picture(
    path: Path, *, seed: int = 0, size: tuple[int, int] = (24, 16), mode: str = "RGB", **options: Any
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = len(mode) if mode != "L" else 1
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    Image.fromarray(values.squeeze(), mode).save(path, **options)
    return path


@dataclass
class Ran:
    """What a run had to do, and what became of it."""

    plan: plan.Plan
    outcomes: list[Outcome]

    @property
    def made(self) -> list[str]:
        return sorted(Path(one.output).name for one in self.outcomes if one.status == "done")

    @property
    def failures(self) -> list[Outcome]:
        return [*self.plan.failures, *(one for one in self.outcomes if one.status == "failed")]


@pytest.fixture(scope="session")
def tiny_store(pack_files: Path, tmp_path_factory: pytest.TempPathFactory) -> PackStore:
    store = PackStore(Folders(tmp_path_factory.mktemp("packs")))
    for path in sorted(pack_files.glob("*.scumble")):
        store.install(path)
    return store


@pytest.fixture(scope="session")
def engine(tiny_store: PackStore) -> OwnEngine:
    return OwnEngine(Renderer(Settings(device="cpu"), tiny_store))


@pytest.fixture(autouse=True)
def _rescued_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def batch(tiny_store: PackStore, engine: Any) -> Callable[..., Ran]:
    """Plan a batch and carry it out: batch(["in"], out, effects=..., names=..., workers=...)."""

    def run(
        sources: Sequence[str | Path],
        out: Path,
        effects: Sequence[Effect] = (WAVE,),
        *,
        names: Names | None = None,
        steady: bool = False,
        overwrite: bool = False,
        workers: int = 2,
        engine: Any = engine,
    ) -> Ran:
        found = inputs.find([str(source) for source in sources], out)
        journal = Journal(out)
        journal.refresh()
        made = plan.make(
            found,
            effects,
            names or Names(several_packs=len(effects) > 1),
            journal,
            out,
            store=tiny_store,
            steady=steady,
            overwrite=overwrite,
        )
        hand = Hand(journal, convert=effects[0].convert)
        return Ran(made, list(threads.carry_out(made.tasks, hand, lambda stop: engine, workers)))

    return run
