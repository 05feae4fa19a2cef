"""The loop: learning, exact resuming, several processes, running out of memory, losses that are no numbers."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scumble_backend.errors import CheckpointUnusable, DiskFull, LossNotFinite, OutOfMemory
from scumble_backend.nets.style import StyleNetworkConfig
from scumble_training.style.data import PhotoSet
from scumble_training.style.loop import Moment, Run, fit
from scumble_training.style.objective import Losses
from scumble_training.style.recipe import DataRecipe, LossTerm, LossWeights, OptimizerRecipe, Recipe

from .conftest import run_in_two_processes, tiny_recipe


def paintings(count: int = 2) -> list[torch.Tensor]:
    return [torch.rand(3, 64, 72, generator=torch.Generator().manual_seed(n)) for n in range(count)]


@pytest.fixture
def make(loss_folder: Path, photo_folder: Path) -> Callable[..., Run]:
    photos = PhotoSet.load(photo_folder)

    def build(recipe: Recipe | None = None, count: int = 2, **options: object) -> Run:
        options.setdefault("precision", "float32")
        return Run(recipe or tiny_recipe(), paintings(count), photos, loss_folder=loss_folder, **options)  # type: ignore[arg-type]

    return build


def test_the_loss_falls_on_a_batch_that_it_sees_again_and_again(make: Callable[..., Run]) -> None:
    run = make(tiny_recipe(steps=1000))
    run.draw = lambda step, draw=run.draw: draw(0)  # type: ignore[method-assign,misc]
    run._ahead._draw = run.draw
    losses = [run.train_step().total.item() for _ in range(25)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_resuming_gives_the_same_losses_and_weights_as_never_stopping(
    make: Callable[..., Run], tmp_path: Path
) -> None:
    straight = make()
    whole = [straight.train_step().total.item() for _ in range(6)]
    first = make()
    parts = [first.train_step().total.item() for _ in range(3)]
    first.save(tmp_path / "checkpoint.pt")
    second = make()
    second.load(tmp_path / "checkpoint.pt")
    parts += [second.train_step().total.item() for _ in range(3)]
    assert parts == whole
    for a, b in zip(straight.averages, second.averages, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(straight.network.buffers(), second.network.buffers(), strict=True):
        assert torch.equal(a, b)


def test_the_same_seed_gives_the_same_run_and_another_one_another(make: Callable[..., Run]) -> None:
    assert make().train_step().total.item() == make().train_step().total.item()
    assert make(tiny_recipe(seed=1)).train_step().total.item() != make().train_step().total.item()


def test_a_table_run_leaves_the_base_network_and_its_averages_alone(make: Callable[..., Run]) -> None:
    base = make().network
    run = make(tiny_recipe(trains="table"), base=base)
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    for _ in range(3):
        run.train_step()
    assert all(torch.equal(before[name], value) for name, value in run.network.state_dict().items())
    assert not torch.equal(run.bank.scale, make().bank.scale)
    network, bank = run.averaged()
    assert torch.equal(network.out.conv.weight, base.out.conv.weight)
    assert torch.equal(bank.scale, run.averages[0])


def test_without_a_color_path_its_table_stays_zero(make: Callable[..., Run]) -> None:
    run = make(tiny_recipe(color_path=False))
    run.train_step()
    assert run.bank.color.abs().max() == 0
    assert run.averaged()[1].color.abs().max() == 0


def test_stroke_scales_learn_their_slopes(make: Callable[..., Run]) -> None:
    run = make(tiny_recipe(stroke_octaves=[-1.0, 0.0, 1.0]))
    for _ in range(2):
        run.train_step()
    assert run.bank.scale_slope.abs().max() > 0


def gradients(run: Run) -> Losses:
    run.network.train()
    batch = run.draw(0)
    return run.parts.compute(
        len(batch),
        lambda pieces: run._gradients(batch, [buffer.clone() for buffer in run.network.buffers()], pieces),
        lambda: None,
    )


def test_a_batch_in_parts_has_the_gradient_of_the_whole(make: Callable[..., Run]) -> None:
    whole, cut = make(), make()
    cut.parts.count = 2
    a = gradients(whole)
    b = gradients(cut)
    assert a.total.item() == pytest.approx(b.total.item(), rel=1e-5)
    for p, q in zip(whole.trained, cut.trained, strict=True):
        assert p.grad is not None and q.grad is not None
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=1e-6)
    for p, q in zip(whole.network.buffers(), cut.network.buffers(), strict=True):
        torch.testing.assert_close(p, q)


#: How PyTorch tells of it: with a type of its own on CUDA and XPU, with bare words on the CPU and Apple's GPUs.
NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:116] data. DefaultCPUAllocator: not enough memory: you tried to"),
    RuntimeError("MPS backend out of memory (MPS allocated: 17.9 GB, other allocations: 2.1 GB)."),
    MemoryError(),
]


@pytest.mark.parametrize("no_memory", NO_MEMORY, ids=lambda error: str(error)[:20])
def test_running_out_of_memory_halves_the_batch_and_goes_on(
    make: Callable[..., Run], tmp_path: Path, no_memory: Exception
) -> None:
    run, reference = make(), make()
    forward = run.objective.forward

    def tight(painted: torch.Tensor, *rest: object) -> object:
        if len(painted) > 1:
            raise no_memory
        return forward(painted, *rest)  # type: ignore[arg-type]

    run.objective.forward = tight  # type: ignore[method-assign]
    loss = run.train_step().total.item()
    assert run.parts.count == 2
    assert loss == pytest.approx(reference.train_step().total.item(), rel=1e-4)
    seen: list[Moment] = []
    run.recipe = replace(run.recipe, optimizer=replace(run.recipe.optimizer, steps=2))
    fit(run, tmp_path, each=seen.append)
    assert seen[-1].parts == 2


def test_too_little_memory_for_one_picture_is_an_error_with_a_remedy(make: Callable[..., Run]) -> None:
    run = make()

    def never(*_: object) -> object:
        raise torch.OutOfMemoryError("no memory")

    run.objective.forward = never  # type: ignore[method-assign,assignment]
    with pytest.raises(OutOfMemory) as caught:
        run.train_step()
    assert "batch in the recipe" in caught.value.remedy
    assert run.step == 0


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    make: Callable[..., Run], tmp_path: Path
) -> None:
    run = make(tiny_recipe(steps=6))

    def poison(moment: Moment) -> None:
        if moment.step == 4:
            with torch.no_grad():
                run.network.out.conv.weight.fill_(float("nan"))

    with pytest.raises(LossNotFinite, match="the loss became NaN at step 4"):
        fit(run, tmp_path, each=poison, save_every=2)
    kept = make(tiny_recipe(steps=6))
    kept.load(tmp_path / "checkpoint.pt")
    assert kept.step == 4
    assert all(parameter.isfinite().all() for parameter in kept.network.parameters())


def test_a_stop_from_outside_leaves_a_checkpoint_to_go_on_from(make: Callable[..., Run], tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(moment: Moment) -> None:
        if moment.step == 3:
            raise Stop

    with pytest.raises(Stop):
        fit(make(tiny_recipe(steps=5)), tmp_path, each=stop, save_every=100)
    resumed = make(tiny_recipe(steps=5))
    resumed.load(tmp_path / "checkpoint.pt")
    assert resumed.step == 3


def test_a_killed_run_goes_on_from_its_last_checkpoint_with_the_same_losses(
    make: Callable[..., Run], tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    def losses_of(run: Run, until: int) -> list[float]:
        seen: list[float] = []

        def each(moment: Moment) -> None:
            seen.append(moment.losses.total.item())
            if moment.step == until:
                run.save = lambda path: None  # type: ignore[method-assign] # a killed process writes nothing more
                raise Killed

        with contextlib.suppress(Killed):
            fit(run, tmp_path, each=each, save_every=2)
        return seen

    whole = losses_of(make(), 10**9)
    (tmp_path / "checkpoint.pt").unlink()
    before = losses_of(make(), 5)
    resumed = make()
    resumed.load(tmp_path / "checkpoint.pt")
    assert resumed.step == 4
    assert before[:4] + losses_of(resumed, 10**9) == whole


def test_a_full_disk_stops_the_run_and_leaves_the_old_checkpoint(
    make: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(tiny_recipe(steps=6))

    def fill_up(moment: Moment) -> None:
        if moment.step == 3:
            monkeypatch.setattr(os, "fsync", no_room)

    def no_room(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull) as caught:
        fit(run, tmp_path, each=fill_up, save_every=2)
    assert caught.value.remedy
    monkeypatch.undo()
    kept = make(tiny_recipe(steps=6))
    kept.load(tmp_path / "checkpoint.pt")
    assert kept.step == 2
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".part"] == []


def test_checkpoints_are_written_by_the_clock_too(make: Callable[..., Run], tmp_path: Path) -> None:
    run = make(tiny_recipe(steps=3))
    written: list[int] = []
    run.save = lambda path: written.append(run.step)  # type: ignore[method-assign]
    fit(run, tmp_path, each=lambda moment: None, save_every=100, save_s=0.0)
    assert written == [1, 2, 3, 3]


def test_foreign_and_torn_checkpoints_are_refused(make: Callable[..., Run], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    run = make()
    with pytest.raises(CheckpointUnusable, match="can't be read"):
        run.load(path)
    run.save(path)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(CheckpointUnusable, match="can't be read"):
        run.load(path)
    path.write_bytes(raw)
    with pytest.raises(CheckpointUnusable, match="another network or number of styles"):
        make(count=3).load(path)
    with pytest.raises(CheckpointUnusable, match="another network"):
        make(replace(tiny_recipe(), network=StyleNetworkConfig(width=4, residual_blocks=2))).load(path)


def test_the_rate_warms_up_then_falls_or_stays(make: Callable[..., Run]) -> None:
    run = make(tiny_recipe(steps=100))
    run.recipe = replace(run.recipe, optimizer=OptimizerRecipe(steps=100, warmup=10))
    rates = []
    for run.step in (0, 9, 10, 55, 100):
        rates.append(run.rate(1.0))
    assert rates == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.0])
    run.recipe = replace(run.recipe, optimizer=OptimizerRecipe(steps=100, warmup=0, schedule="constant"))
    assert run.rate(1.0) == 1.0


@pytest.mark.slow
@pytest.mark.timeout(300)  # three processes that load torch: slow on a busy machine
def test_two_processes_give_the_result_of_one_with_twice_the_batch(
    make: Callable[..., Run], loss_folder: Path, photo_folder: Path, tmp_path: Path
) -> None:
    """Two Gloo processes with batches of 2, started by torchrun, against one process with 4."""
    run_in_two_processes("two_processes.py", loss_folder, photo_folder, tmp_path)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    one = make(tiny_recipe(batch=4))
    for _ in range(3):
        one.train_step()
    for name, value in one.network.state_dict().items():
        torch.testing.assert_close(saved["network"][name], value, rtol=1e-3, atol=1e-5)
    for name, value in one.bank.state_dict().items():
        torch.testing.assert_close(saved["bank"][name], value, rtol=1e-3, atol=1e-5)


def test_the_recipes_of_the_package_and_of_the_tests_are_whole() -> None:
    assert tiny_recipe() == Recipe(
        name="tiny",
        terms=[LossTerm("vgg19", content={"relu2_1": 1.0}, style={"relu1_1": 0.5, "relu2_1": 0.5})],
        network=StyleNetworkConfig(width=4, residual_blocks=1),
        weights=LossWeights(),
        data=DataRecipe(crop=32, photo_side=96, style_side=48, canvases=0.25),
        optimizer=OptimizerRecipe(steps=6, batch=2, warmup=2),
    )
