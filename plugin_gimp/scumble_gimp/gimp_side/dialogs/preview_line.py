"""The line below a preview: that it is being painted, why it could not be, or a note."""

from __future__ import annotations

from gi.repository import Gtk, Pango

from scumble_editor.backend import Backend, Job

from ..stopwatch import note_seen
from ..texts import _


class PreviewLine(Gtk.Box):
    """A text and a spinner. `painting`: a preview is asked for; `ended`: the preview slot's on_end."""

    def __init__(self, backend: Backend, note: str = "") -> None:
        """note: said whenever there is nothing else to say."""
        super().__init__(spacing=6)
        self._backend, self.note = backend, note
        self._label = Gtk.Label(xalign=1, ellipsize=Pango.EllipsizeMode.END)
        self._spinner = Gtk.Spinner()
        self.pack_start(self._label, True, True, 0)
        self.pack_start(self._spinner, False, False, 0)

    def painting(self) -> None:
        self._label.set_text(_("Painting") + "…")
        self._label.set_tooltip_text("")
        self._spinner.start()
        note_seen(line=self._label.get_text(), turning=True)

    def tell(self, text: str) -> None:
        """Show a line instead of the spinner; what does not fit is seen by pointing at it."""
        self._spinner.stop()
        self._label.set_text(text)
        self._label.set_tooltip_text(text)
        note_seen(line=text, turning=False)

    def ended(self, job: Job) -> None:
        if not self._backend.preview.busy:
            self.tell(self.note if job.problem is None else job.problem.text)
