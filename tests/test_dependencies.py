"""What we depend on: pinned with hashes, wanted by somebody, consistent, and under licenses that allow it. Offline.

Read from pyproject.toml, the constraints files and the metadata of what is installed; docs/licenses.md shows it.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scumble_installer import lockfile, vendoring

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licenses.md"

#: Licenses that let anybody use, change and pass on, in the terms of SPDX.
FREE = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib",
}  # fmt: skip
#: NVIDIA's own, which lets its libraries be used and passed on unchanged; only PyTorch's CUDA build needs them.
PROPRIETARY = "LicenseRef-NVIDIA-Proprietary"

#: What packages say that have no SPDX expression.
_SPELLED = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "NVIDIA Proprietary Software": PROPRIETARY,
}
_SILENT = {"cuda-toolkit": PROPRIETARY}  # its metadata says nothing; it is a list of the packages beside it


@cache
def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


@cache
def pins(name: str) -> tuple[lockfile.Pin, ...]:
    return tuple(lockfile.read(ROOT / name))


def names(file: str) -> set[str]:
    return {canonicalize_name(pin.name) for pin in pins(file)}


def here(pin: lockfile.Pin) -> bool:
    """Whether the pin counts for this Python and system."""
    return not pin.marker or Requirement(f"{pin.name}; {pin.marker}").marker.evaluate()  # type: ignore[union-attr]


def installed(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def license_of(found: importlib.metadata.Distribution) -> str:
    """The package's own word, as an SPDX expression."""
    said = found.metadata.get("License-Expression") or ""
    short = (found.metadata.get("License") or "").strip()
    if not said and "\n" not in short and len(short) < 40:
        said = short
    if not said:
        kinds = [
            entry.split(" :: ")[-1] for entry in found.metadata.get_all("Classifier") or [] if "License" in entry
        ]
        said = next((kind for kind in kinds if kind in _SPELLED), "")
    return _SPELLED.get(said, said) or _SILENT.get(canonicalize_name(found.name), "")


def parts(expression: str) -> set[str]:
    return set(re.split(r" AND | OR ", expression.replace("(", "").replace(")", "")))


@pytest.mark.parametrize(
    "file", ["constraints.txt", "constraints-dev.txt", "constraints-cluster.txt", "constraints-docs.txt"]
)
def test_every_pin_has_a_version_and_hashes_and_no_address(file: str) -> None:
    for pin in pins(file):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin.text), f"{pin.name} has no hash"
        assert Version(pin.version) and "://" not in pin.text and "@" not in pin.text.split("--hash")[0]


def test_what_runs_is_what_is_tested() -> None:
    """The gate's list holds the runtime's, pin by pin."""
    missing = {(pin.name, pin.version, pin.marker) for pin in pins("constraints.txt")} - {
        (pin.name, pin.version, pin.marker) for pin in pins("constraints-dev.txt")
    }
    assert {name for name, _, _ in missing if name not in names("constraints-dev.txt")} == set()
    for name in {name for name, _, _ in missing}:
        versions = [
            {pin.version for pin in pins(file) if pin.name == name}
            for file in ("constraints.txt", "constraints-dev.txt")
        ]
        assert versions[0] <= versions[1], name


def test_pins_lie_in_the_ranges_of_the_project() -> None:
    extra = project()["optional-dependencies"]["dev"]
    for file, lines in (("constraints.txt", project()["dependencies"]), ("constraints-dev.txt", extra)):
        for requirement in map(Requirement, lines):
            chosen = [
                pin.version
                for pin in pins(file)
                if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
            ]
            assert chosen, f"{requirement.name} is not pinned"
            assert all(requirement.specifier.contains(version) for version in chosen), requirement


def test_every_pin_is_wanted_by_the_project_or_by_what_it_needs() -> None:
    """Nothing is installed that nobody asked for. Followed through the metadata of what is here."""
    lines = [*project()["dependencies"], *project()["optional-dependencies"]["dev"]]
    waiting = [(canonicalize_name(each.name), each.extras) for each in map(Requirement, lines)]
    reached: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, frozenset(extras)) in seen:
            continue
        seen.add((name, frozenset(extras)))
        reached.add(name)
        found = installed(name)
        for line in (found.requires if found else None) or []:
            need = Requirement(line)
            # Other systems' needs count, too: the constraints are for all of them.
            by_extra = need.marker is not None and "extra" in str(need.marker)
            taken = not by_extra or any(need.marker.evaluate({**_somewhere(), "extra": one}) for one in extras)  # type: ignore[union-attr]
            if taken:
                waiting.append((canonicalize_name(need.name), need.extras))
    pinned = {canonicalize_name(pin.name) for pin in pins("constraints-dev.txt") if here(pin)}
    assert pinned - reached == set()


def _somewhere() -> dict[str, str]:
    return {**{key: str(value) for key, value in default_environment().items()}, "sys_platform": "linux"}


def test_what_is_installed_fits_together() -> None:
    """As `pip check` sees it: every need of every pinned package is met by what is here."""
    troubles = []
    for pin in pins("constraints-dev.txt"):
        found = installed(pin.name)
        if found is None or not here(pin):
            continue
        for need in map(Requirement, found.requires or []):
            if need.marker is not None and not need.marker.evaluate({"extra": ""}):
                continue
            # A layered environment may hold an older one, too, such as the setuptools that venv brings.
            versions = [each.version for each in importlib.metadata.distributions(name=need.name)]
            if not any(need.specifier.contains(each.split("+")[0], prereleases=True) for each in versions):
                troubles.append(f"{pin.name} wants {need}, there is {versions}")
    assert troubles == []


def listed() -> dict[str, str]:
    """Package -> license, as the page has it."""
    rows = re.findall(r"^\| ([\w.-]+) \| ([^|]+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return {name: said.strip() for name, said in rows if name != "package"}


def test_the_page_lists_every_package_with_its_own_license() -> None:
    shown = listed()
    assert sorted(shown) == sorted(names("constraints-dev.txt") | {"scumble"})
    wrong = {}
    for name, said in shown.items():
        found = installed(name)
        if found is not None and name != "scumble" and license_of(found) != said:
            wrong[name] = f"the page says {said}, the package {license_of(found)}"
    assert wrong == {}


def test_every_license_lets_it_be_used_and_passed_on() -> None:
    for name, said in listed().items():
        if name.startswith(("nvidia-", "cuda-")):
            assert parts(said) <= FREE | {PROPRIETARY}, name
        else:
            assert parts(said) <= FREE, f"{name}: {said}"


def test_what_the_plugins_carry_has_its_license_beside_it() -> None:
    """msgpack alone: the build copies the text that its package brings."""
    text = vendoring.find_license(vendoring.find_msgpack()).read_text("utf-8")
    assert "Licensed under the Apache License, Version 2.0" in text
