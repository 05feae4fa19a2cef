"""Carrying out tasks on a Ray cluster: Ray Data moves them to actors that hold the networks.

Ray schedules, limits what waits, starts lost actors again with their tasks, and grows and shrinks their number. Each
actor does with its share what `threads.py` does on one machine; the pictures' folders have to lie where every machine
of the cluster finds them under the same path. Packs are copied into the output folder for the time of the batch.
"""

from __future__ import annotations

import contextlib
import pickle
import secrets
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scumble_backend import __version__
from scumble_backend.batch import threads
from scumble_backend.batch.engines import OwnEngine
from scumble_backend.batch.journal import FOLDER, Journal
from scumble_backend.batch.outcome import Outcome, failed
from scumble_backend.batch.plan import Task
from scumble_backend.batch.work import Hand
from scumble_backend.config import Settings
from scumble_backend.errors import ClusterLost, ClusterMissing, from_os_error
from scumble_backend.extras import how_to_install
from scumble_backend.files import make_folder, write_bytes
from scumble_backend.packs.store import Folders, PackStore

#: Tasks that an actor gets at a time. What a lost actor had is begun again; what it had finished is skipped.
SHARE = 16
#: Into so many blocks the tasks are cut at most: each costs Ray's driver a little.
MOST_BLOCKS = 4096
KNOCK_S = 10.0
#: Ray takes up the token in ~/.ray by itself for "auto", and never for an address that is written out.
TOKEN = (
    "If it asks for a token (Ray then says InvalidAuthToken): set RAY_AUTH_MODE=token here, and have the cluster's "
    "token in ~/.ray/auth_token or RAY_AUTH_TOKEN."
)
#: Pictures at a time in one actor: one on the device, one being read, one being written.
AT_A_TIME = 3


def carry_out(tasks: Sequence[Task], address: str, store: PackStore, *, convert: bool) -> Iterator[Outcome]:
    """Outcomes as they come. address: of the cluster, as `ray.init` takes it; "auto" for one that runs here.

    Raises ClusterMissing where Ray isn't installed, ClusterLost where the cluster can't be reached or goes away.
    """
    if not tasks:
        return
    ray = _ray()
    out = Path(tasks[0].job.out)
    packs = out / FOLDER / f"packs-{secrets.token_hex(4)}"
    write_packs(store, {pack for task in tasks for pack in task.job.effect.packs(store)}, packs)
    try:
        with _connected(ray, address):
            yield from _outcomes(ray, tasks, Errand(str(packs), str(out), convert, __version__, _threads(ray)))
    except ray.exceptions.RayError as error:
        raise _lost(address, error) from error
    finally:
        shutil.rmtree(packs, ignore_errors=True)


def _threads(ray: Any) -> int:
    """As many as torch uses on this machine, so that results are those of this machine; as far as a node has them."""
    import torch

    largest = max((int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]), default=1)
    return max(1, min(torch.get_num_threads(), largest))


@dataclass(frozen=True)
class Errand:
    """What an actor has to know beside its tasks: folders that all machines see, and which Scumble sent it."""

    packs: str
    out: str
    convert: bool
    version: str
    threads: int  # of torch, on the CPU: with other numbers of them, sums have other last bits


def _outcomes(ray: Any, tasks: Sequence[Task], errand: Errand) -> Iterator[Outcome]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    most = max(1, gpus or int(resources.get("CPU", 1)) // errand.threads)
    shares = [pickle.dumps(tasks[first : first + SHARE]) for first in range(0, len(tasks), SHARE)]
    blocks = min(len(shares), MOST_BLOCKS)
    rows = ray.data.from_items([{"tasks": share} for share in shares], override_num_blocks=blocks)
    done = rows.map_batches(
        Carrier,
        fn_constructor_args=(errand,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(most, len(shares))),
        **({"num_gpus": 1} if gpus else {"num_cpus": errand.threads}),
    )
    for row in done.iter_rows():
        yield pickle.loads(row["outcome"])


class Carrier:
    """An actor: a device with its networks. Ray calls it with batches of tasks and gets their outcomes."""

    def __init__(self, errand: Errand) -> None:
        import torch

        from scumble_backend.rendering.renderer import Renderer

        torch.set_num_threads(errand.threads)
        self._trouble: ClusterLost | None = None
        if errand.version != __version__:
            self._trouble = ClusterLost(
                f"A machine of the cluster has Scumble {__version__}, this one {errand.version}.",
                remedy="Install the same version on all of them.",
            )
        elif not Path(errand.packs).is_dir():
            self._trouble = ClusterLost(
                f"A machine of the cluster does not see {errand.out}.",
                remedy="Use a folder that all of them find under the same path, as on a network drive.",
            )
        self._engine = OwnEngine(Renderer(Settings(), PackStore(Folders(Path(errand.packs)))))
        self._hand = Hand(Journal(Path(errand.out)), convert=errand.convert, workers=AT_A_TIME)

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """batch: "tasks", pickled lists of them. Gives "outcome", pickled ones, one after the other."""
        for share in batch["tasks"]:
            for outcome in self._carry_out(pickle.loads(share)):
                yield {"outcome": [pickle.dumps(outcome)]}

    def _carry_out(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        if self._trouble is None:
            yield from threads.carry_out(tasks, self._hand, lambda stop: self._engine, AT_A_TIME)
        else:
            for task in tasks:
                yield failed(task.source.title, task.output, self._trouble)


# --- packs that travel -----------------------------------------------------------------------------------


def write_packs(store: PackStore, packs: set[str], folder: Path) -> None:
    """A packs' folder that holds these packs and what they need. Raises PackUnknown and its kinds, FileTrouble."""
    from scumble_backend.rendering.effects.enlarging import MODEL  # loads torch

    wanted = [store.get(pack) for pack in sorted(packs)]
    # Large paintings are enlarged by this one, where it is installed.
    wanted += [pack for pack in store.list("upscale") if pack.id == MODEL and pack.id not in packs]
    make_folder(folder / "bases")
    for pack in wanted:
        try:
            raw = pack.path.read_bytes()
        except OSError as error:
            raise from_os_error(error, pack.path, "read") from error
        write_bytes(folder / pack.path.name, raw)
        if base := pack.manifest.base:
            write_bytes(folder / "bases" / f"{base}.safetensors", store.read_base(base))


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
    _knock(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise _silent(address, TOKEN) from error
    except ray.exceptions.RayError as error:  # RAY_AUTH_MODE=token, and no token
        raise ClusterLost(
            f"The Ray cluster at {address} can't be joined: {_first_line(error)}", remedy=TOKEN
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray waits for minutes for a cluster that isn't there. Raises ClusterLost."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise _silent(address) from error


def _silent(address: str, more: str = "") -> ClusterLost:
    return ClusterLost(
        f"No Ray cluster answers at {address}.",
        remedy=f"Check the address, and that Ray has the same version here and there. {more}".strip(),
    )


def _lost(address: str, error: Exception) -> ClusterLost:
    return ClusterLost(
        f"The cluster at {address} was lost: {_first_line(error)}",
        remedy="What is done is kept: start the same command again, and it goes on.",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
