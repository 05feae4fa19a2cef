"""The jobs of a plugin: started, followed, ended, and offered to the next backend when theirs is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scumble_wire.errors import ConnectionLost
from scumble_wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    ClientMessage,
    Failed,
    ImageResult,
    JobInfo,
    JobState,
    Pause,
    Progress,
    Resume,
    Trained,
    TrainPreview,
    Watch,
)

from .channel import Broken, Buffer, Delivery
from .jobs import KIND_OF, Job, JobMessage
from .topics import Topics, attempt
from .words import Problem, explain, problem_of, tr, twice_lost, without_another

FINISHED_KEPT = 12  # lines of finished jobs that stay in the list

Post = Callable[[ClientMessage, Sequence[Buffer]], int]
Ask = Callable[[ClientMessage, Callable[[Problem], None] | None], None]


class JobList:
    """Jobs by ticket, and the list that is shown."""

    def __init__(self, post: Post, ask: Ask, topics: Topics, clock: Callable[[], float]) -> None:
        """post: sends a message and returns its ticket. ask: sends one that has a single answer."""
        self._post = post
        self._ask = ask
        self._topics = topics
        self._clock = clock
        self._open: dict[int, Job] = {}  # by ticket; the hidden previews, too
        self._watched: set[str] = set()
        self.shown: list[Job] = []  # oldest first
        self.others: list[JobInfo] = []  # other programs' jobs

    # --- what a person asks for --------------------------------------------------------------------------

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
        """Start a job; see `Backend.submit`."""
        started = self._clock()
        ticket = self._post(message, frames)
        title = title or ("" if isinstance(message, Watch) else message.title)
        job = Job(ticket, KIND_OF[type(message)], title, on_done=on_done, on_end=on_end, listed=listed)
        job.request = message, frames
        job.marks["posted"] = started
        self._open[ticket] = job
        if listed:
            self.shown.append(job)
            self._topics.changed("jobs")
        return job

    def cancel(self, job: Job) -> None:
        """Ask the backend to stop; the job ends when the backend says so."""
        if not job.open or job.cancel_asked:
            return
        job.cancel_asked = True
        if job.id:
            self._ask(Cancel(job.id), None)
        self._topics.changed("jobs")

    def pause(self, job: Job) -> None:
        if job.open and job.id:
            self._ask(Pause(job.id), None)

    def resume(self, job: Job) -> None:
        """Go on with a paused or failed training job."""
        if not job.id:
            return
        self._ask(Resume(job.id), None)
        if not job.open:
            self.dismiss(job)
            self._watch(job.id, job.title)

    def dismiss(self, job: Job) -> None:
        """Take a finished job off the list."""
        if not job.open and job in self.shown:
            self.shown.remove(job)
            self._topics.changed("jobs")

    def cancel_all(self) -> None:
        """Ask for the end of every job but training, which goes on without us."""
        for job in list(self._open.values()):
            if job.kind != "train":
                self.cancel(job)

    # --- what comes --------------------------------------------------------------------------------------

    def take(self, delivery: Delivery) -> bool:
        """Take what belongs to a job; False for anything else."""
        job = self._open.get(delivery.ticket)
        if job is None:
            return False
        message = delivery.message
        if isinstance(message, Accepted):
            job.id = message.job
            job.marks["accepted"] = self._clock()
            if job.cancel_asked:
                self._ask(Cancel(job.id), lambda problem: None)  # it may have ended in between
        elif isinstance(message, Progress):
            job.fraction, job.stage, job.remaining_s = message.fraction, message.stage, message.remaining_s
            states: dict[str, JobState] = {"waiting": "waiting", "paused": "paused"}
            job.state = states.get(message.stage, "running")
        elif isinstance(message, TrainPreview):
            job.preview = delivery
        elif isinstance(message, (ImageResult, Trained)):
            job.pack = message.pack.id if isinstance(message, Trained) else ""
            self._finish(job, delivery, message.note)
            return True
        elif isinstance(message, Cancelled):
            self._end(job, "cancelled")
            return True
        elif isinstance(message, Failed):
            self._end(job, "failed", problem_of(message))
            return True
        self._topics.changed("jobs")
        return True

    def learn_others(self, jobs: Sequence[JobInfo]) -> None:
        """Take the backend's list: other programs' jobs, and training that an earlier session of ours has left."""
        known = {job.id for job in self._open.values()} | self._watched
        self.others = [info for info in jobs if not info.mine and info.job not in known]
        for info in list(self.others):
            if info.kind == "train" and info.state in ("waiting", "running", "paused"):
                self.others.remove(info)
                self._watch(info.job, info.title)
        self._topics.changed("jobs")

    def lost(self, broken: Broken) -> bool:
        """The connection ended. Pictures that were under way are sent again, once: the next backend takes them.

        Returns whether any was.
        """
        self._watched.clear()
        again = False
        for job in [job for ticket, job in self._open.items() if ticket <= broken.last_ticket]:
            if job.cancel_asked and job.kind != "train":
                self._end(job, "cancelled")
            elif isinstance(broken.error, ConnectionLost) and job.kind != "train" and not job.sent_again:
                self._send_again(job)
                again = True
            elif not job.sent_again:
                self._end(job, "failed", explain(broken.error))
            elif isinstance(broken.error, ConnectionLost):
                self._end(job, "failed", twice_lost(broken.error))
            else:
                self._end(job, "failed", without_another(broken.error))
        return again

    # --- inside ------------------------------------------------------------------------------------------

    def _send_again(self, job: Job) -> None:
        assert job.request is not None  # it is open
        del self._open[job.ticket]
        job.ticket = self._post(*job.request)
        self._open[job.ticket] = job
        job.sent_again, job.id = True, ""
        job.state, job.stage, job.fraction, job.remaining_s = "waiting", "waiting", 0.0, None
        self._topics.changed("jobs")

    def _watch(self, name: str, title: str) -> None:
        self._watched.add(name)
        self.submit(Watch(name), title=title).id = name

    def _finish(self, job: Job, delivery: Delivery, note: str) -> None:
        job.marks["arrived"] = self._clock()
        told = tr("The backend had ended and was started again.") if job.sent_again else ""
        job.note = f"{note} {told}".strip()
        if job.cancel_asked and job.kind != "train":
            self._end(job, "cancelled")  # it was finished already when the wish to stop came: leave the layer alone
            return
        problem = attempt(job.on_done, job, delivery) if job.on_done is not None else None
        if job.open:
            self._end(job, "failed" if problem else "done", problem)

    def _end(self, job: Job, state: JobState, problem: Problem | None = None) -> None:
        self._open.pop(job.ticket, None)
        job.state, job.problem = state, problem
        if state == "done":
            job.fraction = 1.0
        on_end = job.on_end
        job.request = job.on_done = job.on_end = None  # a line in a list holds no pixels
        failed = attempt(on_end, job) if on_end is not None else None
        for old in [each for each in self.shown if not each.open][:-FINISHED_KEPT]:
            self.shown.remove(old)
        self._topics.show(failed or (problem if job.listed else None))
        self._topics.changed("jobs")
