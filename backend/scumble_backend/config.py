"""Settings that outlive the backend, in `settings.json` of the user's configuration folder, and where things lie."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from scumble_backend.errors import ConfigDamaged, file_missing, from_os_error
from scumble_backend.files import write_text
from scumble_wire import folders
from scumble_wire.messages import Configure

_ONE = r"(?:cpu|mps|(?:cuda|xpu)(?::\d{1,3})?)"
DEVICE = re.compile(rf"auto|{_ONE}(?:,{_ONE}){{0,63}}")


@dataclass(frozen=True)
class Settings:
    """What `Configure` can change; the units are the message's."""

    device: str = "auto"
    memory_budget_mb: int = 1024  # MB for networks kept on the device; 0: no limit of ours
    idle_release_s: float = 600.0  # seconds; 0: never
    loss_network: str = ""  # file or folder; empty: looked for
    photos: str = ""  # folder or zip; empty: made-up pictures

    def __post_init__(self) -> None:
        """Raises ConfigDamaged, naming the setting."""
        _check(
            isinstance(self.device, str) and DEVICE.fullmatch(self.device) is not None,
            f"the device {self.device!r} is not one of auto, cpu, cuda, cuda:1, mps, xpu, or several with commas",
        )
        budget, idle = self.memory_budget_mb, self.idle_release_s
        _check(type(budget) is int and 0 <= budget < 1 << 24, f"a memory budget of {budget!r} MB makes no sense")
        _check(
            isinstance(idle, (int, float)) and not isinstance(idle, bool) and math.isfinite(idle) and idle >= 0,
            f"an idle time of {idle!r} s makes no sense",
        )
        for name in ("loss_network", "photos"):
            _check(isinstance(getattr(self, name), str), f"{name} is not a path")

    @property
    def devices(self) -> tuple[str, ...]:
        """Those that are named; ("auto",) where they are to be found out."""
        return tuple(self.device.split(","))

    def changed(self, wish: Configure) -> Settings:
        """The settings with what a client asked for. Raises ConfigDamaged; FileTrouble for a missing path."""
        wished = {field.name: getattr(wish, field.name) for field in fields(self)}
        for name in ("loss_network", "photos"):
            if wished[name] and not Path(wished[name]).expanduser().exists():
                raise file_missing(wished[name])
        return replace(self, **{name: value for name, value in wished.items() if value is not None})


@dataclass(frozen=True)
class Places:
    """The user's folders. SCUMBLE_HOME moves them all; see `scumble_wire.folders`."""

    config: Path
    data: Path
    cache: Path
    logs: Path

    @classmethod
    def of_user(cls) -> Places:
        return cls(
            folders.config_folder(),
            folders.data_folder(),
            folders.cache_folder(),
            folders.log_folder(),
        )

    @property
    def settings(self) -> Path:
        return self.config / "settings.json"

    @property
    def packs(self) -> Path:
        return self.data / "packs"

    @property
    def trainings(self) -> Path:
        return self.data / "training"

    @property
    def log(self) -> Path:
        return self.logs / "backend.log"


def starter_packs() -> Path:
    """The packs that ship: beside this package in a source checkout, inside it when installed."""
    inside = Path(__file__).parent / "starter_packs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "starter_packs"


def load(path: Path) -> Settings:
    """Read the settings; defaults where there is no file. Raises ConfigDamaged, FileTrouble."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    except ValueError as error:
        raise ConfigDamaged(f"{path} is no JSON: {error}.", remedy="Correct it, or remove it.") from error
    if not isinstance(raw, Mapping):
        raise ConfigDamaged(f"{path} holds no settings.", remedy="Correct it, or remove it.")
    known: dict[str, Any] = {field.name: raw[field.name] for field in fields(Settings) if field.name in raw}
    try:
        return Settings(**known)
    except ConfigDamaged as error:
        raise ConfigDamaged(f"{path}: {error.message}", remedy="Correct it, or remove it.") from error


def save(path: Path, settings: Settings) -> None:
    """Keep the settings. Raises DiskFull, FileTrouble; the old file is then unharmed."""
    write_text(path, json.dumps(asdict(settings), indent=2) + "\n")


def _check(condition: bool, sentence: str) -> None:
    if not condition:
        raise ConfigDamaged(f"A setting is wrong: {sentence}.", remedy="Choose another value.")
