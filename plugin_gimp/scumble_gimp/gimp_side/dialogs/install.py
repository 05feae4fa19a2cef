"""The dialog of Filters > Scumble > Install Style Pack: what is in the file, before it is installed."""

from __future__ import annotations

from typing import Any

from gi.repository import GLib, GObject, Gtk

from scumble_editor.backend import Delivery
from scumble_editor.words import Problem
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import InspectPack, PackDetails

from ..pack_file import contents
from ..session import Session
from ..texts import _
from . import asking, pictures
from .style_grid import about

SIDE = 128


def ask(procedure: Any, config: Any, session: Session) -> bool:
    """Show the dialog; True when the pack is to be installed."""
    dialog = asking.dialog_of(procedure, config, _("Install Style Pack"), _("_Install"))
    return asking.run(dialog, session, lambda dialog: InstallDialog(dialog, config, session))


class InstallDialog:
    """The file, what it holds, and what has to be told about a foreign one."""

    def __init__(self, dialog: Any, config: Any, session: Session) -> None:
        self._dialog, self._config, self._backend = dialog, config, session.backend
        self._asked = 0
        self._details: PackDetails | None = None
        self._picture = Gtk.Image(valign=Gtk.Align.START)
        self._text = Gtk.Label(xalign=0, yalign=0, wrap=True, max_width_chars=48, width_chars=48)
        self._warning = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING)
        self._warning_text = Gtk.Label(xalign=0, wrap=True, max_width_chars=60)
        self._warning.get_content_area().add(self._warning_text)
        self._title = dialog.get_widget("title", GObject.TYPE_NONE)
        self._license = dialog.get_widget("license", GObject.TYPE_NONE)
        self._trust = dialog.get_widget("trust-changed-key", GObject.TYPE_NONE)
        about_it = Gtk.Box(spacing=12)
        about_it.pack_start(self._picture, False, False, 0)
        about_it.pack_start(self._text, True, True, 0)
        about_it.set_size_request(-1, SIDE)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, border_width=12)
        file = dialog.get_widget("file", GObject.TYPE_NONE)
        for widget in (file, about_it, self._warning, self._title, self._license, self._trust):
            box.pack_start(widget, False, False, 0)
        dialog.get_content_area().pack_start(box, True, True, 0)
        box.show_all()
        self._warning_text.show()
        self._handler = config.connect("notify", self._changed)
        self._look()

    def close(self) -> None:
        self._config.disconnect(self._handler)

    def _changed(self, _config: Any, spec: Any) -> None:
        if spec.name == "file":
            self._look()
        else:
            self._allow()

    def _look(self) -> None:
        """Ask the backend what is in the chosen file."""
        self._details = None
        self._picture.clear()
        self._follow()
        if self._config.get_property("file") is None:
            self._text.set_text(
                _("Choose a .scumble pack, or another program's network (.safetensors, .pth, .onnx).")
            )
            return
        try:
            name, data = contents(self._config)
        except ScumbleError as error:
            self._text.set_text(str(error))
            return
        self._text.set_text(_("Looking into the file…"))
        self._asked = self._backend.ask(
            InspectPack(file_name=name), [data], on_answer=self._answered, on_problem=self._refused
        )

    def _answered(self, delivery: Delivery) -> None:
        if delivery.ticket != self._asked:
            return
        details = delivery.message
        assert isinstance(details, PackDetails)
        self._details = details
        size = GLib.format_size(details.size_bytes)
        lines = [about(details.pack), size]
        if details.replaces:
            lines.append(_("Replaces version {version}.", version=details.replaces))
        self._text.set_text("\n".join(lines))
        if details.thumbnail is not None:
            picture = pictures.pixbuf(details.thumbnail, delivery.frames[details.thumbnail.frame])
            self._picture.set_from_pixbuf(pictures.fit(picture, SIDE))
        if "title" in details.needs and not self._config.get_property("title"):
            self._config.set_property("title", details.pack.title)
        self._follow()

    def _refused(self, problem: Problem) -> None:
        self._text.set_text(problem.text)

    def _follow(self) -> None:
        details = self._details
        needs = details.needs if details is not None else ""
        self._title.set_visible("title" in needs)
        self._license.set_visible("license" in needs)
        warning = details.warning if details is not None else ""
        self._warning.set_visible(bool(warning))
        self._warning_text.set_text(warning)
        self._trust.set_visible(bool(warning))
        self._allow()

    def _allow(self) -> None:
        details = self._details
        missing = details is None or any(
            word in details.needs and not (self._config.get_property(word) or "").strip()
            for word in ("title", "license")
        )
        distrusted = (
            details is not None and bool(details.warning) and not self._config.get_property("trust-changed-key")
        )
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, not missing and not distrusted)
