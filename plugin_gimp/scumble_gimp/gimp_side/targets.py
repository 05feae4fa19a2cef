"""What a call means: which layer, which part of it, and what can't be done with it (said before anything starts)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from scumble_editor.areas import Area, with_context

from .errors import LayerRefused, WrongArgument
from .texts import _

StyleResult = Literal["new-layer", "in-place"]
UpscaleResult = Literal["new-image", "new-layer", "whole-image"]

#: Linked files that GIMP draws sharply at any size; a linked photo it only scales.
DRAWN_AT_ANY_SIZE = (
    "image/svg",
    "application/pdf",
    "application/postscript",
    "image/x-eps",
    "application/illustrator",
)


@dataclass(frozen=True)
class Target:
    """A drawable and the part of it that is meant.

    drawable: the layer. source: what its picture is read from: the layer itself, or a copy that holds its effects or
    what other layers add.
    place: where the source's top left corner lies in the image. bounds: the whole source.
    wanted: what changes: the selection's bounds within the source, or all of it. Both in pixels of the source.
    alpha: whether the source may be transparent. selected: True when a selection limits what changes.
    """

    image: Any
    drawable: Any
    source: Any
    place: tuple[int, int]
    bounds: Area
    wanted: Area
    alpha: bool
    selected: bool
    composite: str = ""  # "below", "visible": the source is a picture of several layers, see StyleChoices.source

    @property
    def name(self) -> str:
        return str(self.drawable.get_name())

    @property
    def effects(self) -> list[Any]:
        return effects_of(self.drawable)

    @property
    def redrawn_by_gimp(self) -> bool:
        """Whether GIMP draws the layer sharply at any size: from a path, or a linked drawing. Text it scales as
        pixels, and linked photos, too."""
        return drawn_from_elsewhere(self.drawable) and not self.effects and not _links_a_photo(self.drawable)

    @property
    def on_canvas(self) -> Area:
        """The wanted part in pixels of the image."""
        left, top = self.place
        return Area(self.wanted.x + left, self.wanted.y + top, self.wanted.width, self.wanted.height)

    @property
    def picture_pixels(self) -> int:
        """Pixels of the whole image, which brush marks are measured against."""
        return int(self.image.get_width() * self.image.get_height())

    def with_context(self, mark_size: float = 1.0) -> Area:
        """What the network has to see of the source so that the edge of the wanted part fits."""
        if not self.selected:
            return self.bounds
        return with_context(self.wanted, self.bounds, mark_size)


def _must(condition: bool, message: str, remedy: str) -> None:
    if not condition:
        raise LayerRefused(message, remedy=remedy)


def look_at_all(image: Any, drawables: Sequence[Any]) -> list[Target]:
    """The targets of a call on chosen layers. Raises WrongArgument, LayerRefused."""
    if image is None or not drawables:
        raise WrongArgument(_("No layer was given."), remedy=_("Choose a layer and try again."))
    _must(
        not any(drawable.is_indexed() for drawable in drawables),
        _("The image has indexed colors, which can't hold a painted layer."),
        _("Choose Image > Mode > RGB first; nothing was changed."),
    )
    return [look(image, drawable) for drawable in drawables]


def look(image: Any, drawable: Any) -> Target:
    """The target of one drawable. Raises WrongArgument, and LayerRefused for what can't be read as a picture."""
    name = drawable.get_name()
    _must(
        not drawable.is_layer_mask(),
        _("The layer mask “{name}” is chosen, not a picture.", name=name),
        _("Click the layer's picture in the Layers dialog and try again."),
    )
    _must(
        drawable.is_layer(),
        _("The channel “{name}” is chosen, not a layer.", name=name),
        _("Click a layer in the Layers dialog and try again."),
    )
    check_home(image, drawable)
    bounds = Area(0, 0, drawable.get_width(), drawable.get_height())
    touched, x, y, width, height = drawable.mask_intersect()
    _must(
        bool(touched) and not bounds.empty,
        _("The selection does not touch the layer “{name}”.", name=name),
        _("Choose Select > None to paint the whole layer, or choose another layer."),
    )
    selected = not _gimp().Selection.is_empty(image)
    return _raw(image, drawable, Area(x, y, width, height) if selected else bounds, selected)


def whole(target: Target) -> Target:
    """The same without regard to the selection."""
    return replace(target, wanted=target.bounds, selected=False)


@contextlib.contextmanager
def without_selection(image: Any) -> Iterator[None]:
    """Nothing is selected for a while; afterwards it is as before."""
    kept = _gimp().Selection.save(image)
    try:
        _gimp().Selection.none(image)
        yield
    finally:
        image.select_item(_gimp().ChannelOps.REPLACE, kept)
        image.remove_channel(kept)


def _raw(image: Any, layer: Any, wanted: Area, selected: bool) -> Target:
    _exists, left, top = layer.get_offsets()
    bounds = Area(0, 0, layer.get_width(), layer.get_height())
    return Target(image, layer, layer, (left, top), bounds, wanted, bool(layer.has_alpha()), selected)


def check_home(image: Any, layer: Any) -> None:
    """Raises WrongArgument for a layer that lies in another image, or in none."""
    home = layer.get_image()
    if home is None or home.get_id() != image.get_id():
        raise WrongArgument(
            _("The layer “{name}” belongs to another image.", name=layer.get_name()),
            remedy=_("Give the image that the layer is in."),
        )
    if layer.is_floating_sel() or layer.get_id() in [each.get_id() for each in flat(image)]:
        return
    raise WrongArgument(
        _("The layer “{name}” is not in an image yet.", name=layer.get_name()),
        remedy=_("Insert it into its image first."),
    )


def check(target: Target, result: StyleResult) -> None:
    """Raises LayerRefused when the painted picture can't go where it is asked to go."""
    layer, name = target.drawable, target.name
    if result == "new-layer":
        _must(
            not layer.is_floating_sel(),
            _("A floating selection can't have a layer above it."),
            _("Anchor it with Layer > Anchor, or let Scumble paint in place."),
        )
        _check_parents(layer)
        return
    _must(
        not layer.is_group(),
        _("“{name}” is a layer group: it has no pixels of its own to change.", name=name),
        _("Let the result be a new layer, or choose a layer inside the group."),
    )
    _must(
        not drawn_from_elsewhere(layer),
        _("“{name}” is drawn from a path or a linked file and has no pixels of its own to change.", name=name),
        _("Let the result be a new layer, or rasterize the layer first."),
    )
    _check_unlocked(layer, _("Unlock them in the Layers dialog, or let the result be a new layer."))


def check_enlarging(target: Target, result: UpscaleResult) -> None:
    """Raises LayerRefused when a target can't be enlarged to where it is asked to go."""
    _must(
        not target.drawable.is_floating_sel(),
        _("A floating selection can't be enlarged."),
        _("Anchor it with Layer > Anchor first."),
    )
    _must(
        result == "new-layer" or not target.drawable.is_group(),
        _("“{name}” is a layer group.", name=target.name),
        _("Choose the layers inside the group, or let the result be a new layer or the whole image."),
    )
    if result == "new-layer":
        _check_parents(target.drawable)
    if result == "whole-image" and not target.redrawn_by_gimp:
        _check_unlocked(
            target.drawable,
            _("Unlock them in the Layers dialog, or let the result be a new image. Nothing was changed."),
        )


def _check_unlocked(layer: Any, remedy: str) -> None:
    """GIMP ends a plug-in that writes to a layer whose pixels are locked, by itself or by a group around it."""
    locked = _locked(layer)
    if locked is not None:
        _must(False, _("The pixels of “{name}” are locked.", name=locked.get_name()), remedy)


def _check_parents(layer: Any) -> None:
    """A new layer goes into the group of its source; in a locked one it could get neither mask nor size."""
    locked = _locked(layer.get_parent())
    if locked is not None:
        _must(
            False,
            _("The layer group “{name}” is locked, so no new layer can be made in it.", name=locked.get_name()),
            _("Unlock its pixels in the Layers dialog."),
        )


def _locked(layer: Any) -> Any:
    """The innermost of the layer and the groups around it whose pixels are locked, or None."""
    while layer is not None and not layer.get_lock_content():
        layer = layer.get_parent()
    return layer


def still_there(aims: Sequence[Target], *, whole_layers: bool = False) -> None:
    """Raises LayerRefused when a layer or the selection changed while the backend worked: GIMP stays usable then.

    aims: as `look` found them. whole_layers: they are every layer of the image, whatever is selected.
    """
    for aim in aims:
        remedy = _("Nothing was changed. Run it once more.")
        _must(aim.drawable.is_valid(), _("A layer was deleted while it was worked on."), remedy)
        size = Area(0, 0, aim.drawable.get_width(), aim.drawable.get_height())
        same = size == aim.bounds and (whole_layers or look(aim.image, aim.drawable).wanted == aim.wanted)
        _must(same, _("“{name}” or the selection changed while it was worked on.", name=aim.name), remedy)
    if whole_layers and aims:
        left = [layer.get_id() for layer in flat(aims[0].image) if not layer.is_group()]
        _must(
            left == [aim.drawable.get_id() for aim in aims],
            _("Layers came or went while the image was enlarged."),
            _("Nothing was changed. Run it once more."),
        )


def every_layer(image: Any) -> list[Target]:
    """All layers of an image, also those inside groups, whole."""
    layers = [layer for layer in flat(image) if not layer.is_group()]
    return [_raw(image, layer, Area(0, 0, layer.get_width(), layer.get_height()), False) for layer in layers]


def flat(image: Any) -> list[Any]:
    """All layers and groups in the order of the Layers dialog; the same for a duplicate."""
    found: list[Any] = []
    waiting = list(reversed(image.get_layers()))
    while waiting:
        layer = waiting.pop()
        found.append(layer)
        if layer.is_group():
            waiting += reversed(layer.get_children())
    return found


def effects_of(layer: Any) -> list[Any]:
    """The layer's non-destructive effects that are switched on."""
    return [effect for effect in layer.get_filters() if effect.get_visible()]


def drawn_from_elsewhere(layer: Any) -> bool:
    """Vector and link layers (GIMP 3.2) that were not rasterized."""
    for test in ("is_vector_layer", "is_link_layer"):
        ask = getattr(layer, test, None)
        if ask is not None and ask():
            rasterized = getattr(layer, "is_rasterized", None)
            return rasterized is None or not rasterized()
    return False


def _links_a_photo(layer: Any) -> bool:
    kind = layer.get_mime_type() if hasattr(layer, "get_mime_type") else None
    return kind is not None and not kind.startswith(DRAWN_AT_ANY_SIZE)


def _gimp() -> Any:
    from gi.repository import Gimp

    return Gimp
