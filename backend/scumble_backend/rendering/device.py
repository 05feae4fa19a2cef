"""The device that computes: choosing one, naming it, its memory, and its errors translated once."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from scumble_backend.errors import DeviceUnavailable, OutOfMemory

#: Convolutions that oneDNN keeps compiled, each for one size. A painting takes 25; the 1,024 that the library would
#: keep come to some hundred megabytes where every layer has another size.
KERNELS = 128

SETTING = re.compile(r"auto|cpu|mps|(cuda|xpu)(:\d+)?")

_MEMORY_REMEDY = (
    "Close other programs that use the device, paint a smaller area, or choose the CPU with "
    "`scumble serve --device cpu`. The layer is unharmed."
)
# PyTorch has a type for CUDA, ROCm and XPU; for the CPU and MPS it raises a bare RuntimeError, so these are the
# one place where a text has to be looked at.
_OUT_OF_MEMORY_TEXTS = (
    "DefaultCPUAllocator: can't allocate memory",
    "not enough memory",
    "MPS backend out of memory",
)


def choose(setting: str = "auto") -> torch.device:
    """The device for a setting: "auto", "cpu", "cuda", "cuda:1", "mps", "xpu" or "xpu:1" (ROCm answers as "cuda").

    "auto" takes the CUDA or ROCm device with the most memory, else XPU, else MPS, else the CPU; of several,
    with commas between them, the first. Raises DeviceUnavailable.
    """
    setting = setting.partition(",")[0]
    if not SETTING.fullmatch(setting):
        raise DeviceUnavailable(
            f"{setting!r} is not a device.", remedy='Choose "auto", "cpu", "cuda", "cuda:1", "mps" or "xpu".'
        )
    if setting == "auto":
        return _best()
    kind, _, index = setting.partition(":")
    count = {"cpu": 1, "cuda": _cuda_count(), "xpu": _xpu_count(), "mps": int(_mps_works())}[kind]
    number = int(index or 0)
    if number >= count:
        there = ", ".join(available())
        raise DeviceUnavailable(f"There is no device {setting!r} here.", remedy=f"Choose one of: auto, {there}.")
    return torch.device(kind) if kind in ("cpu", "mps") else torch.device(kind, number)


def available() -> list[str]:
    """The devices of this machine as settings, the best first."""
    found = [f"cuda:{i}" for i in range(_cuda_count())] + [f"xpu:{i}" for i in range(_xpu_count())]
    return [*found, *(["mps"] if _mps_works() else []), "cpu"]


def like(device: torch.device) -> tuple[str, ...]:
    """Settings of the other devices of this machine that are worth sharing work with: GPUs of the same kind with at
    least half as much memory.
    """
    if device.type == "cuda":
        sizes = [torch.cuda.get_device_properties(i).total_memory for i in range(_cuda_count())]
    elif device.type == "xpu":
        sizes = [torch.xpu.get_device_properties(i).total_memory for i in range(_xpu_count())]
    else:
        return ()
    own = device.index or 0
    return tuple(f"{device.type}:{i}" for i, size in enumerate(sizes) if i != own and 2 * size >= sizes[own])


def describe(device: torch.device) -> str:
    """The device for people: "cuda:0 (NVIDIA GeForce RTX 4070)", "cpu (AMD Ryzen 7 5800X, 8 threads)"."""
    if device.type == "cuda":
        made_for = f", ROCm {torch.version.hip}" if torch.version.hip else ""
        return f"{device} ({torch.cuda.get_device_name(device)}{made_for})"
    if device.type == "xpu":
        return f"{device} ({torch.xpu.get_device_name(device)})"
    if device.type == "mps":
        return f"mps ({platform.processor() or platform.machine()})"
    return f"cpu ({_processor()}, {torch.get_num_threads()} threads)"


@contextmanager
def memory_errors(doing: str) -> Iterator[None]:
    """Turn every way in which torch and Python say "no memory" into OutOfMemory. `doing`: "painting the layer"."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(f"The memory did not suffice for {doing}.", remedy=_MEMORY_REMEDY) from error
    except RuntimeError as error:
        if any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS):
            raise OutOfMemory(f"The memory did not suffice for {doing}.", remedy=_MEMORY_REMEDY) from error
        raise


def memory_in_use_mb(device: torch.device) -> float:
    """Memory that our tensors take on the device; 0 for the CPU, where it is not told apart from the process's."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device) / 2**20
    if device.type == "xpu":
        return torch.xpu.memory_allocated(device) / 2**20
    if device.type == "mps":
        return torch.mps.current_allocated_memory() / 2**20
    return 0.0


def free_memory(device: torch.device) -> None:
    """Give cached, unused memory of the device back to the system."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.empty_cache()
    elif device.type == "xpu":
        torch.xpu.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    trim_heap()


def trim_heap() -> None:
    """Give memory of the process that is free back to the system, where the C library keeps it between what is used.

    Some hundred megabytes after jobs of different sizes, in a hundredth of a second; only glibc has a call for it.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what was asked of it, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "xpu":
        torch.xpu.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def half_precision(device: torch.device) -> torch.dtype | None:
    """The 16-bit type in which the device computes convolutions faster than in float32; None: there is none."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "xpu" or (device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return torch.bfloat16
    return None


def warm_up(device: torch.device) -> None:
    """Run one small convolution, so that the first job does not pay for loading the device's libraries.

    Raises OutOfMemory, and DeviceUnavailable if the device is there but does not work (a driver that is too old).
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))  # read at the first convolution
    try:
        with memory_errors("starting to work"):
            image = torch.zeros(1, 3, 32, 32, device=device)
            weight = torch.zeros(4, 3, 3, 3, device=device)
            torch.nn.functional.conv2d(image, weight)
            synchronize(device)
    except RuntimeError as error:
        raise DeviceUnavailable(
            f"The device {device} does not work: {str(error).splitlines()[0]}",
            remedy="Update the graphics driver, or choose the CPU with `scumble serve --device cpu`.",
        ) from error


def _best() -> torch.device:
    count = _cuda_count()
    if count:
        sizes = [torch.cuda.get_device_properties(i).total_memory for i in range(count)]
        return torch.device("cuda", sizes.index(max(sizes)))
    if _xpu_count():
        return torch.device("xpu", 0)
    return torch.device("mps" if _mps_works() else "cpu")


def _cuda_count() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _xpu_count() -> int:
    return torch.xpu.device_count() if torch.xpu.is_available() else 0


def _mps_works() -> bool:
    return torch.backends.mps.is_available()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
