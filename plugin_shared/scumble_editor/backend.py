"""What a plugin knows of the backend and asks of it, without its editor: over a `Channel`.

`Backend` is plain bookkeeping for one thread: call `pump` now and then (from a timer or when the channel says that
something arrived) and it routes what came to those who asked. It never waits. Jobs are in `job_list.py`, packs in
`known_packs.py`, previews in `previews.py`; the channel in `threaded_client.py` keeps sockets off an editor's main
thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scumble_wire.messages import (
    ClientMessage,
    Failed,
    GetStatus,
    JobInfo,
    Jobs,
    ListJobs,
    ListPacks,
    PackInfo,
    Packs,
    PacksChanged,
    Status,
    Thumbnail,
)
from scumble_wire.mix import MOST_STYLES

from .channel import Broken, Buffer, Channel, Delivery
from .choices import StyleChoices
from .job_list import JobList
from .jobs import Job, JobMessage
from .known_packs import KnownPacks, Picture
from .previews import PreviewSlot
from .topics import Topic, Topics, attempt
from .words import Problem, explain, problem_of

__all__ = ["Backend", "Delivery", "Job", "JobMessage", "Topic"]


@dataclass
class _Question:
    on_answer: Callable[[Delivery], None] | None
    on_problem: Callable[[Problem], None] | None


class Backend:
    """Everything that a plugin's windows show. Not for several threads.

    A handler that raises loses its own delivery and no other: a ScumbleError is told as it is, anything else as a
    mistake of the plugin.
    """

    def __init__(self, channel: Channel, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._channel = channel
        self._topics = Topics()
        self._questions: dict[int, _Question] = {}
        self._jobs = JobList(channel.post, self._ask_quietly, self._topics, clock)
        # A pack without a picture shows its name alone: no problem worth telling.
        self._packs = KnownPacks(lambda message: self._ask_quietly(message, lambda problem: None))
        self.status: Status | None = None
        self.connected = False
        self.preview = PreviewSlot(self._jobs.submit, self._jobs.cancel)
        self._pumping = False
        self._came_meanwhile = False

    # --- listening -------------------------------------------------------------------------------------

    def subscribe(self, topic: Topic, call: Callable[[], None]) -> Callable[[], None]:
        """Call `call` after something of the topic changed. Returns a function that ends it."""
        return self._topics.subscribe(topic, call)

    @property
    def problem(self) -> Problem | None:
        """What the plugin shows as having gone wrong; None: nothing."""
        return self._topics.problem

    def report(self, error: BaseException) -> Problem:
        """Show an error where the plugin shows errors."""
        problem = explain(error)
        self._topics.show(problem)
        return problem

    def dismiss_problem(self) -> None:
        self._topics.dismiss()

    # --- jobs ------------------------------------------------------------------------------------------

    @property
    def jobs(self) -> list[Job]:
        """What a list of jobs shows, oldest first."""
        return self._jobs.shown

    @property
    def other_jobs(self) -> list[JobInfo]:
        """Other programs' jobs."""
        return self._jobs.others

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

        An exception raised by on_done makes the job a failed one. listed: whether lists of jobs show it. The frames
        stay as they are until the job ends: if the backend goes away meanwhile, the next one gets them, once.
        """
        return self._jobs.submit(message, frames, on_done=on_done, on_end=on_end, listed=listed, title=title)

    def cancel(self, job: Job) -> None:
        """Ask the backend to stop; the job ends when the backend says so. Before it is accepted, right after."""
        self._jobs.cancel(job)

    def pause(self, job: Job) -> None:
        self._jobs.pause(job)

    def resume(self, job: Job) -> None:
        """Go on with a paused or failed training job."""
        self._jobs.resume(job)

    def dismiss(self, job: Job) -> None:
        """Take a finished job off the list."""
        self._jobs.dismiss(job)

    def cancel_all(self) -> None:
        """Ask for the end of every job but training, which goes on without us."""
        self._jobs.cancel_all()

    # --- packs -----------------------------------------------------------------------------------------

    @property
    def packs(self) -> list[PackInfo]:
        return self._packs.all

    @property
    def packs_known(self) -> bool:
        """False until the first list of packs came."""
        return self._packs.known

    @property
    def thumbnails(self) -> dict[str, Picture | None]:
        """Pictures by pack; None: asked for but not here yet, or the pack has none."""
        return self._packs.thumbnails

    def thumbnail(self, pack: str, side: int = 128) -> Picture | None:
        """A pack's picture, or None: then it is asked for, once, and `thumbnails` changes when it came."""
        return self._packs.thumbnail(pack, side)

    def painting(self, pack: str, side: int = 160) -> Picture | None:
        """The painting that a style was learned from, or None: asked for once, as `thumbnail` does."""
        return self._packs.painting(pack, side)

    def styles(self, search: str = "") -> list[PackInfo]:
        """Style packs whose title, authors, painting, description or tags hold every word searched for."""
        return self._packs.styles(search)

    def tags(self) -> list[str]:
        """Of all styles, in the user's language and its order, each once."""
        return self._packs.tags()

    def upscalers(self) -> list[PackInfo]:
        return self._packs.upscalers()

    def pack(self, name: str) -> PackInfo | None:
        return self._packs.pack(name)

    def has_boldness(self, choices: StyleChoices) -> bool:
        """Whether the axis from faithful to bold does anything with the chosen styles."""
        packs = [self.pack(name) for name in choices.packs]
        return any(pack is not None and pack.boldness for pack in packs)

    def another_style(self, choices: StyleChoices) -> str:
        """A style to mix in: one that isn't in the mix yet, if there is one on the same network; empty: none left."""
        mixed = [self.pack(name) for name in choices.packs]
        networks = {pack.network for pack in mixed if pack is not None}
        left = [pack for pack in self.styles() if pack.id not in choices.packs]
        near = [pack for pack in left if pack.network in networks]
        return (near or left)[0].id if left and len(choices.parts) < MOST_STYLES else ""

    def mixed_as_pictures(self, choices: StyleChoices) -> bool:
        """Whether the styles stand on different networks, so that their pictures are mixed, not their manners."""
        packs = [self.pack(name) for name in choices.packs]
        return len({pack.network for pack in packs if pack is not None}) > 1

    @property
    def titles(self) -> dict[str, str]:
        return {pack.id: pack.title for pack in self.packs}

    # --- questions -------------------------------------------------------------------------------------

    def ask(
        self,
        message: ClientMessage,
        frames: Sequence[Buffer] = (),
        on_answer: Callable[[Delivery], None] | None = None,
        on_problem: Callable[[Problem], None] | None = None,
    ) -> int:
        """Send a message that has one answer. A `Failed` goes to on_problem, or to `problem` without one."""
        ticket = self._channel.post(message, frames)
        self._questions[ticket] = _Question(on_answer, on_problem)
        return ticket

    def _ask_quietly(self, message: ClientMessage, on_problem: Callable[[Problem], None] | None) -> None:
        self.ask(message, on_problem=on_problem)

    def refresh_packs(self) -> None:
        self.ask(ListPacks())

    def refresh_status(self) -> None:
        self.ask(GetStatus())

    def refresh_jobs(self) -> None:
        """Learn of other programs' jobs, and watch training that an earlier session of ours has left running."""
        self.ask(ListJobs())

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
                for item in self._channel.receive():
                    # What routing itself gets wrong is shown, and the next delivery is routed all the same.
                    self._topics.show(attempt(self._lost if isinstance(item, Broken) else self._route, item))
                    count += isinstance(item, Delivery)
        finally:
            self._pumping = False
        return count

    def _lost(self, broken: Broken) -> None:
        problem = explain(broken.error)
        self.connected, self.status = False, None
        for ticket in [ticket for ticket in self._questions if ticket <= broken.last_ticket]:
            question = self._questions.pop(ticket)
            if question.on_problem is not None:
                self._topics.show(attempt(question.on_problem, problem))
        self._packs.forget_unanswered()
        if not self._jobs.lost(broken):  # else another backend is on its way
            self._topics.show(problem)
        self._topics.changed("connection")

    def _route(self, delivery: Delivery) -> None:
        if not self.connected:
            self.connected = True
            self._topics.changed("connection")
        if self._jobs.take(delivery):
            return
        question = self._questions.pop(delivery.ticket, None)
        message = delivery.message
        if isinstance(message, Failed) and question is not None:
            problem = problem_of(message)
            if question.on_problem is not None:
                question.on_problem(problem)
            else:
                self._topics.show(problem)
            return
        self._learn(delivery)
        if question is not None and question.on_answer is not None:
            question.on_answer(delivery)

    def _learn(self, delivery: Delivery) -> None:
        message = delivery.message
        if isinstance(message, Packs):
            self._packs.take(message)
            self._topics.changed("packs")
        elif isinstance(message, PacksChanged):
            if message.revision != self._packs.revision:
                self._packs.forget_pictures()
                self.refresh_packs()
        elif isinstance(message, Thumbnail):
            self._packs.take_picture(delivery, message)
            self._topics.changed("thumbnails")
        elif isinstance(message, Status):
            self.status = message
            self._topics.changed("status")
        elif isinstance(message, Jobs):
            self._jobs.learn_others(message.jobs)

    def close(self) -> None:
        self._channel.close()
