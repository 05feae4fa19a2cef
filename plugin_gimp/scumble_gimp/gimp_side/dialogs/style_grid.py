"""The picture grid of installed styles, with a search line; one is chosen."""

from __future__ import annotations

from typing import Any

from gi.repository import GObject, Gtk, Pango

from scumble_editor.backend import Backend
from scumble_wire.messages import PackInfo

from ..texts import _
from . import pictures

SIDE = 96  # pixels of a thumbnail
COLUMNS = 3


class StyleGrid(Gtk.Box):
    """Emits `chosen` with the id of a pack when a person picks one."""

    __gsignals__ = {"chosen": (GObject.SignalFlags.RUN_FIRST, None, (str,))}  # noqa: RUF012  (PyGObject's own form)

    def __init__(self, backend: Backend) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._backend = backend
        self._chosen = ""
        self._filling = False
        self._images: dict[str, Gtk.Image] = {}
        self._search = Gtk.SearchEntry(placeholder_text=_("Search styles"))
        self._search.connect("search-changed", lambda _entry: self.fill())
        self._flow = Gtk.FlowBox(
            selection_mode=Gtk.SelectionMode.BROWSE,
            min_children_per_line=COLUMNS,
            max_children_per_line=6,
            row_spacing=2,
            column_spacing=2,
            homogeneous=True,
            valign=Gtk.Align.START,
            activate_on_single_click=True,
        )
        self._flow.connect("selected-children-changed", self._picked)
        self._empty = Gtk.Label(wrap=True, justify=Gtk.Justification.CENTER, max_width_chars=36)
        self._empty.set_no_show_all(True)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        scrolled.set_min_content_height(270)
        scrolled.add(self._flow)
        self.pack_start(self._search, False, False, 0)
        self.pack_start(scrolled, True, True, 0)
        self.pack_start(self._empty, False, False, 0)

    def choose(self, pack: str) -> None:
        """Mark a style; does not emit `chosen`."""
        self._chosen = pack
        self._filling = True
        for child in self._flow.get_children():
            if child.get_name() == pack:
                self._flow.select_child(child)
        self._filling = False

    def fill(self) -> None:
        """Show the installed styles that the search line asks for."""
        self._filling = True
        for child in self._flow.get_children():
            child.destroy()
        self._images.clear()
        found = self._backend.styles(self._search.get_text())
        for pack in found:
            self._flow.add(self._tile(pack))
        self._flow.show_all()
        self._empty.set_visible(self._backend.packs_known and not found)
        self._empty.set_text(
            _("No style fits the search.")
            if self._search.get_text()
            else _("No style is installed. Install one with Filters > Scumble > Install Style Pack.")
        )
        self._filling = False
        self.choose(self._chosen)
        self.fill_pictures()

    def fill_pictures(self) -> None:
        """Put the thumbnails in that have come by now; ask for the others."""
        for name, image in self._images.items():
            found = self._backend.thumbnail(name, 2 * SIDE)
            if found is not None:
                image.set_from_pixbuf(pictures.fit(pictures.pixbuf(*found), SIDE))

    def _tile(self, pack: PackInfo) -> Gtk.FlowBoxChild:
        image = Gtk.Image.new_from_icon_name("image-loading", Gtk.IconSize.DIALOG)
        image.set_size_request(SIDE, SIDE)
        self._images[pack.id] = image
        label = Gtk.Label(
            label=pack.title, ellipsize=Pango.EllipsizeMode.END, max_width_chars=13, justify=Gtk.Justification.CENTER
        )
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2, margin=3)
        box.pack_start(image, False, False, 0)
        box.pack_start(label, False, False, 0)
        child = Gtk.FlowBoxChild(child=box, name=pack.id, tooltip_text=about(pack))
        child.get_accessible().set_name(pack.title)
        return child

    def _picked(self, flow: Any) -> None:
        children = flow.get_selected_children()
        if self._filling or not children or children[0].get_name() == self._chosen:
            return
        self._chosen = children[0].get_name()
        self.emit("chosen", self._chosen)


def about(pack: PackInfo) -> str:
    """Some lines on a pack: title, painting, description, authors, license."""
    authors = ", ".join(pack.authors)
    lines = [
        pack.title,
        pack.painting,
        pack.description,
        _("Pack by {authors}", authors=authors) if authors else "",
        _("License: {license}", license=pack.license) if pack.license else "",
    ]
    return "\n".join(line for line in lines if line)
