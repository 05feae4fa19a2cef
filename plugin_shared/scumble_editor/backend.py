"""What a plugin knows and does without its editor: jobs, packs, previews, problems, over a `Transport`.

`Backend` is plain bookkeeping for one thread: call `pump` now and then (from a timer or when the transport says that
something arrived) and it routes what came to those who asked. It never waits. Texts are in `words.py`, choices in
`choices.py`, rectangles in `areas.py`; the transport in
`threaded_client.py` keeps sockets off an editor's main thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from scumble_wire.errors import BackendFailed, ScumbleError
from scumble_wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    ClientMessage,
    Copy,
    Failed,
    GetStatus,
    GetThumbnail,
    ImageInfo,
    ImageResult,
    JobInfo,
    JobKind,
    Jobs,
    JobState,
    ListJobs,
    ListPacks,
    PackInfo,
    Packs,
    PacksChanged,
    Pause,
    Progress,
    Resume,
    Status,
    Stylize,
    Thumbnail,
    Train,
    Trained,
    TrainPreview,
    Upscale,
    Watch,
)

from .jobs import Buffer, Delivery, Job, PreviewSlot, Transport
from .words import Problem, explain

Topic = Literal["jobs", "packs", "thumbnails", "status", "problem", "connection"]
JobMessage = Stylize | Upscale | Copy | Train | Watch

__all__ = ["Backend", "Delivery", "Job", "JobMessage", "PreviewSlot", "Topic", "Transport"]

FINISHED_KEPT = 12  # lines of finished jobs that stay in the list


@dataclass
class _Question:
    on_answer: Callable[[Delivery], None] | None
    on_problem: Callable[[Problem], None] | None


class Backend:
    """Everything that a plugin's windows show. Not for several threads."""

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._subscribers: list[tuple[Topic, Callable[[], None]]] = []
        self._jobs: dict[int, Job] = {}  # by ticket; every open one and the hidden previews
        self._questions: dict[int, _Question] = {}
        self._watched: set[str] = set()
        self.jobs: list[Job] = []  # what a list of jobs shows, oldest first
        self.other_jobs: list[JobInfo] = []  # other programs' jobs
        self.packs: list[PackInfo] = []
        self.packs_known = False
        self.revision = -1
        self.thumbnails: dict[str, tuple[ImageInfo, Buffer] | None] = {}  # None: asked for, or has none
        self.status: Status | None = None
        self.problem: Problem | None = None
        self.connected = False
        self.preview = PreviewSlot(self)
        self._pumping = False
        self._came_meanwhile = False

    # --- listening -------------------------------------------------------------------------------------

    def subscribe(self, topic: Topic, call: Callable[[], None]) -> Callable[[], None]:
        """Call `call` after something of the topic changed. Returns a function that ends it."""
        entry = (topic, call)
        self._subscribers.append(entry)

        def end() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)

        return end

    def _changed(self, topic: Topic) -> None:
        for each, call in list(self._subscribers):
            if each == topic:
                call()

    def report(self, error: BaseException) -> Problem:
        """Show an error where the plugin shows errors."""
        self.problem = explain(error)
        self._changed("problem")
        return self.problem

    def dismiss_problem(self) -> None:
        if self.problem is not None:
            self.problem = None
            self._changed("problem")

    # --- jobs ------------------------------------------------------------------------------------------

    def submit(
        self,
        message: JobMessage,
        frames: Sequence[Buffer] = (),
        *,
        on_done: Callable[[Job, Delivery], None] | None = None,
        on_end: Callable[[Job], None] | None = None,
        listed: bool = True,
        title: str = "",
    ) -> Job:
        """Start a job. on_done gets its result; on_end is called last, however it ended.

        A ScumbleError raised by on_done makes the job a failed one. listed: whether lists of jobs show it.
        """
        started = self._clock()
        ticket = self._transport.post(message, frames)
        kind: JobKind = (
            "train"
            if isinstance(message, (Train, Watch))
            else "upscale"
            if isinstance(message, Upscale)
            else "copy"
            if isinstance(message, Copy)
            else "stylize"
        )
        job = Job(ticket, kind, title or getattr(message, "title", ""), on_done=on_done, on_end=on_end)
        job.marks["posted"] = started
        job.listed = listed
        self._jobs[ticket] = job
        if listed:
            self.jobs.append(job)
            self._changed("jobs")
        return job

    def cancel(self, job: Job) -> None:
        """Ask the backend to stop; the job ends when the backend says so. Before it is accepted, right after."""
        if not job.open or job.cancel_asked:
            return
        job.cancel_asked = True
        if job.id:
            self.ask(Cancel(job.id))
        self._changed("jobs")

    def pause(self, job: Job) -> None:
        if job.open and job.id:
            self.ask(Pause(job.id))

    def resume(self, job: Job) -> None:
        """Go on with a paused or failed training job."""
        if not job.id:
            return
        self.ask(Resume(job.id))
        if not job.open:
            self.dismiss(job)
            self._watch(job.id, job.title)

    def dismiss(self, job: Job) -> None:
        """Take a finished job off the list."""
        if not job.open and job in self.jobs:
            self.jobs.remove(job)
            self._changed("jobs")

    def cancel_all(self) -> None:
        """Ask for the end of every job but training, which goes on without us."""
        for job in list(self._jobs.values()):
            if job.kind != "train":
                self.cancel(job)

    def _watch(self, name: str, title: str) -> None:
        self._watched.add(name)
        job = self.submit(Watch(name), title=title)
        job.id = name

    def _end(self, job: Job, state: JobState, problem: Problem | None = None) -> None:
        self._jobs.pop(job.ticket, None)
        job.state, job.problem = state, problem
        if state == "done":
            job.fraction = 1.0
        if job.on_end is not None:
            job.on_end(job)
        for old in [each for each in self.jobs if not each.open][:-FINISHED_KEPT]:
            self.jobs.remove(old)
        if problem is not None and job.listed:
            self.problem = problem
            self._changed("problem")
        self._changed("jobs")

    # --- questions -------------------------------------------------------------------------------------

    def ask(
        self,
        message: ClientMessage,
        frames: Sequence[Buffer] = (),
        on_answer: Callable[[Delivery], None] | None = None,
        on_problem: Callable[[Problem], None] | None = None,
    ) -> int:
        """Send a message that has one answer. A `Failed` goes to on_problem, or to `problem` without one."""
        ticket = self._transport.post(message, frames)
        self._questions[ticket] = _Question(on_answer, on_problem)
        return ticket

    def refresh_packs(self) -> None:
        self.ask(ListPacks())

    def refresh_status(self) -> None:
        self.ask(GetStatus())

    def refresh_jobs(self) -> None:
        """Learn of other programs' jobs, and watch training that an earlier session of ours has left running."""
        self.ask(ListJobs())

    def thumbnail(self, pack: str, side: int = 128) -> tuple[ImageInfo, Buffer] | None:
        """A pack's picture, or None: then it is asked for, once, and `thumbnails` changes when it came."""
        if pack not in self.thumbnails:
            self.thumbnails[pack] = None
            # A pack without a picture shows its name alone: no problem worth telling.
            self.ask(GetThumbnail(pack, side), on_problem=lambda problem: None)
        return self.thumbnails[pack]

    def styles(self, search: str = "") -> list[PackInfo]:
        """Style packs whose title, authors, painting or description hold every word searched for."""
        words = search.casefold().split()
        found = []
        for pack in self.packs:
            text = " ".join([pack.title, pack.painting, pack.description, pack.id, *pack.authors]).casefold()
            if pack.kind != "upscale" and all(word in text for word in words):
                found.append(pack)
        return sorted(found, key=lambda pack: pack.title.casefold())

    def upscalers(self) -> list[PackInfo]:
        return [pack for pack in self.packs if pack.kind == "upscale"]

    def pack(self, name: str) -> PackInfo | None:
        return next((pack for pack in self.packs if pack.id == name), None)

    @property
    def titles(self) -> dict[str, str]:
        return {pack.id: pack.title for pack in self.packs}

    # --- what comes ------------------------------------------------------------------------------------

    def pump(self) -> int:
        """Route everything that came; never waits. Returns how many deliveries there were.

        An editor may turn its event loop inside of what a delivery sets off, and so call this again: then nothing is
        done, and the call that is under way takes what came in between, in its order.
        """
        if self._pumping:
            self._came_meanwhile = True
            return 0
        self._pumping, count = True, 0
        try:
            self._came_meanwhile = True
            while self._came_meanwhile:
                self._came_meanwhile = False
                count += self._pump_once()
        finally:
            self._pumping = False
        return count

    def _pump_once(self) -> int:
        try:
            deliveries = self._transport.receive()
        except ScumbleError as error:
            self._lost(error)
            return 0
        for delivery in deliveries:
            if not self.connected:
                self.connected = True
                self._changed("connection")
            self._route(delivery)
        return len(deliveries)

    def _lost(self, error: ScumbleError) -> None:
        problem = explain(error)
        self.connected, self.status = False, None
        questions, self._questions = self._questions, {}
        for question in questions.values():
            if question.on_problem is not None:
                question.on_problem(problem)
        self._watched.clear()
        self.thumbnails = {name: picture for name, picture in self.thumbnails.items() if picture is not None}
        for job in list(self._jobs.values()):
            self._end(job, "failed", problem)
        self.problem = problem
        self._changed("problem")
        self._changed("connection")

    def _route(self, delivery: Delivery) -> None:
        job = self._jobs.get(delivery.ticket)
        if job is not None:
            self._route_to_job(job, delivery)
            return
        question = self._questions.pop(delivery.ticket, None)
        message = delivery.message
        if isinstance(message, Failed) and question is not None:
            problem = explain(BackendFailed(message.code, message.message, remedy=message.remedy))
            if question.on_problem is not None:
                question.on_problem(problem)
            else:
                self.problem = problem
                self._changed("problem")
            return
        self._learn(delivery)
        if question is not None and question.on_answer is not None:
            question.on_answer(delivery)

    def _learn(self, delivery: Delivery) -> None:
        message = delivery.message
        if isinstance(message, Packs):
            self.packs, self.revision, self.packs_known = list(message.packs), message.revision, True
            self._changed("packs")
        elif isinstance(message, PacksChanged):
            if message.revision != self.revision:
                self.thumbnails = {}
                self.refresh_packs()
        elif isinstance(message, Thumbnail):
            self.thumbnails[message.pack] = (message.image, delivery.frames[message.image.frame])
            self._changed("thumbnails")
        elif isinstance(message, Status):
            self.status = message
            self._changed("status")
        elif isinstance(message, Jobs):
            known = {job.id for job in self._jobs.values()} | self._watched
            self.other_jobs = [info for info in message.jobs if not info.mine and info.job not in known]
            for info in list(self.other_jobs):
                if info.kind == "train" and info.state in ("waiting", "running", "paused"):
                    self.other_jobs.remove(info)
                    self._watch(info.job, info.title)
            self._changed("jobs")

    def _route_to_job(self, job: Job, delivery: Delivery) -> None:
        message = delivery.message
        if isinstance(message, Accepted):
            job.id = message.job
            job.marks["accepted"] = self._clock()
            if job.cancel_asked:
                self.ask(Cancel(job.id), on_problem=lambda problem: None)  # it may have ended in between
        elif isinstance(message, Progress):
            job.fraction, job.stage, job.remaining_s = message.fraction, message.stage, message.remaining_s
            states: dict[str, JobState] = {"waiting": "waiting", "paused": "paused"}
            job.state = states.get(message.stage, "running")
        elif isinstance(message, TrainPreview):
            job.preview = delivery
        elif isinstance(message, (ImageResult, Trained)):
            job.marks["arrived"] = self._clock()
            job.note = message.note
            self._finish(job, delivery)
            return
        elif isinstance(message, Cancelled):
            self._end(job, "cancelled")
            return
        elif isinstance(message, Failed):
            self._end(job, "failed", explain(BackendFailed(message.code, message.message, remedy=message.remedy)))
            return
        self._changed("jobs")

    def _finish(self, job: Job, delivery: Delivery) -> None:
        if job.cancel_asked and job.kind != "train":
            self._end(job, "cancelled")  # it was finished already when the wish to stop came: leave the layer alone
            return
        try:
            if job.on_done is not None:
                job.on_done(job, delivery)
        except ScumbleError as error:
            self._end(job, "failed", explain(error))
        else:
            self._end(job, "done")

    def close(self) -> None:
        self._transport.close()
