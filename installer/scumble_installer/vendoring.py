"""What both plugin builds do alike: copy the wire package byte for byte, with msgpack's pure-Python files inside it.

Editors' own Pythons have no msgpack and can't load compiled modules of ours; msgpack works without its compiled part.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import Iterable

MSGPACK_FILES = ("__init__.py", "exceptions.py", "ext.py", "fallback.py")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "_vendor", "*.so", "*.pyd")


class VendoringFailed(Exception):
    """The plugin can't be built here; the text says what to do."""


def source_root() -> Path:
    """The checkout that this file lies in."""
    return Path(__file__).resolve().parent.parent.parent


def find_msgpack() -> Path:
    """The folder of the msgpack that this Python has. Raises VendoringFailed."""
    spec = importlib.util.find_spec("msgpack")
    if spec is None or not spec.submodule_search_locations:
        raise VendoringFailed(
            "This Python has no msgpack to copy into the plugin. Build with the Python of Scumble's environment, or "
            "name a folder that holds msgpack's sources."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def find_license(msgpack: Path) -> Path:
    """msgpack's license text, beside its sources. Raises VendoringFailed."""
    for pattern in ("msgpack-*.dist-info/licenses/COPYING", "msgpack-*.dist-info/COPYING", "COPYING"):
        found = sorted(msgpack.parent.glob(pattern))
        if found:
            return found[-1]
    raise VendoringFailed(f"msgpack's license text is missing beside {msgpack}; install msgpack anew.")


def vendor_wire(plugin: Path, msgpack: Path | None = None, wire: Path | None = None) -> Path:
    """Put scumble_wire, with msgpack under _vendor, into the plugin's folder; returns its place there.

    An older copy is replaced. msgpack: folder of its sources; None: those of this Python. Raises VendoringFailed.
    """
    source = wire or source_root() / "backend" / "scumble_wire"
    packed = msgpack or find_msgpack()
    missing = [name for name in MSGPACK_FILES if not (packed / name).is_file()]
    if missing:
        raise VendoringFailed("{} does not hold msgpack: {} missing.".format(packed, ", ".join(missing)))
    license_text = find_license(packed)
    target = plugin / "scumble_wire"
    if target.exists():
        shutil.rmtree(str(target))
    shutil.copytree(str(source), str(target), ignore=_LEFT_OUT)
    vendor = target / "_vendor"
    (vendor / "msgpack").mkdir(parents=True)
    (vendor / "__init__.py").write_text('"""Copies of others\' packages, for Pythons that have none."""\n', "utf-8")
    for name in MSGPACK_FILES:
        shutil.copyfile(str(packed / name), str(vendor / "msgpack" / name))
    shutil.copyfile(str(license_text), str(vendor / "msgpack" / "COPYING"))
    return target


def copy_sources(source: Path, target: Path, leave_out: Iterable[str] = ()) -> None:
    """Copy a plugin's own files into a fresh folder, without caches and the names left out."""
    if target.exists():
        shutil.rmtree(str(target))
    shutil.copytree(str(source), str(target), ignore=shutil.ignore_patterns("__pycache__", "*.pyc", *leave_out))
    for folder, _folders, names in os.walk(str(target)):
        for name in names:
            if name.endswith(".py") and not re.match(r"#!", (Path(folder) / name).read_text("utf-8")[:2]):
                (Path(folder) / name).chmod(0o644)
