"""Carrying out tasks by threads of this process: some read and write while the device computes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from scumble_backend.batch.engines import BackendEngine, OwnEngine
from scumble_backend.batch.outcome import Outcome
from scumble_backend.batch.plan import Task
from scumble_backend.batch.work import Hand
from scumble_backend.errors import DiskFull, JobCancelled
from scumble_wire.errors import BackendNotStarted, BackendSilent, ConnectionFailed, ConnectionLost

#: Failures that are not the picture's own; after so many in a row the batch stops, as the next ones would fail, too.
SHARED = {each.code for each in (DiskFull, BackendNotStarted, BackendSilent, ConnectionFailed, ConnectionLost)}
IN_A_ROW = 5
_LOOK_S = 0.5


def carry_out(
    tasks: Iterable[Task],
    hand: Hand,
    make_engine: Callable[[threading.Event], BackendEngine | OwnEngine],
    workers: int,
) -> Iterator[Outcome]:
    """Outcomes as they come. workers: pictures at a time. Closing the iterator stops what is under way.

    Tasks are begun in order. When the disk is full or the backend is gone, those that are left are not begun.
    """
    stop = threading.Event()
    engines: list[BackendEngine | OwnEngine] = []
    own = threading.local()

    def one(task: Task) -> Outcome | None:
        if stop.is_set():
            return None
        if not hasattr(own, "engine"):
            own.engine = make_engine(stop)
            engines.append(own.engine)
        try:
            return hand.carry_out(task, own.engine)
        except JobCancelled:
            return None

    waiting, begun, lost = iter(tasks), set[Future[Outcome | None]](), deque[bool](maxlen=IN_A_ROW)
    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as pool:
        try:
            while True:
                while len(begun) < 2 * workers and sum(lost) < IN_A_ROW:
                    task = next(waiting, None)
                    if task is None:
                        break
                    begun.add(pool.submit(one, task))
                if not begun:
                    return
                ended, begun = wait(begun, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    outcome = future.result()
                    if outcome is not None:
                        lost.append(outcome.code in SHARED)
                        yield outcome
        finally:
            stop.set()
            for future in begun:
                future.cancel()
            pool.shutdown(wait=True)
            for engine in engines:
                engine.close()
