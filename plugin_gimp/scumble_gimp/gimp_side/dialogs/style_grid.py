"""The picture grid of installed styles, with a search line; one is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import GLib, GObject, Gtk, Pango

from scumble_editor.backend import Backend
from scumble_editor.shelf import VIEWS, Shelf, Tile
from scumble_editor.words import description_of
from scumble_wire.messages import PackInfo

from ..texts import _
from . import pictures

SIDE = 96  # pixels of a thumbnail
COLUMNS = 3


class StyleGrid(Gtk.Box):
    """Emits `chosen` with the key of a tile when a person picks one."""

    __gsignals__ = {"chosen": (GObject.SignalFlags.RUN_FIRST, None, (str,))}  # noqa: RUF012  (PyGObject's own form)

    def __init__(self, backend: Backend, shelf: Shelf, show_view: Callable[[str], None]) -> None:
        """show_view: told of the view that a person asks for."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._backend, self._shelf = backend, shelf
        self._chosen = ""
        self._filling = False
        self._told: dict[str, Tile] = {}  # by key, for the tooltips
        self._shown: dict[str, tuple[Gtk.Image, Any]] = {}  # by key, with the picture that it holds
        self._view = Gtk.ComboBoxText(tooltip_text=_("What the pictures below show."))
        for word, label in VIEWS.items():
            self._view.append(word, _(label))
        self._view.set_active_id(shelf.view)
        self._view.connect("changed", lambda combo: show_view(combo.get_active_id()))
        self._search = Gtk.SearchEntry(placeholder_text=_("Search styles"))
        self._search.set_tooltip_text(_("Title, painter, year or tag, such as “night”."))
        self._search.connect("search-changed", lambda _entry: self.fill())
        self._tags = Gtk.ListStore(str)
        completion = Gtk.EntryCompletion(model=self._tags, text_column=0, minimum_key_length=1)
        self._search.set_completion(completion)
        self._again = Gtk.Button.new_from_icon_name("view-refresh-symbolic", Gtk.IconSize.BUTTON)
        self._again.set_tooltip_text(_("Six others"))
        self._again.set_no_show_all(True)
        self._again.connect("clicked", lambda _button: show_view("surprise"))
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
        self._scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        self._scrolled.set_min_content_height(270)
        self._scrolled.add(self._flow)
        look = Gtk.Box(spacing=6)
        look.pack_start(self._view, False, False, 0)
        look.pack_start(self._search, True, True, 0)
        look.pack_start(self._again, False, False, 0)
        self.pack_start(look, False, False, 0)
        self.pack_start(self._scrolled, True, True, 0)
        self.pack_start(self._empty, False, False, 0)
        shelf.subscribe(self.fill)

    def choose(self, key: str) -> None:
        """Mark a tile and keep it in sight; does not emit `chosen`."""
        self._chosen = key
        self._filling = True
        for child in self._flow.get_children():
            if child.get_name() == key:
                self._flow.select_child(child)
                GLib.idle_add(self._see, child)
        self._filling = False

    def fill(self) -> None:
        """Show the shelf's tiles that the search line asks for; those there already only get their pictures."""
        tiles = self._shelf.tiles(self._search.get_text())
        tags = self._backend.tags()
        if [row[0] for row in self._tags] != tags:
            self._tags.clear()
            for tag in tags:
                self._tags.append([tag])
        self._told = {tile.key: tile for tile in tiles}
        self._again.set_visible(self._shelf.view == "surprise")
        if not tiles or [tile.key for tile in tiles] != list(self._shown):
            self._filling = True
            for child in self._flow.get_children():
                child.destroy()
            self._shown.clear()
            for tile in tiles:
                self._flow.add(self._tile(tile))
            self._flow.show_all()
            self._filling = False
            self._empty.set_visible(self._backend.packs_known and not tiles)
            self._empty.set_text(self._none())
            self.choose(self._chosen)
        for tile in tiles:
            image, shown = self._shown[tile.key]
            if tile.picture is not None and tile.picture is not shown:
                image.set_from_pixbuf(pictures.fit(pictures.pixbuf(*tile.picture), SIDE))
                self._shown[tile.key] = (image, tile.picture)

    def _none(self) -> str:
        if self._search.get_text():
            return _("No style fits the search.")
        if self._shelf.view == "styles":
            return _("No style is installed. Install one with Filters > Scumble > Install Style Pack.")
        return _("Nothing here yet.")

    def _tile(self, tile: Tile) -> Gtk.FlowBoxChild:
        image = Gtk.Image.new_from_icon_name("image-loading", Gtk.IconSize.DIALOG)
        image.set_size_request(SIDE, SIDE)
        self._shown[tile.key] = (image, None)
        label = Gtk.Label(
            label=tile.title,
            ellipsize=Pango.EllipsizeMode.END,
            max_width_chars=13,
            lines=2,
            wrap=True,
            justify=Gtk.Justification.CENTER,
        )
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2, margin=3)
        box.pack_start(image, False, False, 0)
        box.pack_start(label, False, False, 0)
        child = Gtk.FlowBoxChild(child=box, name=tile.key, has_tooltip=True)
        child.connect("query-tooltip", self._tell_of)
        child.get_accessible().set_name(tile.title)
        return child

    def _tell_of(self, child: Any, _x: int, _y: int, _keyboard: bool, tip: Any) -> bool:
        """The tooltip: words on the tile, and the painting where the pack carries it."""
        tile = self._told.get(child.get_name())
        if tile is None:
            return False
        tip.set_text(tile.about)
        tip.set_icon(pictures.pixbuf(*tile.painting) if tile.painting is not None else None)
        return True

    def _see(self, child: Any) -> bool:
        if child.get_parent() is not None:
            place, view = child.get_allocation(), self._scrolled.get_vadjustment()
            view.clamp_page(place.y, place.y + place.height)
        return False  # an idle call of GLib: not again

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
        description_of(pack),
        _("Pack by {authors}", authors=authors) if authors else "",
        _("License: {license}", license=pack.license) if pack.license else "",
    ]
    return "\n".join(line for line in lines if line)
