"""The queue as a pure state machine: events go in, actions come out. No clock, thread, socket or network here.

Two kinds of lanes: a *device* lane, one for each device, runs what paints, enlarges and copies, in one worker; the
*training* lane runs one training process at a time and outlives clients. Jobs go to a lane that is free. Where none
is, a job of a higher priority is started inside a running one of a lower priority (the worker takes it up at the next
progress call), so a lane's running jobs form a stack of strictly rising priorities and a preview doesn't wait for a
long enlargement.

Overtaking has two bounds, so that no flood of previews starves a job. A job that others have overtaken for
`PATIENCE_S` is the next to begin. And once it runs, more urgent jobs inside it get no more time than it has had
itself: it takes at most twice as long as it would alone, and the length of one preview.

The caller passes `now` (seconds, monotonic) with each event and carries out the returned actions in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scumble_backend.errors import JobNotSuitable, JobUnknown, QueueFull, TrainingFailed
from scumble_backend.job import KINDS, PRIORITIES, Action, Job, JobMessage, Send, Start, Stop, StopTraining, failure
from scumble_wire.messages import (
    Accepted,
    BackendMessage,
    Cancelled,
    Done,
    Failed,
    JobInfo,
    Jobs,
    JobState,
    Progress,
    Train,
)

PROGRESS_INTERVAL_S = 0.05  # no more than twenty Progress messages a second for one job
MAX_WAITING = 64  # jobs of one client
MAX_WAITING_IN_ALL = 512  # jobs of all clients
MAX_WAITING_BYTES = 4 << 30  # pixels of all jobs that wait; a job that waits alone may have more
PATIENCE_S = 1.0  # so long others may overtake a job that waits
REMEMBERED = 50  # ended jobs that stay in the list
_WAIT = "Wait until some are done, or cancel them."


class JobQueue:
    """All jobs of a backend. Every method that takes an event returns the actions it calls for."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lanes: list[list[Job]] = [[]]  # the stack of each device's worker, the most urgent last
        self._open = {0}  # lanes that take jobs
        self._training: Job | None = None
        self._count = 0

    def open_lane(self, lane: int, now: float) -> list[Action]:
        """A further device is ready for jobs."""
        self._lanes += [[] for _ in range(lane + 1 - len(self._lanes))]
        self._open.add(lane)
        return self._dispatch(now)

    def close_lanes(self) -> None:
        """No device but the first gets further jobs; what runs on others goes on."""
        self._open = {0}

    # --- clients -----------------------------------------------------------------------------------------

    def abandon(self, client: bytes, now: float) -> list[Action]:
        """A client said Goodbye or vanished: its jobs stop, training goes on without it."""
        actions: list[Action] = []
        for job in list(self._jobs.values()):
            job.watchers = {watcher for watcher in job.watchers if watcher[0] != client}
            if job.client == client and job.kind != "train" and not job.over:
                actions += self._stop(job, now)
        return actions + self._dispatch(now)

    # --- what clients ask ----------------------------------------------------------------------------------

    def refusal(self, client: bytes, frames: Sequence[Any]) -> QueueFull | None:
        """Why a job of this client, with these pixels, would not be taken now; None: it would be."""
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        own = sum(job.client == client for job in waiting)
        if own >= MAX_WAITING:
            return QueueFull(f"{own} jobs wait already.", remedy=_WAIT)
        if len(waiting) >= MAX_WAITING_IN_ALL:
            return QueueFull(f"{len(waiting)} jobs of all editors wait already.", remedy=_WAIT)
        held = sum(_nbytes(job.frames) for job in waiting)
        if held and held + _nbytes(frames) > MAX_WAITING_BYTES:
            return QueueFull(f"Jobs with {held >> 20} MB of pixels wait already.", remedy=_WAIT)
        return None

    def submit(
        self,
        client: bytes,
        request: int,
        message: JobMessage,
        frames: Sequence[Any],
        now: float,
        *,
        name: str = "",
        title: str = "",
    ) -> list[Action]:
        """Queue a job. A preview takes the place of the client's older previews."""
        refused = self.refusal(client, frames)
        if refused is not None:
            return [Send(client, request, failure(refused))]
        actions: list[Action] = []
        if not isinstance(message, Train) and message.priority == "preview":
            for older in list(self._jobs.values()):
                if older.client == client and older.priority == PRIORITIES["preview"] and not older.over:
                    older.replaced = not older.stopping or older.replaced
                    actions += self._stop(older, now)
        self._count += 1
        job = Job(
            name=name or f"{KINDS[type(message)]}-{self._count}",
            client=client,
            request=request,
            message=message,
            frames=frames,
            title=message.title or title or KINDS[type(message)],
            number=self._count,
        )
        job.watchers.add((client, request))
        position = sum(1 for _ in self._ahead_of(job))
        self._jobs[job.name] = job
        actions.append(Send(client, request, Accepted(job.name, position)))
        return actions + self._dispatch(now)

    def knows(self, name: str) -> bool:
        """Whether there is, or was, a job of this name."""
        return name in self._jobs

    def restore(self, name: str, message: Train, state: JobState, *, fraction: float = 0.0, title: str = "") -> None:
        """Take up a training job found on disk: "paused", or ended ("failed", "cancelled")."""
        self._count += 1
        job = Job(name, b"", 0, message, (), message.title or title or message.name, self._count)
        job.state, job.stage, job.fraction = state, state, fraction
        if state == "failed":
            failed = TrainingFailed("The training had failed earlier.", remedy="Resume it or cancel it.")
            job.final = failure(failed, name)
        elif state == "cancelled":
            job.final = Cancelled(name)
        self._jobs[name] = job

    def cancel(self, client: bytes, request: int, name: str, now: float) -> list[Action]:
        """Stop a job. Any client may: they all belong to one person."""
        job = self._jobs.get(name)
        if job is None:
            return [Send(client, request, _unknown(name))]
        actions: list[Action] = [Send(client, request, Done())]
        if not job.over:
            actions += self._stop(job, now)
        elif job.state == "failed" and job.kind == "train":
            job.state = "cancelled"
        return actions + self._dispatch(now)

    def pause(self, client: bytes, request: int, name: str, now: float) -> list[Action]:
        """Pause a training job."""
        job = self._jobs.get(name)
        if job is None:
            return [Send(client, request, _unknown(name))]
        if job.kind != "train" or job.over or (job.stopping and not job.pausing):
            return [Send(client, request, _unsuitable(job, "paused"))]
        actions: list[Action] = [Send(client, request, Done())]
        job.resume_after = False
        if job.state == "waiting":
            actions += self._paused(job)
        elif job.state == "running" and not job.stopping:
            job.stopping = job.pausing = True
            actions.append(StopTraining(job.name, pause=True))
        return actions + self._dispatch(now)

    def resume(self, client: bytes, request: int, name: str, now: float) -> list[Action]:
        """Go on with a training job that is paused, failed or was cancelled."""
        job = self._jobs.get(name)
        if job is None:
            return [Send(client, request, _unknown(name))]
        if job.kind != "train" or job.state == "done" or (job.stopping and not job.pausing):
            return [Send(client, request, _unsuitable(job, "resumed"))]
        actions: list[Action] = [Send(client, request, Done())]
        if job.state in ("paused", "failed", "cancelled"):
            job.state, job.stage, job.final = "waiting", "waiting", None
            actions += self._tell(job, now, at_once=True)
        elif job.pausing:
            job.resume_after = True
        return actions + self._dispatch(now)

    def watch(self, client: bytes, request: int, name: str) -> list[Action]:
        """Let a client follow a training job; it may have ended already."""
        job = self._jobs.get(name)
        if job is None:
            return [Send(client, request, _unknown(name))]
        if job.kind != "train":
            return [Send(client, request, _unsuitable(job, "watched"))]
        actions: list[Action] = [Send(client, request, Accepted(name, sum(1 for _ in self._ahead_of(job))))]
        if job.final is not None:
            return [*actions, Send(client, request, job.final)]
        job.watchers.add((client, request))
        return [*actions, Send(client, request, Progress(name, job.fraction, job.stage, job.remaining_s))]

    def listing(self, client: bytes) -> Jobs:
        """All jobs in the order in which they came, the ended ones of late among them."""
        return Jobs(
            [
                JobInfo(job.name, job.kind, job.title, job.state, job.fraction, job.remaining_s, job.client == client)
                for job in self._jobs.values()
            ]
        )

    def count(self, state: JobState) -> int:
        return sum(job.state == state for job in self._jobs.values())

    def get(self, name: str) -> Job | None:
        return self._jobs.get(name)

    # --- what the lanes report ---------------------------------------------------------------------------

    def progressed(
        self, name: str, fraction: float, stage: str, now: float, *, remaining_s: float | None = None
    ) -> list[Action]:
        """A running job got further. Progress never falls; the time left is estimated unless the lane knows it."""
        job = self._jobs.get(name)
        if job is None or job.state != "running" or job.stopping:
            return []
        changed = stage != job.stage
        job.stage = stage
        job.fraction = max(job.fraction, min(1.0, fraction)) if fraction == fraction else job.fraction
        job.remaining_s = remaining_s if remaining_s is not None else _estimate(job, now)
        return self._tell(job, now, at_once=changed) + self._dispatch(now)

    def showed(self, name: str, message: BackendMessage, frames: Sequence[Any]) -> list[Action]:
        """A running job has something to show on the way (TrainPreview)."""
        job = self._jobs.get(name)
        return [] if job is None or job.over else self._stream(job, message, frames)

    def finished(self, name: str, message: BackendMessage, frames: Sequence[Any], now: float) -> list[Action]:
        """A job ended well. After a cancel that came too late its stream still ends with Cancelled."""
        job = self._jobs.get(name)
        if job is None or job.over:
            return []
        if job.stopping and job.kind != "train":
            return self._end(job, "cancelled", Cancelled(name, job.replaced), (), now)
        job.fraction = 1.0
        return self._end(job, "done", message, frames, now)

    def failed(self, name: str, failure: Failed, now: float) -> list[Action]:
        """A job ended with an error."""
        job = self._jobs.get(name)
        if job is None or job.over:
            return []
        if job.stopping and not job.pausing:
            return self._end(job, "cancelled", Cancelled(name, job.replaced), (), now)
        return self._end(job, "failed", failure, (), now)

    def stopped(self, name: str, now: float) -> list[Action]:
        """A lane stopped a job as asked; a training job is then paused or cancelled, as was asked."""
        job = self._jobs.get(name)
        if job is None or job.over:
            return []
        if job.kind == "train" and (job.pausing or not job.stopping):
            actions = self._paused(job)
            if job.resume_after:
                job.resume_after, job.state, job.stage = False, "waiting", "waiting"
            return actions + self._dispatch(now)
        return self._end(job, "cancelled", Cancelled(name, job.replaced), (), now)

    # --- inside ------------------------------------------------------------------------------------------

    def _ahead_of(self, new: Job) -> Iterator[Job]:
        """The jobs that run or will run before `new`, in its lane."""
        for job in self._jobs.values():
            if job is new or (job.kind == "train") != (new.kind == "train"):
                continue
            key = (job.priority, job.number)
            ahead = job.priority <= new.priority if job.state == "running" else key < (new.priority, new.number)
            if ahead and job.state in ("running", "waiting"):
                yield job

    def _dispatch(self, now: float) -> list[Action]:
        actions: list[Action] = []
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        training = min((job for job in waiting if job.kind == "train"), key=_order, default=None)
        if self._training is None and training is not None:
            self._training = training
            actions += self._start(training, now)
        painting = [job for job in waiting if job.kind != "train"]
        # Free lanes come first, then the one whose job matters least.
        for lane in sorted(self._open, key=lambda lane: (-_urgency(self._lanes[lane]), lane)):
            following = self._following(painting, self._lanes[lane], now)
            if following is not None:
                painting.remove(following)
                following.lane = lane
                self._lanes[lane].append(following)
                actions += self._start(following, now)
        return actions

    def _following(self, waiting: list[Job], running: list[Job], now: float) -> Job | None:
        """The job that begins now in a device's lane, inside the running one if there is one."""
        urgent = min(waiting, key=_order, default=None)
        if urgent is None or not running:
            overtaken = [job for job in waiting if job.overtaken_s >= PATIENCE_S]
            return min(overtaken, key=_arrival, default=urgent)
        outer = running[-1]
        own_s = now - outer.started - outer.inside_s
        return urgent if urgent.priority < outer.priority and outer.inside_s <= own_s else None

    def _left_lane(self, job: Job, now: float) -> None:
        """A running job has ended: those that it kept waiting take note."""
        running = self._lanes[job.lane]
        place, took = running.index(job), now - job.started
        if place:
            running[place - 1].inside_s += took
        del running[place]
        for other in self._jobs.values():
            if other.state == "waiting" and other.number < job.number and other.priority > job.priority:
                other.overtaken_s += took

    def _start(self, job: Job, now: float) -> list[Action]:
        job.state, job.started, job.stage = "running", now, "loading"
        frames, job.frames = job.frames, ()  # the lane holds the pixels from here on
        if job.kind == "train":
            job.stopping = job.pausing = False
        start = Start(job.name, job.message, frames, job.lane)
        return [*self._tell(job, now, at_once=True), start]

    def _stop(self, job: Job, now: float) -> list[Action]:
        if job.state == "running":
            first, job.stopping = not job.stopping or job.pausing, True
            job.pausing = job.resume_after = False
            stop: Action = StopTraining(job.name, pause=False) if job.kind == "train" else Stop(job.name)
            return [stop] if first else []
        return self._end(job, "cancelled", Cancelled(job.name, job.replaced), (), now, dispatch=False)

    def _paused(self, job: Job) -> list[Action]:
        job.state, job.stage, job.remaining_s = "paused", "paused", None
        job.stopping = job.pausing = False
        if self._training is job:
            self._training = None
        return self._stream(job, Progress(job.name, job.fraction, "paused", None), ())

    def _end(
        self,
        job: Job,
        state: JobState,
        final: BackendMessage,
        frames: Sequence[Any],
        now: float,
        *,
        dispatch: bool = True,
    ) -> list[Action]:
        actions = self._stream(job, final, frames)
        job.state, job.stage, job.frames, job.remaining_s = state, state, (), None
        job.stopping = job.pausing = job.resume_after = False
        job.watchers.clear()
        if job.kind == "train":
            job.final = final
        if job.kind != "train" and job in self._lanes[job.lane]:
            self._left_lane(job, now)
        if self._training is job:
            self._training = None
        ended = [old.name for old in self._jobs.values() if old.over and old.kind != "train"]
        for name in ended[:-REMEMBERED]:
            del self._jobs[name]
        return actions + (self._dispatch(now) if dispatch else [])

    def _tell(self, job: Job, now: float, *, at_once: bool) -> list[Action]:
        if not at_once and now - job.told < PROGRESS_INTERVAL_S:
            return []
        job.told = now
        return self._stream(job, Progress(job.name, job.fraction, job.stage, job.remaining_s), ())

    def _stream(self, job: Job, message: BackendMessage, frames: Sequence[Any]) -> list[Action]:
        return [Send(client, request, message, frames) for client, request in sorted(job.watchers)]


def _order(job: Job) -> tuple[int, int]:
    return job.priority, job.number


def _urgency(running: list[Job]) -> int:
    """Of a lane's innermost job; higher for those that matter less, highest for a free lane."""
    return running[-1].priority if running else len(PRIORITIES)


def _arrival(job: Job) -> int:
    return job.number


def _nbytes(frames: Sequence[Any]) -> int:
    return sum(memoryview(frame).nbytes for frame in frames)


def _estimate(job: Job, now: float) -> float | None:
    """Seconds left, from the average speed so far; None while too little has been done to tell."""
    elapsed = now - job.started
    if job.fraction < 0.02 or elapsed < 0.5:
        return None
    return elapsed / job.fraction * (1.0 - job.fraction)


def _unknown(name: str) -> Failed:
    unknown = JobUnknown(f"There is no job {name!r}.", remedy="Ask for the list of jobs: it may have ended.")
    return failure(unknown, name)


def _unsuitable(job: Job, verb: str) -> Failed:
    return failure(
        JobNotSuitable(
            f"{job.title!r} ({job.kind}, {job.state}) can't be {verb}.",
            remedy="Only training jobs that have not ended can be paused, resumed and watched.",
        )
    )
