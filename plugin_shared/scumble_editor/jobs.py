"""The pieces of `backend.py`: what carries messages, one job, and the slot for previews."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from scumble_wire.messages import BackendMessage, ClientMessage, JobKind, JobState, Stylize, Upscale

from .words import STATES, Problem, progress_text, tr

if TYPE_CHECKING:
    from .backend import Backend

Buffer = Any  # bytes, bytearray, memoryview: whatever has the buffer protocol


class Delivery(NamedTuple):
    """Something that came: which ticket it answers (0: nobody's), what it says, its raw frames."""

    ticket: int
    message: BackendMessage
    frames: Sequence[Buffer]


class Transport(Protocol):
    """Carries messages without ever waiting. `receive` raises ScumbleError once when the connection broke."""

    def post(self, message: ClientMessage, frames: Sequence[Buffer] = ()) -> int: ...

    def receive(self) -> list[Delivery]: ...

    def close(self) -> None: ...


@dataclass
class Job:
    """One job of this plugin, or one it watches."""

    ticket: int
    kind: JobKind
    title: str
    state: JobState = "waiting"
    id: str = ""  # the backend's name for it, once it is known
    fraction: float = 0.0
    stage: str = "waiting"
    remaining_s: float | None = None  # seconds
    problem: Problem | None = None
    note: str = ""
    preview: Delivery | None = None  # the newest TrainPreview
    marks: dict[str, float] = field(
        default_factory=dict
    )  # when it was posted, accepted, arrived; seconds of the clock
    on_done: Callable[[Job, Delivery], None] | None = None
    on_end: Callable[[Job], None] | None = None
    cancel_asked: bool = False
    listed: bool = True  # False: a preview, whose troubles its asker shows

    @property
    def open(self) -> bool:
        return self.state in ("waiting", "running", "paused")

    @property
    def text(self) -> str:
        """The state in one line: "Painting, 40 %, about 12 s left"."""
        if self.problem is not None:
            return self.problem.text
        if self.open:
            return tr("Stopping") if self.cancel_asked else progress_text(self.stage, self.fraction, self.remaining_s)
        return " ".join(part for part in (tr(STATES[self.state]) + ("." if self.note else ""), self.note) if part)


class PreviewSlot:
    """At most one preview under way; a newer one waits for it, and the newest that waits wins.

    One that asks for other styles does not wait: the backend drops the older one of the same client.
    """

    def __init__(self, backend: Backend) -> None:
        self._studio = backend
        self._job: Job | None = None
        self._asked: Stylize | Upscale | None = None
        self._next: tuple[Any, ...] | None = None

    @property
    def busy(self) -> bool:
        """Whether a picture is still to come; no more so when on_end hears of the last one."""
        return self._job is not None or self._next is not None

    def show(
        self,
        message: Stylize | Upscale,
        frames: Sequence[Buffer],
        on_picture: Callable[[Job, Delivery], None],
        on_end: Callable[[Job], None] | None = None,
    ) -> None:
        """Ask for a picture; on_picture gets it unless a newer one was asked for, on_end hears how it ended."""
        if self._job is not None and self._asked is not None and _same_styles(self._asked, message):
            self._next = (message, frames, on_picture, on_end)
            return
        self._next = None
        self._send(message, frames, on_picture, on_end)

    def drop(self) -> None:
        """Forget what is under way; its picture is not delivered any more."""
        job, self._job, self._next = self._job, None, None
        if job is not None:
            self._studio.cancel(job)

    def _send(
        self,
        message: Stylize | Upscale,
        frames: Sequence[Buffer],
        on_picture: Callable[[Job, Delivery], None],
        on_end: Callable[[Job], None] | None,
    ) -> None:
        def done(job: Job, delivery: Delivery) -> None:
            if job is self._job:
                on_picture(job, delivery)

        def ended(job: Job) -> None:
            if job is not self._job:
                return
            self._job = None
            if on_end is not None:
                on_end(job)
            if self._next is not None:
                following, self._next = self._next, None
                self._send(*following)

        self._asked = message
        self._job = self._studio.submit(message, frames, on_done=done, on_end=ended, listed=False)


def _same_styles(one: Stylize | Upscale, other: Stylize | Upscale) -> bool:
    if not isinstance(one, Stylize) or not isinstance(other, Stylize):
        return False
    return [style.pack for style in one.styles] == [style.pack for style in other.styles]
