"""Starter packs: what a base run has learned, as packs that paint the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scumble_backend.errors import CheckpointUnusable
from scumble_backend.nets.style import StyleNetwork
from scumble_backend.packs.making import load_network, load_style
from scumble_backend.packs.store import Folders, PackStore
from scumble_training.releasing.base import first_weights
from scumble_training.releasing.starters import held_out_losses, write_starters
from scumble_training.style.checkpoint import averaged
from scumble_training.style.data import PhotoSet
from scumble_training.style.loop import Run
from scumble_training.style.painting import to_image

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
    files = tmp_path / "paintings"
    files.mkdir()
    for name, painting in zip(styles, paintings, strict=True):
        to_image(painting).save(files / f"{name}.png")
    checkpoint = tmp_path / "checkpoint.pt"
    quality = held_out_losses(checkpoint, styles, files, photo_folder, loss_folder, pictures=2)
    written = write_starters(
        folder, checkpoint, styles, sample, seconds=1, data="two photos", date="2026-01-01", quality=quality
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
        assert pack.manifest.quality["held_out_style"] == pytest.approx(quality[name].style, abs=1e-6)
    # A run can go on from the packs as from the checkpoint.
    for start in (folder, checkpoint):
        first, tables = first_weights(start, styles)
        torch.testing.assert_close(first(sample[None], tables.row(1)), network(sample[None], bank(torch.tensor([1]))))
    with pytest.raises(CheckpointUnusable, match="udnie"):
        first_weights(folder, ["scream", "udnie"])
    assert sorted(path.name for path in folder.iterdir()) == ["bases", "great-wave.scumble", "scream.scumble"]
    assert quality["great-wave"].style != quality["scream"].style
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


def test_a_run_of_tables_alone_keeps_its_base_network(tmp_path: Path, photo_folder: Path, loss_folder: Path) -> None:
    painting = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    recipe = replace(tiny_recipe(), trains="table")
    base = StyleNetwork(recipe.network)
    run = Run(recipe, [painting], PhotoSet.load(photo_folder), loss_folder=loss_folder, base=base)
    for _ in range(4):
        run.train_step()
    run.save(tmp_path / "checkpoint.pt")
    _, network, table, _ = averaged(tmp_path / "checkpoint.pt")
    torch.testing.assert_close(network.state_dict(), base.state_dict())
    torch.testing.assert_close(table.tensors(), run.averaged()[1](torch.tensor([0])).tensors())
    assert not torch.equal(table.scale, run.bank.scale)
