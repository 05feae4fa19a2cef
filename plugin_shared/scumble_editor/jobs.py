"""One job as a plugin shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scumble_wire.messages import Copy, JobKind, JobState, Stylize, Train, Upscale, Watch

from .channel import Buffer, Delivery
from .words import STATES, Problem, progress_text, tr

JobMessage = Stylize | Upscale | Copy | Train | Watch

KIND_OF: dict[type, JobKind] = {
    Stylize: "stylize",
    Upscale: "upscale",
    Copy: "copy",
    Train: "train",
    Watch: "train",
}


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
    pack: str = ""  # the style that a training has made
    marks: dict[str, float] = field(default_factory=dict)  # when posted, accepted, arrived; seconds of the clock
    on_done: Callable[[Job, Delivery], None] | None = None
    on_end: Callable[[Job], None] | None = None
    cancel_asked: bool = False
    listed: bool = True  # False: a preview, whose troubles its asker shows
    request: tuple[JobMessage, Sequence[Buffer]] | None = None  # while it is open, to offer it to another backend
    sent_again: bool = False  # the backend it was sent to first is gone

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
