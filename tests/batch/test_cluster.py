"""A batch on a Ray that the test starts: the same bytes as on this machine, and killed workers lose nothing.

Ray takes 600 MB and isn't in the gate's environment: the test says so and is skipped. With the extra `cluster`
installed: `python -m pytest tests/batch/test_cluster.py`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from batch.conftest import Ran, picture

from scumble_backend.batch import cluster
from scumble_backend.batch.plan import Plan
from scumble_backend.errors import ClusterLost, ClusterMissing
from scumble_backend.packs.store import Folders, PackStore

#: Pictures of the run whose workers are killed; 1,000 by hand.
PICTURES = int(os.environ.get("SCUMBLE_CLUSTER_PICTURES", "40"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    found = pytest.importorskip(
        "ray", reason="Ray isn't installed (extra `cluster`): batches on a cluster stay untested here"
    )
    paths = [str(ROOT / part) for part in ("backend", "training", "cli", "tests")]
    found.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(paths)}},
    )
    yield found
    found.shutdown()


def planned(batch: Callable[..., Ran], folder: Path, out: Path) -> Plan:
    """The plan of a batch that has not begun."""
    plan = batch([folder], folder.with_name("planning")).plan
    for task in plan.tasks:
        object.__setattr__(task.job, "out", str(out))
    return plan


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(600)
def test_a_cluster_gives_the_bytes_of_this_machine(
    ray: Any, tmp_path: Path, batch: Callable[..., Ran], tiny_store: PackStore
) -> None:
    for number in range(20):
        picture(tmp_path / f"in/{number}.png", seed=number, size=(40 + number, 30))
    (tmp_path / "in/bad.png").write_text("no picture")
    local = batch([tmp_path / "in"], tmp_path / "local")
    plan = planned(batch, tmp_path / "in", tmp_path / "far")
    outcomes = list(cluster.carry_out(plan.tasks, "auto", tiny_store, convert=True))
    assert sorted(one.status for one in outcomes) == ["done"] * 20 + ["failed"]
    assert len(local.made) == 20
    for name in local.made:
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(3600)
def test_killed_workers_lose_nothing_and_have_nothing_done_twice(
    ray: Any, tmp_path: Path, batch: Callable[..., Ran], tiny_store: PackStore
) -> None:
    for number in range(PICTURES):
        picture(tmp_path / f"in/{number}.png", seed=number)
    batch([tmp_path / "in"], tmp_path / "local", workers=3)
    plan = planned(batch, tmp_path / "in", tmp_path / "far")
    chance, killed, last = random.Random(16), 0, time.monotonic()
    outcomes = []
    for outcome in cluster.carry_out(plan.tasks, "auto", tiny_store, convert=True):
        outcomes.append(outcome)
        workers = _workers()
        if workers and time.monotonic() - last > 2 and killed < max(1, PICTURES // 40):
            os.kill(chance.choice(workers), signal.SIGKILL)
            killed, last = killed + 1, time.monotonic()
    assert killed
    assert [one.status for one in outcomes] == ["done"] * PICTURES
    lines = [
        line
        for path in (tmp_path / "far/.scumble-batch").glob("*.jsonl")
        for line in path.read_text().splitlines()
        if '"output"' in line
    ]
    print(f"{PICTURES} pictures, {killed} workers killed, {len(lines)} results written")
    assert len(lines) == PICTURES, "nothing was written twice"
    for number in range(PICTURES):
        name = f"{number}.png"
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def _workers() -> list[int]:
    """Processes of Ray's actors that carry tasks out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::") and b"MapWorker" in line:
            found.append(int(folder.name))
    return found


def test_without_ray_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, batch: Callable[..., Ran], tiny_store: PackStore
) -> None:
    import sys

    picture(tmp_path / "in/a.png")
    plan = planned(batch, tmp_path / "in", tmp_path / "far")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterMissing) as caught:
        list(cluster.carry_out(plan.tasks, "auto", tiny_store, convert=True))
    assert "ray[data]" in caught.value.remedy


class _Gone(Exception):
    """As Ray's own errors."""


def stand_in(**more: Any) -> Any:
    """What `cluster` needs of Ray until a cluster would do work: that Ray itself isn't here."""
    return SimpleNamespace(exceptions=SimpleNamespace(RayError=_Gone), **more)


def test_a_cluster_that_is_lost_is_said_with_what_to_do(
    tmp_path: Path, batch: Callable[..., Ran], tiny_store: PackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> Any:
        raise _Gone("The head node is gone.")

    fake = stand_in(is_initialized=lambda: True, nodes=lost)
    monkeypatch.setattr(cluster, "_ray", lambda: fake)
    picture(tmp_path / "in/a.png")
    plan = planned(batch, tmp_path / "in", tmp_path / "far")
    with pytest.raises(ClusterLost, match="The head node is gone") as caught:
        list(cluster.carry_out(plan.tasks, "auto", tiny_store, convert=True))
    assert "same command again" in caught.value.remedy
    assert not list((tmp_path / "far").rglob("*.scumble")), "the packs are taken away"


def test_a_cluster_that_does_not_answer_is_said(
    tmp_path: Path, batch: Callable[..., Ran], tiny_store: PackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_ray", lambda: stand_in(is_initialized=lambda: False))
    picture(tmp_path / "in/a.png")
    plan = planned(batch, tmp_path / "in", tmp_path / "far")
    with pytest.raises(ClusterLost, match=r"No Ray cluster answers at 127.0.0.1:1"):
        list(cluster.carry_out(plan.tasks, "127.0.0.1:1", tiny_store, convert=True))


def test_a_cluster_that_asks_for_a_token_says_where_it_belongs(
    tmp_path: Path, batch: Callable[..., Ran], tiny_store: PackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "in/a.png")
    plan = planned(batch, tmp_path / "in", tmp_path / "far")
    for refusal, said in (
        (ConnectionError("Failed to connect to Ray cluster"), "No Ray cluster answers at auto"),  # a wrong token
        (_Gone("no authentication token was found"), "can't be joined: no authentication token was found"),
    ):

        def refused(error: Exception = refusal, **_options: Any) -> None:
            raise error

        fake = stand_in(is_initialized=lambda: False, init=refused)
        monkeypatch.setattr(cluster, "_ray", lambda fake=fake: fake)
        with pytest.raises(ClusterLost, match=said) as caught:
            list(cluster.carry_out(plan.tasks, "auto", tiny_store, convert=True))
        assert "RAY_AUTH_MODE=token" in caught.value.remedy
        assert "~/.ray/auth_token" in caught.value.remedy


def test_packs_travel_with_what_they_need(tmp_path: Path, tiny_store: PackStore) -> None:
    cluster.write_packs(tiny_store, {"wave", "whole"}, tmp_path / "packs")
    moved = PackStore(Folders(tmp_path / "packs"))
    assert {pack.id for pack in moved.list()} == {"wave", "whole"}
    assert moved.read_base(moved.get("wave").manifest.base)
