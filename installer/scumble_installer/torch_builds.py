"""Which build of PyTorch fits a machine. Pure: facts in, choice out."""

from __future__ import annotations

from dataclasses import dataclass

#: PyTorch's own package index; a build's name is its folder there.
PYTORCH_INDEX = "https://download.pytorch.org/whl/"


@dataclass(frozen=True)
class TorchBuild:
    name: str  # "cpu", "cu132", "rocm7.1", "xpu", or "default": what the default index has
    device: str  # what it computes on, in words
    index: str = ""  # "": the default index, whose hashes the constraints file holds
    download_mb: int = 0  # about
    disk_mb: int = 0  # about
    needs_more: bool = False  # the index has further packages that this build needs

    @property
    def local(self) -> str:
        """The local version label, as in torch==2.15.0+cpu."""
        return self.name


def own_index(name: str, device: str, download_mb: int, disk_mb: int, needs_more: bool = False) -> TorchBuild:
    return TorchBuild(name, device, PYTORCH_INDEX + name, download_mb, disk_mb, needs_more)


CPU = own_index("cpu", "CPU", 300, 1300)
DEFAULT = TorchBuild("default", "CUDA and CPU")


@dataclass(frozen=True)
class Preference:
    """Builds to try in this order, and why."""

    builds: tuple[TorchBuild, ...]
    reason: str


def names(builds: list[TorchBuild]) -> str:
    return ", ".join(build.name for build in builds)
