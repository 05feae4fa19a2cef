"""The constraints files: complete, hashed, without host names, and in step with pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scumble_installer import lockfile
from scumble_installer.errors import InstallError

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = lockfile.read(ROOT / "constraints.txt")
ALL = lockfile.read(ROOT / "constraints-dev.txt")
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]


def requirements(section: str) -> list[Requirement]:
    """A list of requirements in pyproject.toml, read as the plain text that it is."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    body = re.search(rf"^{section} = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert body, section
    return [Requirement(line) for line in re.findall(r'"([^"]+)"', body.group(1))]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("section", ["dependencies", "dev"])
def test_the_pins_satisfy_what_the_project_asks_for(section: str, python: str) -> None:
    pins = RUNTIME if section == "dependencies" else ALL
    for requirement in requirements(section):
        if requirement.marker and not requirement.marker.evaluate({"python_version": python}):
            continue
        version = lockfile.version_of(pins, canonicalize_name(requirement.name), python)
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version} for {python}"


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-dev.txt"])
def test_no_host_and_no_path_is_named(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    assert re.findall(r"^\s*(?:-|/)(?!-hash=sha256:)", text, re.MULTILINE) == []


def test_every_pin_has_hashes() -> None:
    assert [pin.name for pin in ALL if "--hash=sha256:" not in pin.text] == []


def test_the_gates_pins_agree_with_the_backends() -> None:
    backend = {(pin.name, pin.version, pin.marker) for pin in RUNTIME}
    gate = {(pin.name, pin.version, pin.marker) for pin in ALL}
    assert backend <= gate
    layer = lockfile.without(ALL, RUNTIME)
    assert {pin.name for pin in layer} & {pin.name for pin in RUNTIME} == set()
    assert {"pytest", "ruff", "mypy"} <= {pin.name for pin in layer}


def test_the_torch_lines_can_be_taken_out_for_another_build() -> None:
    special = [pin for pin in RUNTIME if pin.is_torch or pin.is_cuda_library]
    assert {"torch", "torchvision", "triton"} <= {pin.name for pin in special}
    ordinary = {pin.name for pin in lockfile.without(RUNTIME, special)}
    assert {"numpy", "pyzmq", "sympy"} <= ordinary
    assert not any(name.startswith("nvidia") for name in ordinary)


def test_a_changed_hash_changes_the_digest() -> None:
    text = lockfile.render(RUNTIME)
    changed = re.sub(r"sha256:(.)", lambda m: "sha256:" + ("0" if m.group(1) != "0" else "1"), text, count=1)
    assert lockfile.digest(lockfile.parse(text)) == lockfile.digest(RUNTIME)
    assert lockfile.digest(lockfile.parse(changed)) != lockfile.digest(RUNTIME)


@pytest.mark.parametrize(
    ("marker", "python", "holds"),
    [
        ("python_full_version < '3.11'", "3.10", True),
        ("python_full_version < '3.11'", "3.11", False),
        ("python_full_version == '3.11.*'", "3.11", True),
        ("python_full_version == '3.11.*'", "3.12", False),
        ("python_full_version >= '3.11' and sys_platform == 'linux'", "3.14", True),
        ("sys_platform == 'win32'", "3.12", True),
    ],
)
def test_markers_are_read_by_python_version(marker: str, python: str, holds: bool) -> None:
    pins = lockfile.parse(f"a==1 ; {marker} \\\n    --hash=sha256:00\n")
    if holds:
        assert lockfile.version_of(pins, "a", python) == "1"
    else:
        with pytest.raises(InstallError, match="has no a for Python"):
            lockfile.version_of(pins, "a", python)


def test_a_line_that_pins_nothing_is_an_error() -> None:
    with pytest.raises(InstallError, match="pins nothing: numpy>=2"):
        lockfile.parse("numpy>=2\n")
    with pytest.raises(InstallError, match="isn't complete"):
        lockfile.read(Path("nowhere.txt"))
