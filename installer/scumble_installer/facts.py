"""What was found on a machine: plain data that can be written down, read back and planned from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .pythons import Python


@dataclass(frozen=True)
class Gpu:
    vendor: str  # "nvidia", "amd", "intel", "apple"
    name: str
    memory_mb: int = 0  # 0: not known
    driver: str = ""  # "580.65.06"; "" when no driver answered
    capability: str = ""  # NVIDIA: compute capability "8.6"; AMD: "gfx1100"; Intel: PCI id "56a0"


@dataclass(frozen=True)
class Editor:
    """One Krita or GIMP of this user's. Folders and files needn't exist yet."""

    program: str  # "krita" or "gimp"
    kind: str  # "native", "flatpak", "snap", "appimage", "store", "portable"
    version: str  # "5.2.9"; "" when it can't be told
    plugins: str  # folder that the plugin goes into: Krita's resource folder, GIMP's plug-ins folder
    settings: str  # Krita: kritarc; GIMP: the folder of its settings
    command: str = ""  # how it is started, in words

    @property
    def title(self) -> str:
        name = {"krita": "Krita", "gimp": "GIMP"}[self.program]
        kind = {"flatpak": "Flatpak", "snap": "Snap", "appimage": "AppImage", "store": "Microsoft Store"}
        return " ".join(part for part in (name, self.version, f"({kind.get(self.kind, self.kind)})") if part)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as numbers, (5, 2, 9); empty when it isn't known."""
        parts = self.version.replace("-", ".").split(".")
        return tuple(int(part) for part in parts if part.isdigit())


@dataclass(frozen=True)
class Facts:
    system: str  # "linux", "windows", "macos"
    system_version: str
    machine: str  # "x86_64", "aarch64", "arm64", "amd64" in lower case
    pythons: tuple[Python, ...]
    uv: str  # path; "" if it isn't installed
    gpus: tuple[Gpu, ...]
    editors: tuple[Editor, ...]
    free_mb: int  # where the environments go
    existing: tuple[str, ...] = ()  # settings folders and files of `editors` that are there already
    taking_over: tuple[str, ...] = ()  # settings folders that a GIMP will fill from an older one at its first start

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def from_json(data: dict[str, Any]) -> Facts:
    """The opposite of Facts.to_json, for recorded machines."""
    return Facts(
        system=data["system"],
        system_version=data["system_version"],
        machine=data["machine"],
        pythons=tuple(Python(**dict(one, version=tuple(one["version"]))) for one in data["pythons"]),
        uv=data["uv"],
        gpus=tuple(Gpu(**one) for one in data["gpus"]),
        editors=tuple(Editor(**one) for one in data["editors"]),
        free_mb=data["free_mb"],
        existing=tuple(data.get("existing", ())),
        taking_over=tuple(data.get("taking_over", ())),
    )
