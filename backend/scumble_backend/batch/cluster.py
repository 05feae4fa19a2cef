"""Carrying out tasks on a Ray cluster: Ray Data moves them to actors that hold the networks.

Ray schedules, limits what waits, starts lost actors again with their tasks, and grows and shrinks their number. Each
actor does with its share what `threads.py` does on one machine; the pictures' folders have to lie where every machine
of the cluster finds them under the same path. Packs travel with the tasks.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scumble_backend import __version__
from scumble_backend.batch import threads
from scumble_backend.batch.engines import OwnEngine
from scumble_backend.batch.journal import Journal
from scumble_backend.batch.outcome import Outcome, failed
from scumble_backend.batch.plan import Task
from scumble_backend.batch.work import Hand
from scumble_backend.config import Settings
from scumble_backend.errors import ClusterLost, ClusterMissing
from scumble_backend.extras import how_to_install
from scumble_backend.packs.store import Folders, PackStore

#: Tasks that an actor gets at a time. What a lost actor had is begun again; what it had finished is skipped.
SHARE = 16
#: Pictures at a time in one actor: one on the device, one being read, one being written.
AT_A_TIME = 3


def carry_out(tasks: Sequence[Task], address: str, store: PackStore, *, convert: bool) -> Iterator[Outcome]:
    """Outcomes as they come. address: of the cluster, as `ray.init` takes it; "auto" for one that runs here.

    Raises ClusterMissing where Ray isn't installed, ClusterLost where the cluster can't be reached or goes away.
    """
    if not tasks:
        return
    ray = _ray()
    packs = bundle(store, {pack for task in tasks for pack in task.job.effect.packs(store)})
    with _connected(ray, address):
        try:
            yield from _outcomes(ray, tasks, packs, convert)
        except ray.exceptions.RayError as error:
            raise _lost(address, error) from error


def _outcomes(ray: Any, tasks: Sequence[Task], packs: dict[str, bytes], convert: bool) -> Iterator[Outcome]:
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    most = max(1, gpus or int(resources.get("CPU", 1)))
    shares = [tasks[first : first + SHARE] for first in range(0, len(tasks), SHARE)]
    rows = data.from_items([{"tasks": share} for share in shares], override_num_blocks=len(shares))
    done = rows.map_batches(
        Carrier,
        fn_constructor_args=(ray.put(packs), str(tasks[0].job.out), convert, __version__),
        batch_size=1,
        batch_format="numpy",
        compute=data.ActorPoolStrategy(min_size=1, max_size=min(most, len(shares))),
        **({"num_gpus": 1} if gpus else {"num_cpus": 1}),
    )
    for row in done.iter_rows():
        yield row["outcome"]


class Carrier:
    """An actor: a device with its networks. Ray calls it with batches of tasks and gets their outcomes."""

    def __init__(self, packs: Any, out: str, convert: bool, version: str) -> None:
        import ray

        from scumble_backend.rendering.renderer import Renderer

        self._trouble: ClusterLost | None = None
        if version != __version__:
            self._trouble = ClusterLost(
                f"A machine of the cluster has Scumble {__version__}, this one {version}.",
                remedy="Install the same version on all of them.",
            )
        self._folder = tempfile.TemporaryDirectory(prefix="scumble-packs-")
        store = unbundle(ray.get(packs) if isinstance(packs, ray.ObjectRef) else packs, Path(self._folder.name))
        self._engine = OwnEngine(Renderer(Settings(), store))
        self._hand = Hand(Journal(Path(out)), convert=convert)

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        import numpy as np

        for tasks in batch["tasks"]:
            outcomes = (
                threads.carry_out(tasks, self._hand, lambda stop: self._engine, AT_A_TIME)
                if self._trouble is None
                else (failed(task.source.title, task.output, self._trouble) for task in tasks)
            )
            for outcome in outcomes:
                column = np.empty(1, object)
                column[0] = outcome
                yield {"outcome": column}


# --- packs that travel -----------------------------------------------------------------------------------


def bundle(store: PackStore, packs: set[str]) -> dict[str, bytes]:
    """Files of a folder that holds these packs, with the networks they need. Raises PackUnknown, FileTrouble."""
    from scumble_backend.rendering.effects.enlarging import MODEL

    files: dict[str, bytes] = {}
    wanted = [store.get(pack) for pack in sorted(packs)]
    # Large paintings are enlarged by this one, where it is installed.
    wanted += [pack for pack in store.list("upscale") if pack.id == MODEL and pack.id not in packs]
    for pack in wanted:
        files[pack.path.name] = pack.path.read_bytes()
        if pack.manifest.base:
            files[f"bases/{pack.manifest.base}.safetensors"] = store.read_base(pack.manifest.base)
    return files


def unbundle(files: dict[str, bytes], folder: Path) -> PackStore:
    """A packs' folder made of `bundle`'s files."""
    for name, raw in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return PackStore(Folders(folder))


# --- the cluster -----------------------------------------------------------------------------------------


def _ray() -> Any:
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise ClusterMissing(
            "A cluster needs Ray, which isn't installed.", remedy=how_to_install("ray[data]")
        ) from error
    return ray


@contextlib.contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Raises ClusterLost where nothing answers at the address."""
    if ray.is_initialized():  # a program that uses this module has connected already
        yield
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise ClusterLost(
            f"No Ray cluster answers at {address}.",
            remedy="Check the address, and that Ray has the same version here and there.",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _lost(address: str, error: Exception) -> ClusterLost:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ClusterLost(
        f"The cluster at {address} was lost: {reason}",
        remedy="What is done is kept: start the same command again, and it goes on.",
    )
