"""A bar at the top of a dialog that tells a problem in plain words; offers to try again and to copy a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, Gimp, Gtk

from scumble_editor.backend import Backend
from scumble_editor.diagnosis import diagnosis

from .. import VERSION
from ..texts import _

COPY = 1  # answer of the button that copies a diagnosis


class TroubleBar(Gtk.InfoBar):
    """Follows `backend.problem`; shown only while there is one."""

    def __init__(self, backend: Backend, again: Callable[[], None]) -> None:
        super().__init__(message_type=Gtk.MessageType.ERROR)
        self._backend, self._again = backend, again
        self._label = Gtk.Label(wrap=True, xalign=0, max_width_chars=80, selectable=True)
        self._label.show()
        self.get_content_area().add(self._label)
        self.add_button(_("Copy a Diagnosis"), COPY)
        self.add_button(_("_Try Again"), Gtk.ResponseType.APPLY)
        self.connect("response", self._respond)
        self.set_no_show_all(True)
        self._end = backend.subscribe("problem", self._follow)
        self.connect("destroy", lambda _bar: self._end())

    def _follow(self) -> None:
        problem = self._backend.problem
        if problem is not None:
            self._label.set_text(problem.text)
        self.set_visible(problem is not None)

    def _respond(self, _bar: Any, response: int) -> None:
        if response == COPY:
            clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
            clipboard.set_text(diagnosis(self._backend, f"GIMP {Gimp.version()}", VERSION), -1)
            clipboard.store()  # it is to outlive this process
            return
        self._backend.dismiss_problem()
        self._again()
