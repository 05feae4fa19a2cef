"""What the procedures' dialogs share: GIMP's own dialog, filled by one of ours, and following its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from gi.repository import GimpUi, GLib, Gtk

from ..guide import open_guide
from ..session import Session
from ..stopwatch import note_opened
from ..texts import DOMAIN, _


class Window(Protocol):
    """What fills a dialog."""

    def close(self) -> None:
        """Stop following; the widgets go with the dialog."""


def dialog_of(procedure: Any, config: Any, title: str, ok: str) -> Any:
    """GIMP's dialog for a procedure, still empty."""
    GimpUi.init(DOMAIN)
    for spec in config.list_properties():
        # GIMP keeps defaults and last values in files and reads empty texts back as None, which no entry can show.
        if spec.__gtype__.name == "GParamString" and config.get_property(spec.name) is None:
            config.set_property(spec.name, "")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, title)
    dialog.set_ok_label(ok)
    _help_by_our_guide(dialog)
    return dialog


def _help_by_our_guide(dialog: Any) -> None:
    """GIMP's own Help button looks for the procedure in GIMP's manual, which knows nothing of it."""
    theirs = dialog.get_widget_for_response(Gtk.ResponseType.HELP)
    if theirs is None:
        return
    ours = Gtk.Button.new_with_mnemonic(_("_Help"))
    ours.connect("clicked", lambda _button: open_guide())
    row = theirs.get_parent()
    row.add(ours)
    row.set_child_secondary(ours, True)
    ours.show()
    theirs.set_no_show_all(True)
    theirs.hide()


def run(dialog: Any, session: Session, fill: Callable[[Any], Window]) -> bool:
    """Show a dialog filled by `fill` until a person answers; True when the work is to be done."""
    window = fill(dialog)
    dialog.connect("map-event", lambda _dialog, _event: note_opened())
    with session.main_loop():
        accepted = dialog.run()
        window.close()
    dialog.destroy()
    return bool(accepted)


class Follower:
    """Calls `show` when values of a procedure's config have changed: once for all that change together."""

    def __init__(self, config: Any, show: Callable[[], None]) -> None:
        self._config, self._show, self._pending = config, show, 0
        self._handler = config.connect("notify", lambda _config, _spec: self.wish())

    def wish(self) -> None:
        """Call `show` as soon as GTK has nothing more urgent to do."""
        if not self._pending:
            self._pending = GLib.idle_add(self._call)

    def _call(self) -> bool:
        self._pending = 0
        self._show()
        return False  # an idle call of GLib: not again

    def close(self) -> None:
        self._config.disconnect(self._handler)
        if self._pending:
            GLib.source_remove(self._pending)
            self._pending = 0
