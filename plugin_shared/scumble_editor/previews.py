"""The slot for previews: at most one under way, and the newest wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from scumble_wire.messages import Stylize, Upscale

from .channel import Buffer, Delivery
from .jobs import Job

OnPicture = Callable[[Job, Delivery], None]
OnEnd = Callable[[Job], None]


class Submit(Protocol):
    """`JobList.submit`."""

    def __call__(
        self,
        message: Stylize | Upscale,
        frames: Sequence[Buffer],
        *,
        on_done: OnPicture,
        on_end: OnEnd,
        listed: bool,
    ) -> Job: ...


class PreviewSlot:
    """At most one preview under way; a newer one waits for it, and the newest that waits wins.

    One that asks for other styles does not wait: the backend drops the older one of the same client.
    """

    def __init__(self, submit: Submit, cancel: OnEnd) -> None:
        """submit: starts a job; cancel: asks for its end."""
        self._submit = submit
        self._cancel = cancel
        self._job: Job | None = None
        self._asked: Stylize | Upscale | None = None
        self._next: tuple[Stylize | Upscale, Sequence[Buffer], OnPicture, OnEnd | None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a picture is still to come; already False when on_end hears of the last one."""
        return self._job is not None or self._next is not None

    def show(
        self,
        message: Stylize | Upscale,
        frames: Sequence[Buffer],
        on_picture: OnPicture,
        on_end: OnEnd | None = None,
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
            self._cancel(job)

    def _send(
        self, message: Stylize | Upscale, frames: Sequence[Buffer], on_picture: OnPicture, on_end: OnEnd | None
    ) -> None:
        def done(job: Job, delivery: Delivery) -> None:
            if job is self._job:
                on_picture(job, delivery)

        def ended(job: Job) -> None:
            if job is not self._job:
                return
            self._job = None
            try:
                if on_end is not None:
                    on_end(job)
            finally:  # the picture that waits must not be lost by a fault in the one before
                if self._next is not None:
                    following, self._next = self._next, None
                    self._send(*following)

        self._asked = message
        self._job = self._submit(message, frames, on_done=done, on_end=ended, listed=False)


def _same_styles(one: Stylize | Upscale, other: Stylize | Upscale) -> bool:
    if not isinstance(one, Stylize) or not isinstance(other, Stylize):
        return False
    return [style.pack for style in one.styles] == [style.pack for style in other.styles]
