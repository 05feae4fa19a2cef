"""Which build of PyTorch fits a machine. Pure: facts in, builds to try out.

PyTorch keeps its builds on an index of its own, one folder each. The default index has one build per system: CUDA on
Linux, CPU on Windows, Metal on Apple's machines; its hashes stand in the constraints file, so it's preferred where it
fits. What an index really offers is asked when installing; a build it lacks is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InstallError
from .facts import Facts

#: PyTorch's own package index; a build's name is its folder there.
PYTORCH_INDEX = "https://download.pytorch.org/whl/"

#: CUDA 13 needs this driver and a Turing GPU; its builds are those of the default index on Linux.
CUDA13_DRIVER = 580.0
CUDA13_CAPABILITY = 7.5
#: CUDA 12's minor versions run on every driver of that generation.
CUDA12_DRIVER = 525.0
CUDA12_CAPABILITY = 5.0

#: GPUs that PyTorch's ROCm builds carry code for.
ROCM_TARGETS = (
    "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1150", "gfx1151",
    "gfx1200", "gfx1201",
)  # fmt: skip

#: First two digits of the PCI ids of Intel GPUs that the XPU builds support: Arc A and B, Core Ultra.
XPU_IDS = ("56", "7d", "64", "e2", "b0")


@dataclass(frozen=True)
class TorchBuild:
    name: str  # "cpu", "cu132", "rocm7.1", "xpu", or "default": what the default index has
    device: str  # what it computes on, in words
    index: str = ""  # "": the default index
    download_mb: int = 0  # about
    disk_mb: int = 0  # about
    needs_more: bool = False  # the index has further packages that this build needs

    @property
    def local(self) -> str:
        """The local version label, as in torch==2.15.0+cpu."""
        return self.name


def _own(name: str, device: str, download_mb: int, disk_mb: int, needs_more: bool = False) -> TorchBuild:
    return TorchBuild(name, device, PYTORCH_INDEX + name, download_mb, disk_mb, needs_more)


CPU = _own("cpu", "CPU", 300, 1400)
DEFAULT = TorchBuild("default", "CPU", "", 300, 1400)
DEFAULT_CUDA = TorchBuild("default", "CUDA", "", 3052, 5800)  # measured
DEFAULT_METAL = TorchBuild("default", "Metal", "", 200, 900)
CUDA13 = (_own("cu132", "CUDA", 2400, 5200, True), _own("cu130", "CUDA", 2400, 5200, True))
CUDA12 = (
    _own("cu129", "CUDA", 2800, 6000, True),
    _own("cu128", "CUDA", 2800, 6000, True),
    _own("cu126", "CUDA", 2500, 5500, True),
)
CUDA12_OLD_GPU = (CUDA12[2],)  # the last one with code for GPUs before Turing
ROCM = tuple(_own("rocm" + version, "ROCm", 4500, 16000, True) for version in ("7.2", "7.1", "7.0", "6.4"))
XPU = (_own("xpu", "XPU", 1500, 6000, True),)


#: What to say, and what to do about it.
NONE_REACHED = (
    "None of PyTorch's builds for this machine can be reached.",
    "Check the network, or the proxy in your pip configuration, and start again.",
)


@dataclass(frozen=True)
class Choice:
    """Builds to try in this order, the device they are for, and why."""

    builds: tuple[TorchBuild, ...]
    device: str  # "cuda", "rocm", "xpu", "mps", "cpu"
    reason: str
    warnings: tuple[str, ...] = ()


def choose(facts: Facts, wanted: str = "auto") -> Choice:
    """wanted: "auto" or what --device names. Raises InstallError if the machine can't do what was asked for."""
    if facts.system == "macos" and facts.machine != "arm64":
        raise InstallError(
            "PyTorch has no builds for Macs with Intel processors any more.",
            "Run the backend on another machine and reach it through an SSH tunnel (docs/remote.md).",
        )
    if facts.system == "windows" and facts.machine not in ("amd64", "x86_64"):
        raise InstallError(
            f"Scumble's backend has no builds for Windows on {facts.machine}.",
            "Run the backend on another machine and reach it through an SSH tunnel (docs/remote.md).",
        )
    offers = [_cuda(facts), _rocm(facts), _xpu(facts), _mps(facts)]
    warnings = tuple(offer for offer in offers if isinstance(offer, str))
    if wanted == "cpu":
        return Choice(_cpu_builds(facts), "cpu", "as asked for")
    usable = [offer for offer in offers if isinstance(offer, Choice)]
    if wanted != "auto":
        for offer in usable:
            if offer.device == wanted:
                return offer
        why = " ".join(warnings) or "No such GPU was found."
        raise InstallError(f"{wanted} can't be used on this machine. {why}", "Leave --device away.")
    if usable:
        first = usable[0]
        return Choice(first.builds, first.device, first.reason, warnings)
    return Choice(_cpu_builds(facts), "cpu", "no GPU that PyTorch can use was found", warnings)


def _cpu_builds(facts: Facts) -> tuple[TorchBuild, ...]:
    if facts.system == "linux":
        return (CPU, DEFAULT_CUDA)  # the default index has the CUDA build, which runs on the CPU too
    return (DEFAULT_METAL if facts.system == "macos" else DEFAULT,)


def _cuda(facts: Facts) -> Choice | str | None:
    """What to do about NVIDIA GPUs: a choice, a warning, or None without one."""
    gpus = [gpu for gpu in facts.gpus if gpu.vendor == "nvidia"]
    if not gpus:
        return None
    best = max(gpus, key=lambda gpu: (bool(gpu.driver), _number(gpu.capability), gpu.memory_mb))
    if not best.driver or facts.system == "macos":
        return f"{best.name}: NVIDIA's driver doesn't answer; install it to use the GPU."
    driver, capability = _number(best.driver), _number(best.capability)
    old_gpu = bool(best.capability) and capability < CUDA13_CAPABILITY
    reason = f"{best.name}, driver {best.driver}"
    if driver >= CUDA13_DRIVER and not old_gpu:
        builds = (DEFAULT_CUDA,) if facts.system == "linux" else (*CUDA13, DEFAULT)
        return Choice(builds, "cuda", reason)
    if driver < CUDA12_DRIVER:
        return f"{best.name}: its driver {best.driver} is too old for PyTorch; it takes {CUDA12_DRIVER:.0f}."
    if best.capability and capability < CUDA12_CAPABILITY:
        return f"{best.name} is too old for PyTorch (compute capability {best.capability}, not {CUDA12_CAPABILITY})."
    why = "an older GPU" if old_gpu else "an older driver"
    builds = CUDA12_OLD_GPU if old_gpu else CUDA12
    return Choice((*builds, *_cpu_builds(facts)), "cuda", f"{reason} ({why}: CUDA 12)")


def _rocm(facts: Facts) -> Choice | str | None:
    gpus = [gpu for gpu in facts.gpus if gpu.vendor == "amd"]
    if not gpus:
        return None
    if facts.system != "linux":
        return f"{gpus[0].name}: PyTorch uses AMD GPUs on Linux alone."
    for gpu in gpus:
        if gpu.driver and gpu.capability in ROCM_TARGETS:
            return Choice((*ROCM, *_cpu_builds(facts)), "rocm", f"{gpu.name} ({gpu.capability})")
    known = gpus[0].capability or "not known"
    return f"{gpus[0].name} ({known}): PyTorch's ROCm builds don't support it, or the amdgpu driver isn't loaded."


def _xpu(facts: Facts) -> Choice | str | None:
    for gpu in facts.gpus:
        if gpu.vendor == "intel" and gpu.driver and gpu.capability.startswith(XPU_IDS):
            return Choice((*XPU, *_cpu_builds(facts)), "xpu", gpu.name)
    return None  # an older Intel GPU is in nearly every machine: no word about it


def _mps(facts: Facts) -> Choice | None:
    if any(gpu.vendor == "apple" for gpu in facts.gpus):
        return Choice((DEFAULT_METAL,), "mps", "Apple silicon")
    return None


def _number(text: str) -> float:
    """The first two parts of a version as a number: "580.65.06" is 580.65."""
    parts = ([*text.split("."), "0"])[:2]
    return float(".".join(parts)) if all(part.isdigit() for part in parts) else 0.0
