"""The menu of presets and favorites in Stylize's dialog."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gi.repository import Gtk

from scumble_editor.choices import StyleChoices
from scumble_editor.kept import Kept, preset_pack
from scumble_editor.shelf import Shelf
from scumble_wire.messages import ImageInfo

from ..texts import _


class Presets(Gtk.MenuButton):
    """Filled whenever it is opened."""

    def __init__(
        self,
        dialog: Any,
        shelf: Shelf,
        choices: Callable[[], StyleChoices],
        picture: Callable[[], tuple[ImageInfo, Any] | None],
        marked: Callable[[], str],
    ) -> None:
        """choices: of now. picture: of the preview. marked: the style that a favorite is made of."""
        super().__init__(halign=Gtk.Align.START)
        self._dialog, self._shelf, self._choices, self._picture, self._marked = (
            dialog,
            shelf,
            choices,
            picture,
            marked,
        )
        self.add(Gtk.Label(label=_("Presets and favorites")))
        self._menu = Gtk.Menu()
        self._menu.connect("show", lambda _menu: self._fill())
        self.set_popup(self._menu)
        self._fill()

    def _fill(self) -> None:
        for child in self._menu.get_children():
            child.destroy()
        pack, kept = self._marked(), self._shelf.kept
        if pack:
            on = pack not in kept.favorites()
            text = _("Add {style} to the favorites") if on else _("Take {style} off the favorites")
            self._add(text.format(style=pack), lambda: self._shelf.set_favorite(pack, on))
        self._add(_("Save as a preset …"), self._save)
        self._add(_("Export as a pack …"), self._export)
        choices = self._choices()
        for preset in kept.presets():
            if preset.choices == choices:
                name = preset.title
                self._add(_("Delete the preset {name}", name=name), partial(self._shelf.remove_preset, name))
        self._menu.show_all()

    def _add(self, text: str, run: Callable[[], None]) -> None:
        def chosen(_item: Any) -> None:
            try:
                run()
            except OSError as error:
                self._tell(_("It can't be saved: {error}.", error=error.strerror or error))

        item = Gtk.MenuItem(label=text)
        item.connect("activate", chosen)
        self._menu.append(item)

    def _name(self) -> str:
        """Asked for; empty when the person has thought better of it."""
        asking = Gtk.Dialog(title=_("Preset"), transient_for=self._dialog, modal=True)
        asking.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        asking.add_button(_("_Save"), Gtk.ResponseType.OK)
        asking.set_default_response(Gtk.ResponseType.OK)
        entry = Gtk.Entry(activates_default=True, margin=12, width_chars=32)
        asking.get_content_area().add(entry)
        asking.show_all()
        agreed = asking.run() == Gtk.ResponseType.OK
        name = entry.get_text().strip()
        asking.destroy()
        return name if agreed else ""

    def _save(self) -> None:
        name = self._name()
        if name:
            self._shelf.keep_preset(name, self._choices(), self._picture())

    def _export(self) -> None:
        name = self._name()
        if not name:
            return
        picture = next((each.picture for each in self._shelf.kept.presets() if each.title == name), None)
        suggested, raw = preset_pack(Kept(name, self._choices(), picture))
        chooser = Gtk.FileChooserNative.new(
            _("Export as a pack"), self._dialog, Gtk.FileChooserAction.SAVE, _("_Save"), _("_Cancel")
        )
        chooser.set_current_name(suggested)
        chooser.set_do_overwrite_confirmation(True)
        if chooser.run() == Gtk.ResponseType.ACCEPT:
            Path(chooser.get_filename()).write_bytes(raw)

    def _tell(self, text: str) -> None:
        told = Gtk.MessageDialog(
            transient_for=self._dialog, modal=True, message_type=Gtk.MessageType.ERROR,
            buttons=Gtk.ButtonsType.CLOSE, text=text,
        )  # fmt: skip
        told.run()
        told.destroy()
