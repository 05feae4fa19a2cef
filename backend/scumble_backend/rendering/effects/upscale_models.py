"""The networks of installed upscale packs, ready to run on a device."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scumble_backend.errors import PackError, PackUnknown, PackWrongKind
from scumble_backend.packs.making import load_upscaler
from scumble_backend.packs.store import InstalledPack, PackStore
from scumble_backend.rendering import device as devices
from scumble_backend.rendering.effects import upscale_plan as plan

log = logging.getLogger("scumble.rendering")

BICUBIC = "bicubic"  # the model without a network; always there
VIVID = "vivid"  # the model that `Upscale.vivid` mixes in
SIBLINGS = (2, 3, 8)  # factors of packs that stand beside a model's own, as NAME-x2
HALF_ERROR = 4 / 255  # what half precision may change of a result; more is an overflow on the way


class UpscaleNetwork:
    """A network on its device; see `effects.upscale.Network`. Runs in full precision unless a call asks for half.

    Half precision is used where the device gains by it and 8 bits are wanted; on the CPU never. The first result in
    half precision is compared with the one in full, and each is looked at: a network whose numbers leave half
    precision's range (65504) runs in full precision from then on.
    module: declares `factor`, and in source pixels `halo`, `least_side` and `cost`; see `nets.span.Span`.
    """

    def __init__(self, module: nn.Module, device: torch.device, name: str = "") -> None:
        self.name = name  # of its weights, for whoever keeps networks
        # channels_last is about twice as fast on CPUs and tensor cores and changes no value.
        self._layout = torch.channels_last if getattr(module, "channels_last", True) else torch.contiguous_format
        self.module = module.to(device, memory_format=self._layout).eval()  # type: ignore[call-overload]
        self._device = device
        self.factor = int(module.factor)  # type: ignore[arg-type]
        with torch.inference_mode(), devices.memory_errors("measuring the network"):
            self.halo = int(module.halo)  # type: ignore[arg-type]
        self.cost = int(module.cost)  # type: ignore[arg-type]
        self._least_side = int(module.least_side)  # type: ignore[arg-type]
        self._may_half = device.type in ("cuda", "xpu") and bool(getattr(module, "supports_half", True))
        self._half_compared = False

    @property
    def nbytes(self) -> int:
        """What the weights take on the device."""
        return sum(tensor.nbytes for tensor in self.module.state_dict().values())

    @torch.inference_mode()
    def __call__(self, image: Tensor, *, half: bool = False) -> Tensor:
        height, width = image.shape[-2:]
        below, right = max(0, self._least_side - height), max(0, self._least_side - width)
        padded = F.pad(image, (0, right, 0, below), mode="replicate") if below or right else image
        result = self._in_half(padded) if half and self._may_half else self._run(padded)
        return result[..., : height * self.factor, : width * self.factor]

    def _run(self, image: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        with nullcontext() if dtype is None else torch.autocast(self._device.type, dtype):
            result: Tensor = self.module(image.contiguous(memory_format=self._layout))
        return result.float()

    def _in_half(self, image: Tensor) -> Tensor:
        quick = self._run(image, torch.float16)
        sound = bool(torch.isfinite(quick).all())
        if sound and self._half_compared:
            return quick
        full = self._run(image)
        self._half_compared = True
        if not sound or float((quick.clamp(0, 1) - full.clamp(0, 1)).abs().amax()) > HALF_ERROR:
            log.info("A network that enlarges %d times leaves the range of half precision.", self.factor)
            self._may_half = False
            return full
        return quick  # not the better one: a picture's result doesn't depend on which was the first


def built_alike(one: UpscaleNetwork, other: UpscaleNetwork) -> bool:
    """Whether the weights of two networks lie at the same places, so that some between them make a network, too."""
    layouts = [
        (
            type(network.module),
            network.factor,
            getattr(network.module, "family", ""),
            {name: (tensor.shape, tensor.dtype) for name, tensor in network.module.state_dict().items()},
        )
        for network in (one, other)
    ]
    return layouts[0] == layouts[1]


def interpolated(one: UpscaleNetwork, other: UpscaleNetwork, share: float) -> nn.Module:
    """The network whose weights lie between those of two that are built alike, `share` of the way to the other.

    Source: Wang et al. 2019, "Deep network interpolation for continuous imagery effect transition".
    """
    made: nn.Module = copy.deepcopy(one.module)
    far = other.module.state_dict()
    state = {
        name: torch.lerp(near, far[name], share) if near.is_floating_point() else near
        for name, near in made.state_dict().items()
    }
    made.load_state_dict(state)
    return made


def family(store: PackStore, model: str) -> list[InstalledPack]:
    """The packs that serve a model: its own, and those of other factors beside it.

    "faithful" is served by the pack `faithful` and, where they are installed, `faithful-x2`, `faithful-x3` and
    `faithful-x8`; one of these that is damaged or no upscale pack is left out. "bicubic" needs none.
    Raises what is wrong with the model's own pack.
    """
    if model == BICUBIC:
        return []
    own = store.get(model)
    if own.manifest.kind != "upscale":
        raise PackWrongKind(f"{own.manifest.title} does not enlarge.", remedy="Choose a pack of kind upscale.")
    found = [own]
    for factor in SIBLINGS:
        try:
            pack = store.get(f"{model}-x{factor}")
        except PackUnknown:
            continue
        except PackError as error:
            log.warning("%s-x%d is left out: %s", model, factor, error)
            continue
        if pack.manifest.kind == "upscale":
            found.append(pack)
    return found


def networks_for(
    store: PackStore, model: str, factor: float, load: Callable[[InstalledPack], UpscaleNetwork]
) -> tuple[list[UpscaleNetwork], str]:
    """The networks of a model that a factor takes, one for each step, and a note where a pack could not be used.

    load: makes the network of a pack, or takes it from where it is kept. Raises PackError's kinds, OutOfMemory.
    """
    offered = {pack.manifest.factors[0]: pack for pack in reversed(family(store, model))}
    notes: list[str] = []
    while True:
        networks: list[UpscaleNetwork] = []
        for step in dict.fromkeys(plan.choose_steps(factor, offered)):
            pack = offered[step]
            try:
                with devices.memory_errors(f"the model {pack.manifest.title}"):
                    networks.append(load(pack))
            except PackError as error:
                if len(offered) == 1:
                    raise
                log.warning("%s is left out: %s", pack.id, error)
                notes.append(f"The pack {pack.id} can't be used ({error.message.rstrip('.')}); other sizes did it.")
                del offered[step]
                break
        else:
            return networks, " ".join(notes)


def load(store: PackStore, model: str, device: torch.device) -> list[UpscaleNetwork]:
    """All of a model's networks on the device. Raises PackError's kinds, OutOfMemory."""
    networks = []
    for pack in family(store, model):
        with devices.memory_errors(f"the model {pack.manifest.title}"):
            networks.append(UpscaleNetwork(load_upscaler(pack), device))
    return networks
