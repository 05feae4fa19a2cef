"""The dialog of Filters > Scumble > Train a Style: GIMP draws it from the arguments alone."""

from __future__ import annotations

from typing import Any

from gi.repository import GObject, Gtk

from scumble_editor.choices import TrainChoices, option
from scumble_editor.kept import KeptFile
from scumble_editor.words import took_text

from ..records import kept_file
from ..texts import _
from . import asking


def ask(procedure: Any, config: Any) -> bool:
    """Show the dialog; True when a training is to be started with what `config` holds now."""
    dialog = asking.dialog_of(procedure, config, _("Train a Style"), _("_Train"))
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, border_width=12)
    name, source, quality = (dialog.get_widget(each, GObject.TYPE_NONE) for each in ("name", "source", "quality"))
    labels = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
    for widget in (name, source, quality):
        labels.add_widget(widget.get_label())
    for widget in (
        name,
        source,
        quality,
        _took(),
        _photos(config, labels),
        dialog.get_spin_scale("strength", 1.0),
        _about(),
    ):
        box.pack_start(widget, False, False, 0)
    dialog.get_content_area().pack_start(box, True, True, 0)
    box.show_all()
    accepted = dialog.run()
    dialog.destroy()
    return bool(accepted)


def _photos(config: Any, labels: Any) -> Any:
    """The folder of photos; without one the backend has its own choice. labels: a size group of the labels."""
    chooser = Gtk.FileChooserButton(title=_("Photos to practice on"), action=Gtk.FileChooserAction.SELECT_FOLDER)
    if config.get_property("photos"):
        chooser.set_filename(config.get_property("photos"))
    chooser.connect("file-set", lambda button: config.set_property("photos", button.get_filename() or ""))
    chooser.set_tooltip_text(_(option(TrainChoices, "photos").help))
    label = Gtk.Label.new_with_mnemonic(_("_Photos"))
    label.set_mnemonic_widget(chooser)
    label.set_xalign(0.0)
    labels.add_widget(label)
    without = Gtk.Button.new_from_icon_name("edit-clear-symbolic", Gtk.IconSize.BUTTON)
    without.set_tooltip_text(_("Do without this folder."))

    def clear(_button: Any) -> None:
        chooser.unselect_all()
        config.set_property("photos", "")

    without.connect("clicked", clear)
    row = Gtk.Box(spacing=6)
    row.pack_start(label, False, False, 0)
    row.pack_start(chooser, True, True, 0)
    row.pack_start(without, False, False, 0)
    return row


def _took() -> Any:
    """How long each quality took on this machine, as far as that was measured."""
    took = KeptFile(kept_file()).training_seconds()
    words = option(TrainChoices, "quality").words
    label = Gtk.Label(xalign=0)
    label.set_text(", ".join(f"{_(text)}: {took_text(took[word])}" for word, text in words if word in took))
    label.get_style_context().add_class("dim-label")
    label.set_no_show_all(not label.get_text())
    return label


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
