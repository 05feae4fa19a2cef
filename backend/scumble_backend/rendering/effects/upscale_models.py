"""The networks of installed upscale packs, ready to run on a device."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from scumble_backend.errors import PackUnknown
from scumble_backend.packs.making import load_upscaler
from scumble_backend.packs.store import InstalledPack, PackStore
from scumble_backend.rendering import device as devices

BICUBIC = "bicubic"  # the model without a network; always there


class UpscaleNetwork:
    """A network on its device; see `effects.upscale.Network`. Runs in full precision unless a call asks for half.

    Half precision is used where the device gains by it and 8 bits are wanted; on the CPU never.
    """

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        # channels_last is about twice as fast on CPUs and tensor cores and changes no value.
        self._module = module.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._device = device
        self.factor = int(module.factor)  # type: ignore[arg-type]
        with torch.inference_mode(), devices.memory_errors("measuring the network"):
            self.halo = int(module.halo)  # type: ignore[arg-type]
        unused = sum(p.numel() for name, p in module.named_parameters() if ".conv." in name or ".sk." in name)
        everything = sum(p.numel() for p in module.parameters())
        self.weight_count = everything - unused if unused < everything else everything
        self._may_half = device.type in ("cuda", "xpu") and bool(getattr(module, "supports_half", True))

    @property
    def nbytes(self) -> int:
        """What the weights take on the device."""
        return sum(tensor.nbytes for tensor in self._module.state_dict().values())

    @torch.inference_mode()
    def __call__(self, image: Tensor, *, half: bool = False) -> Tensor:
        low = torch.autocast(self._device.type, torch.float16) if half and self._may_half else nullcontext()
        with low:
            result: Tensor = self._module(image.contiguous(memory_format=torch.channels_last))
        return result.float()


def family(store: PackStore, model: str) -> list[InstalledPack]:
    """The packs that serve a model: its own, and those of other factors beside it.

    "faithful" is served by the pack `faithful` and, where they are installed, `faithful-x2`, `faithful-x3` and
    `faithful-x8`. "bicubic" needs none. Raises PackUnknown.
    """
    if model == BICUBIC:
        return []
    found = [store.get(model)]
    for factor in (2, 3, 8):
        try:
            found.append(store.get(f"{model}-x{factor}"))
        except PackUnknown:
            continue
    return found


def load(store: PackStore, model: str, device: torch.device) -> list[UpscaleNetwork]:
    """A model's networks on the device. Raises PackError's kinds, OutOfMemory."""
    networks = []
    for pack in family(store, model):
        with devices.memory_errors(f"the model {pack.manifest.title}"):
            networks.append(UpscaleNetwork(load_upscaler(pack), device))
    return networks
