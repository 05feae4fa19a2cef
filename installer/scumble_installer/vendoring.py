"""What both plugin builds do alike: copy the packages they share, with msgpack's pure-Python files inside the wire.

Editors' own Pythons have no msgpack and can't load compiled modules of ours; msgpack works without its compiled part.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import Iterable

from .payload import project_version

MSGPACK_FILES = ("__init__.py", "exceptions.py", "ext.py", "fallback.py")
SHARED_PACKAGES = ("backend/scumble_wire", "plugin_shared/scumble_editor")
_SHARED_IMPORT = re.compile(r"^([ \t]*)from (scumble_(?:wire|editor)\b)", re.MULTILINE)
_PLAIN_IMPORT = re.compile(r"^[ \t]*import scumble_(?:wire|editor)\b", re.MULTILINE)
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
    raise VendoringFailed(f"msgpack's license text is missing beside {msgpack}; install msgpack again.")


def vendor(plugin: Path, msgpack: Path | None = None, source: Path | None = None) -> None:
    """Put the shared packages, with msgpack under scumble_wire/_vendor, into the plugin's folder.

    Older copies are replaced. msgpack: folder of its sources; None: those of this Python. source: the checkout;
    None: the one this file lies in. Raises VendoringFailed.
    """
    root = source or source_root()
    packed = msgpack or find_msgpack()
    missing = [name for name in MSGPACK_FILES if not (packed / name).is_file()]
    if missing:
        raise VendoringFailed("{} does not hold msgpack: {} missing.".format(packed, ", ".join(missing)))
    license_text = find_license(packed)
    for package in SHARED_PACKAGES:
        target = plugin / Path(package).name
        if target.exists():
            shutil.rmtree(str(target))
        shutil.copytree(str(root / package), str(target), ignore=_LEFT_OUT)
    copies = plugin / "scumble_wire" / "_vendor"
    (copies / "msgpack").mkdir(parents=True)
    (copies / "__init__.py").write_text('"""Copies of others\' packages, for Pythons that have none."""\n', "utf-8")
    for name in MSGPACK_FILES:
        shutil.copyfile(str(packed / name), str(copies / "msgpack" / name))
    shutil.copyfile(str(license_text), str(copies / "msgpack" / "COPYING"))


def copy_manual(plugin: Path, source: Path | None = None) -> None:
    """Put the manual (docs/manual, a page for each language) into the plugin's folder `manual`, its version in it.

    source: the checkout; None: the one this file lies in. Raises VendoringFailed.
    """
    root = source or source_root()
    pages = sorted((root / "docs" / "manual").glob("*.html"))
    if not pages:
        raise VendoringFailed("docs/manual is missing: this copy of Scumble isn't complete. Get it again.")
    target = plugin / "manual"
    target.mkdir(exist_ok=True)
    for page in pages:
        text = page.read_text("utf-8").replace("<!--version-->", f"Version {project_version(root)}.")
        (target / page.name).write_text(text, "utf-8")


def make_imports_relative(plugin: Path) -> None:
    """Let a plugin's files import its own copies of the shared packages: all of Krita's plugins share one Python.

    `from scumble_wire.errors import X` becomes `from ..scumble_wire.errors import X`, by how deep the file lies.
    Raises VendoringFailed for a form of import that can't be changed so.
    """
    for folder, _folders, names in os.walk(str(plugin)):
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix != ".py":
                continue
            text = path.read_text("utf-8")
            if _PLAIN_IMPORT.search(text):
                raise VendoringFailed(f"{path}: write `from scumble_... import ...`, which can be made relative.")
            dots = "." * len(path.relative_to(plugin).parts)
            path.write_text(_SHARED_IMPORT.sub(rf"\1from {dots}\2", text), "utf-8")


def copy_sources(source: Path, target: Path, leave_out: Iterable[str] = ()) -> None:
    """Copy a plugin's own files into a fresh folder, without caches and the names left out."""
    if target.exists():
        shutil.rmtree(str(target))
    shutil.copytree(str(source), str(target), ignore=shutil.ignore_patterns("__pycache__", "*.pyc", *leave_out))
    for folder, _folders, names in os.walk(str(target)):
        for name in names:
            if name.endswith(".py") and not re.match(r"#!", (Path(folder) / name).read_text("utf-8")[:2]):
                (Path(folder) / name).chmod(0o644)
