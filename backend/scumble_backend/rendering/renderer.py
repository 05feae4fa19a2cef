"""Carrying out image jobs on the device: pixels in, networks from packs, pixels out. Importing this loads torch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from scumble_backend.config import Settings
from scumble_backend.errors import OutOfMemory, PackError, PackWrongKind
from scumble_backend.nets.style_skip import StyleDelta
from scumble_backend.packs import making
from scumble_backend.packs.store import InstalledPack, PackStore
from scumble_backend.pictures import thumbnails
from scumble_backend.rendering import device as devices
from scumble_backend.rendering import pixels, steadying
from scumble_backend.rendering.effects import enlarging, upscale_models
from scumble_backend.rendering.effects import stylize as styles
from scumble_backend.rendering.effects import upscale as upscaling
from scumble_backend.rendering.effects.colors import Palette, palette_of
from scumble_backend.rendering.effects.marks import MarkSize
from scumble_backend.rendering.effects.regions import region_masks
from scumble_backend.rendering.effects.turned import Turned
from scumble_backend.rendering.effects.upscale_models import UpscaleNetwork
from scumble_backend.rendering.kept_paintings import KeptPaintings
from scumble_backend.rendering.network_cache import NetworkCache
from scumble_backend.rendering.pixels import Picture
from scumble_wire.messages import ImageInfo, Stylize, Upscale

log = logging.getLogger("scumble.rendering")

#: (fraction 0 .. 1, stage); raises JobCancelled to stop.
Progress = Callable[[float, str], None]

LOADED, PAINTED = 0.02, 0.97  # shares of a job's progress: until the networks are there, until the picture is


@dataclass(frozen=True)
class Rendered:
    """A finished picture: `pixels` is the frame that `info` describes."""

    info: ImageInfo
    pixels: Any
    network_seconds: float
    note: str = ""


class Renderer:
    """The device with the networks that lie on it. Belongs to one thread."""

    def __init__(self, settings: Settings, store: PackStore | None = None) -> None:
        """Raises DeviceUnavailable, OutOfMemory."""
        self.device = devices.choose(settings.device)
        devices.warm_up(self.device)
        self.device_name = devices.describe(self.device)
        self.further = devices.like(self.device) if settings.device == "auto" else ()
        self._store = store or PackStore()
        self._networks: NetworkCache[Any] = NetworkCache()
        self._kept = KeptPaintings()
        self._too_wide: set[str] = set()  # networks whose numbers leave half precision's range
        self.configure(settings)

    # --- state -------------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Take over the memory budget; networks over it are freed."""
        self._networks.budget = settings.memory_budget_mb << 20
        self._networks.shrink()

    @property
    def loaded(self) -> list[str]:
        return self._networks.titles

    @property
    def holds_memory(self) -> bool:
        return bool(self._networks.titles)

    @property
    def memory_mb(self) -> float:
        """Megabytes in use on the device; on the CPU those of the networks that are kept."""
        return max(devices.memory_in_use_mb(self.device), self._networks.nbytes / 2**20)

    def release(self) -> None:
        """Free all networks and what the device keeps for us."""
        self._networks.clear()
        self._kept.clear()
        devices.free_memory(self.device)

    def tidy(self) -> None:
        """Give memory that jobs have left free back to the system; networks stay."""
        devices.trim_heap()

    # --- jobs --------------------------------------------------------------------------------------------

    def stylize(self, message: Stylize, frames: Sequence[Any], progress: Progress) -> Rendered:
        """Paint. Raises ScumbleError."""
        return self._with_room("painting", message.image, lambda: self._stylize(message, frames, progress))

    def upscale(self, message: Upscale, frames: Sequence[Any], progress: Progress) -> Rendered:
        """Enlarge. Raises ScumbleError."""
        return self._with_room("enlarging", message.image, lambda: self._upscale(message, frames, progress))

    def _stylize(self, message: Stylize, frames: Sequence[Any], progress: Progress) -> Rendered:
        packs = [self._store.get(choice.pack) for choice in message.styles]
        ready = [self._style(pack) for pack in packs]
        palettes, told = self._palettes(packs) if message.colors in ("palette", "only") else ([None] * len(packs), "")
        if message.neighbor_frames:
            message, frames = _steadied(message, frames)
        picture = pixels.unpack(message.image, frames[message.image.frame])
        info = replace(message.image, frame=0)
        if message.strength == 0.0:
            return Rendered(info, pixels.pack(picture, info), 0.0, picture.note)
        masks = self._masks(picture, message, frames)
        parts = [
            styles.Part(style, choice.weight, mask, palette)
            for style, choice, mask, palette in zip(ready, message.styles, masks, palettes, strict=True)
        ]
        network_s = 0.0
        marks = MarkSize(
            message.stroke_scale,
            message.absolute_strokes,
            message.picture_pixels,
            message.scale,
            preview=message.priority == "preview",
        )

        def paint(half: torch.dtype | None) -> styles.Painted:
            nonlocal network_s
            began = time.perf_counter()
            image = pixels.to_rgb(picture.color).to(self.device)
            anchors = self._kept.anchors(message, frames, packs, half, self.device)
            with torch.inference_mode():
                made = styles.stylize(
                    image,
                    parts,
                    anchors=anchors,
                    strength=message.strength,
                    marks=marks,
                    boldness=message.boldness,
                    colors=message.colors,
                    seed=message.seed,
                    half=half,
                    progress=lambda done: progress(LOADED + (PAINTED - LOADED) * done, "painting"),
                    enlarger=self._enlarger,
                    kept=lambda make: self._kept.preview(message, frames, packs, half, make),
                    spare=half is None and _spare(picture, message),
                )
                devices.synchronize(self.device)
            network_s += time.perf_counter() - began
            return made

        names = [making.network_name(pack) for pack in packs]
        half = None if self._too_wide.intersection(names) else self._half
        painted = paint(half)
        if half is not None and not bool(torch.isfinite(painted.image).all()):
            log.info("%s leaves the range of half precision: painted in full precision.", ", ".join(names))
            self._too_wide.update(names)
            painted = paint(None)
        progress(PAINTED, "writing")
        made = picture.with_color(painted.image.to("cpu"))
        note = pixels.join_notes([picture.note, _clipped(picture, message), painted.note, told])
        return Rendered(info, pixels.pack(made, info), network_s, note)

    def _upscale(self, message: Upscale, frames: Sequence[Any], progress: Progress) -> Rendered:
        networks, second, note = self._enlarging(message)
        picture = pixels.unpack(message.image, frames[message.image.frame])
        made = upscaling.upscale(
            picture,
            message.image,
            networks,
            message.factor,
            lambda done: progress(LOADED + (1.0 - LOADED) * done, "enlarging"),
            second=second,
            grain=message.grain,
            device=self.device,
        )
        return Rendered(
            made.info,
            made.frame.reshape(-1).view("u1").data,
            made.network_seconds,
            pixels.join_notes([made.note, note]),
        )

    def _enlarging(self, message: Upscale) -> tuple[Sequence[upscaling.Network], upscaling.Second | None, str]:
        """The networks for a job, those whose results are mixed in, and what has to be said. Raises PackError."""
        factor = message.factor * upscaling.CLEANED if message.factor == 1 else message.factor

        def of(model: str) -> tuple[list[UpscaleNetwork], str]:
            return upscale_models.networks_for(self._store, model, factor, self._upscaler)

        def passes(networks: Sequence[UpscaleNetwork]) -> Sequence[upscaling.Network]:
            return [Turned(network) for network in networks] if message.best else networks

        vivid = message.vivid if message.model != upscale_models.VIVID else 0.0
        networks, note = of(upscale_models.VIVID if vivid == 1 else message.model)
        if vivid in (0.0, 1.0):
            return passes(networks), None, note
        others, further = of(upscale_models.VIVID)
        note = pixels.join_notes([note, further])
        between = self._between(networks, others, vivid)
        if between is not None:
            return passes(between), None, note
        return passes(networks), upscaling.Second(passes(others), vivid), note

    def _between(
        self, networks: Sequence[UpscaleNetwork], others: Sequence[UpscaleNetwork], share: float
    ) -> list[UpscaleNetwork] | None:
        """Networks with weights between those of two models; None where the two are not built alike."""
        pairs = list(zip(networks, others, strict=False))
        if not networks or len(networks) != len(others) or not all(upscale_models.built_alike(*p) for p in pairs):
            return None
        return [self._between_two(one, other, share) for one, other in pairs]

    def _between_two(self, one: UpscaleNetwork, other: UpscaleNetwork, share: float) -> UpscaleNetwork:
        name = f"{one.name} {other.name} {share}"

        def make() -> tuple[UpscaleNetwork, int]:
            network = UpscaleNetwork(upscale_models.interpolated(one, other, share), self.device, name)
            return network, network.nbytes

        made: UpscaleNetwork = self._networks.get(("between", name), "between two models", make)
        return made

    # --- networks ----------------------------------------------------------------------------------------

    @property
    def _half(self) -> torch.dtype | None:
        """The type of convolutions that is faster on the device; None: float32."""
        return torch.float16 if self.device.type in ("cuda", "xpu") else None

    def _style(self, pack: InstalledPack) -> styles.Style:
        name = making.network_name(pack)

        def network() -> tuple[making.AnyStyleNetwork, int]:
            made = making.load_network(self._store, pack).to(self.device)
            made.to(memory_format=torch.channels_last)
            return made, _nbytes(made)

        def style() -> tuple[tuple[making.AnyStyleTable, StyleDelta | None], int]:
            loaded = making.load_style(pack)
            table, delta = loaded.table.to(self.device), loaded.delta.to(self.device) if loaded.delta else None
            kept = [
                *table.tensors().values(),
                *(t for pair in (delta.factors if delta else {}).values() for t in pair),
            ]
            return (table, delta), sum(tensor.nbytes for tensor in kept)

        scales = pack.manifest.stroke_scales
        kept = self._networks.get(("network", name), f"network {name[:8]}", network)
        style_key = ("table", pack.manifest.files["weights.safetensors"].sha256)
        table, delta = self._networks.get(style_key, pack.id, style)
        return styles.Style(kept, table, (scales[0], scales[-1]), delta)

    def _masks(self, picture: Picture, message: Stylize, frames: Sequence[Any]) -> Sequence[Tensor | None]:
        """Where each style counts, (H, W) on the device; None: everywhere. Raises PixelsDamaged."""
        height, width = picture.size
        sent = [
            None
            if choice.mask_frame is None
            else pixels.unpack_mask(frames[choice.mask_frame], height, width)[0].to(self.device)
            for choice in message.styles
        ]
        regions = [choice.region for choice in message.styles]
        if all(region == "everywhere" for region in regions):
            return sent
        alpha = picture.alpha[0].to(self.device) if picture.alpha is not None else None
        return region_masks(pixels.to_rgb(picture.color).to(self.device), regions, sent, alpha)

    def _palettes(self, packs: Sequence[InstalledPack]) -> tuple[list[Palette | None], str]:
        """The colors of the packs' paintings, and what has to be said about them. Raises PackError."""
        found: list[Palette | None] = []
        without = []
        for pack in packs:
            numbers = pack.manifest.palette
            if not numbers:
                without.append(pack.manifest.title)
            found.append(Palette.from_numbers(numbers) if numbers else _palette_of_sample(pack))
        if not without:
            return found, ""
        names = ", ".join(dict.fromkeys(without))
        return (
            found,
            f"The pack of {names} does not hold its painting's colors; those of its sample picture were used.",
        )

    def _enlarger(self) -> UpscaleNetwork | None:
        """What brings paintings to the size of large pictures; None where its pack is missing or damaged."""
        try:
            return self._upscaler(self._store.get(enlarging.MODEL))
        except PackError as error:
            log.warning("Large paintings are resampled: %s", error)
            return None

    def _upscaler(self, pack: InstalledPack) -> UpscaleNetwork:
        def make() -> tuple[UpscaleNetwork, int]:
            network = UpscaleNetwork(making.load_upscaler(pack), self.device, name)
            return network, network.nbytes

        name = pack.manifest.files["weights.safetensors"].sha256
        key = ("upscaler", name)
        made: UpscaleNetwork = self._networks.get(key, pack.id, make)
        return made

    # --- memory ------------------------------------------------------------------------------------------

    def _with_room(self, doing: str, info: ImageInfo, work: Callable[[], Rendered]) -> Rendered:
        """Run; if the memory does not suffice, free the networks that other jobs left behind and run once more."""
        kept, what = len(self._networks.titles), f"{doing} {info.width} x {info.height} pixels"
        try:
            with devices.memory_errors(what):
                return work()
        except OutOfMemory:
            self.release()
            if not kept:
                raise
            log.info("The memory did not suffice for %s: freed %d networks, one more attempt.", what, kept)
        with devices.memory_errors(what):
            return work()


def _steadied(message: Stylize, frames: Sequence[Any]) -> tuple[Stylize, Sequence[Any]]:
    """The job of a frame whose neighbors came with it: what it shares with them is shared."""
    info = message.image
    own = steadying.samples_of(info, frames[info.frame])
    around = [steadying.samples_of(info, frames[number]) for number in message.neighbor_frames]
    anchors = [
        (steadying.samples_of(info, frames[number]), weight)
        for number, weight in zip(message.anchor_frames, message.anchor_weights, strict=True)
    ]
    weights = steadying.shared_weights(info, own, anchors)
    kept = [(number, weight) for number, weight in zip(message.anchor_frames, weights, strict=True) if weight > 0]
    evened = steadying.steadied(info, own, around).reshape(-1).view("u1").data
    shared = replace(
        message,
        neighbor_frames=[],
        anchor_frames=[number for number, _ in kept],
        anchor_weights=[weight for _, weight in kept],
    )
    return shared, [evened if number == info.frame else frame for number, frame in enumerate(frames)]


def _spare(picture: Picture, message: Stylize) -> bool:
    """Whether nobody misses the unpacked color once it is painted over; the frame itself stays as it is."""
    compared = picture.unpacked is not None or message.image.depth not in ("u8", "u16")
    return not compared and message.priority != "preview" and picture.color.shape[0] == 3


def _palette_of_sample(pack: InstalledPack) -> Palette:
    """The colors of a pack's thumbnail. Raises PackWrongKind for one without."""
    raw = pack.thumbnail_bytes()
    if raw is None:
        raise PackWrongKind(
            f"The pack of {pack.manifest.title} does not tell the colors of its painting.",
            remedy="Choose other colors, or another style.",
        )
    return palette_of(pixels.unpack(*thumbnails.decode(raw, pack.id, 256)).color)


def _nbytes(network: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in network.state_dict().values())


def _clipped(picture: Picture, message: Stylize) -> str:
    """What to tell of a float layer with values that the network can't see."""
    if message.image.depth not in ("f16", "f32"):
        return ""
    low, high = float(picture.color.min()), float(picture.color.max())
    if low >= -0.001 and high <= 1.001:
        return ""
    return f"Values beyond black and white ({low:.2g} to {high:.2g}, sRGB-encoded) were clipped for the painting."
