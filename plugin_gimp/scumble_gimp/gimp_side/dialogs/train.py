"""The dialog of Filters > Scumble > Train a Style: GIMP draws it from the arguments alone."""

from __future__ import annotations

from typing import Any

from gi.repository import GObject, Gtk

from ..texts import _
from . import asking


def ask(procedure: Any, config: Any) -> bool:
    """Show the dialog; True when a training is to be started with what `config` holds now."""
    dialog = asking.dialog_of(procedure, config, _("Train a Style"), _("_Train"))
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, border_width=12)
    for widget in (
        dialog.get_widget("name", GObject.TYPE_NONE),
        dialog.get_widget("source", GObject.TYPE_NONE),
        dialog.get_widget("quality", GObject.TYPE_NONE),
        dialog.get_spin_scale("strength", 1.0),
        _about(),
    ):
        box.pack_start(widget, False, False, 0)
    dialog.get_content_area().pack_start(box, True, True, 0)
    box.show_all()
    accepted = dialog.run()
    dialog.destroy()
    return bool(accepted)


def _about() -> Any:
    label = Gtk.Label(xalign=0, wrap=True, max_width_chars=52)
    label.set_text(
        _(
            "The training runs beside GIMP: you can go on working, close its window and look again with "
            "Filters > Scumble > Show Training. The finished style is then among the others in Stylize."
        )
    )
    label.get_style_context().add_class("dim-label")
    return label
