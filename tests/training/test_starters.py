"""Starter packs: what a base run has learned, as packs that paint the same."""

from __future__ import annotations

from pathlib import Path

import torch

from scumble_backend.packs.making import load_network, load_style
from scumble_backend.packs.store import Folders, PackStore
from scumble_training.checkpoint import averaged
from scumble_training.data import PhotoSet
from scumble_training.loop import Run
from scumble_training.starters import write_starters

from .conftest import tiny_recipe


def test_starters_paint_what_the_runs_averaged_weights_paint(
    tmp_path: Path, photo_folder: Path, loss_folder: Path
) -> None:
    paintings = [torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    run = Run(tiny_recipe(), paintings, PhotoSet.load(photo_folder), loss_folder=loss_folder)
    for _ in range(3):
        run.train_step()
    run.save(tmp_path / "checkpoint.pt")
    network, bank = run.averaged()
    sample = torch.rand(3, 40, 48, generator=torch.Generator().manual_seed(3))

    folder, styles = tmp_path / "starters", ["great-wave", "scream"]
    written = write_starters(
        folder, tmp_path / "checkpoint.pt", styles, sample, seconds=1, data="two photos", date="2026-01-01"
    )
    assert [path.stem for path in written] == styles
    store = PackStore(Folders(tmp_path / "user", (folder,)))
    for place, name in enumerate(styles):
        pack = store.get(name)
        painted = load_network(store, pack)(sample[None], load_style(pack).table)
        expected = network(sample[None], bank(torch.tensor([place])))
        torch.testing.assert_close(painted, expected)
        assert pack.thumbnail() is not None
        assert pack.manifest.training is not None and pack.manifest.training.recipe["steps_done"] == 3
    assert store.get("scream").manifest.painting is not None
    assert str(store.get("scream").manifest.painting) == "The Scream, Edvard Munch, 1893"


def test_the_averages_of_a_checkpoint_are_not_its_last_weights(
    tmp_path: Path, photo_folder: Path, loss_folder: Path
) -> None:
    painting = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    run = Run(tiny_recipe(), [painting], PhotoSet.load(photo_folder), loss_folder=loss_folder)
    for _ in range(4):
        run.train_step()
    run.save(tmp_path / "checkpoint.pt")
    _, network, table, step = averaged(tmp_path / "checkpoint.pt")
    assert step == 4
    assert not torch.equal(network.out.conv.weight, run.network.out.conv.weight)
    torch.testing.assert_close(table.scale, run.averaged()[1].scale)
