"""The window of the trainings: preview, progress, pause and stop. Closing it leaves them running."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from gi.repository import GimpUi, Gtk

from scumble_editor.backend import Delivery, Job
from scumble_editor.kept import KeptFile
from scumble_wire.messages import Train, Trained, TrainPreview

from ..records import kept_file
from ..session import Session
from ..texts import DOMAIN, _
from . import pictures
from .troubles import TroubleBar

SIDE = 300  # pixels of a preview


def watch(session: Session, message: Train | None = None, frames: Sequence[Any] = ()) -> None:
    """Start a training, or none, and show all that run until a person closes the window."""
    GimpUi.init(DOMAIN)
    window = TrainingWindow(session)
    with session.main_loop():
        job = _submitted(session, message, frames) if message is not None else None
        session.backend.refresh_jobs()
        window.dialog.run()
    window.close()
    if job is not None:
        session.until_accepted(job)  # whoever closes the window at once has started it all the same


def _submitted(session: Session, message: Train, frames: Sequence[Any]) -> Job:
    """Start a training; how long it took is kept when it ends while we look."""

    def learned(_job: Job, delivery: Delivery) -> None:
        if isinstance(delivery.message, Trained) and not message.recipe:
            with contextlib.suppress(OSError):  # only a figure would be lost
                KeptFile(kept_file()).add_training(message.quality, delivery.message.seconds)

    return session.backend.submit(message, frames, title=message.name, on_done=learned)


class TrainingWindow:
    """One row for each training."""

    def __init__(self, session: Session) -> None:
        self._backend = session.backend
        self._rows: dict[int, _Row] = {}
        self.dialog = GimpUi.Dialog(title=_("Training"), role="scumble-training")
        self.dialog.add_button(_("_Close"), Gtk.ResponseType.CLOSE)
        self._list = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12, border_width=12)
        self._none = Gtk.Label(label=_("No training runs."), margin=24)
        self._hint = Gtk.Label(
            label=_("A training goes on when you close this window."), xalign=0, margin_start=12, margin_bottom=6
        )
        self._hint.get_style_context().add_class("dim-label")
        area = self.dialog.get_content_area()
        area.pack_start(TroubleBar(session.backend, session.backend.refresh_jobs), False, False, 0)
        area.pack_start(self._none, False, False, 0)
        area.pack_start(self._list, True, True, 0)
        area.pack_start(self._hint, False, False, 0)
        for widget in (self._list, self._hint):
            widget.show()
        self._end = session.backend.subscribe("jobs", self._follow)
        self._follow()

    def close(self) -> None:
        self._end()
        self.dialog.destroy()

    def _follow(self) -> None:
        jobs = [job for job in self._backend.jobs if job.kind == "train"]
        for job in jobs:
            if job.ticket not in self._rows:
                row = self._rows[job.ticket] = _Row(self._backend, job)
                self._list.pack_start(row, False, False, 0)
            self._rows[job.ticket].show_job(job)
        gone = set(self._rows) - {job.ticket for job in jobs}
        for ticket in gone:
            self._rows.pop(ticket).destroy()
        self._none.set_visible(not jobs)


class _Row(Gtk.Box):
    def __init__(self, backend: Any, job: Job) -> None:
        super().__init__(spacing=12)
        self._backend, self._job = backend, job
        self._shown: Delivery | None = None
        self._picture = Gtk.Image.new_from_icon_name("image-loading", Gtk.IconSize.DIALOG)
        self._picture.set_size_request(SIDE, SIDE)
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(self._picture)
        self._title = Gtk.Label(xalign=0)
        self._bar = Gtk.ProgressBar()
        self._line = Gtk.Label(xalign=0, wrap=True, max_width_chars=40, width_chars=40)
        self._steps = Gtk.Label(xalign=0)
        self._pause = Gtk.Button.new_with_mnemonic(_("_Pause"))
        self._pause.connect("clicked", self._pause_or_resume)
        self._stop = Gtk.Button.new_with_mnemonic(_("_Stop"))
        self._stop.set_tooltip_text(_("End this training; what it has learned is lost."))
        self._stop.connect("clicked", lambda _button: backend.cancel(self._job))
        buttons = Gtk.Box(spacing=6)
        buttons.pack_start(self._pause, False, False, 0)
        buttons.pack_start(self._stop, False, False, 0)
        text = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, valign=Gtk.Align.CENTER)
        for widget in (self._title, self._bar, self._line, self._steps, buttons):
            text.pack_start(widget, False, False, 0)
        self.pack_start(frame, False, False, 0)
        self.pack_start(text, True, True, 0)
        self.show_all()

    def show_job(self, job: Job) -> None:
        self._job = job
        self._title.set_text(job.title)
        self._bar.set_fraction(job.fraction)
        self._line.set_text(_("The style is finished: it is in Stylize now.") if job.state == "done" else job.text)
        self._pause.set_visible(job.open)
        self._stop.set_visible(job.open)
        self._pause.set_sensitive(bool(job.id) and not job.cancel_asked)
        self._pause.set_label(_("_Resume") if job.state == "paused" else _("_Pause"))
        if job.preview is not None and job.preview is not self._shown:
            self._shown = job.preview
            told = job.preview.message
            assert isinstance(told, TrainPreview)
            picture = pictures.pixbuf(told.image, job.preview.frames[told.image.frame])
            self._picture.set_from_pixbuf(pictures.fit(picture, SIDE))
            self._steps.set_text(_("Step {step} of {steps}", step=told.step, steps=told.steps))

    def _pause_or_resume(self, _button: Any) -> None:
        if self._job.state == "paused":
            self._backend.resume(self._job)
        else:
            self._backend.pause(self._job)
