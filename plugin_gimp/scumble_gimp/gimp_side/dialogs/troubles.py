"""A bar at the top of a dialog that tells a problem in plain words and offers to try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gtk

from scumble_editor.backend import Backend

from ..texts import _


class TroubleBar(Gtk.InfoBar):
    """Follows `backend.problem`; shown only while there is one."""

    def __init__(self, backend: Backend, again: Callable[[], None]) -> None:
        super().__init__(message_type=Gtk.MessageType.ERROR)
        self._backend, self._again = backend, again
        self._label = Gtk.Label(wrap=True, xalign=0, max_width_chars=80, selectable=True)
        self._label.show()
        self.get_content_area().add(self._label)
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

    def _respond(self, _bar: Any, _response: int) -> None:
        self._backend.dismiss_problem()
        self._again()
