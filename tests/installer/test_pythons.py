"""Choosing the backend's Python, and telling pip's settings to uv."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from scumble_installer import pip_settings, pythons
from scumble_installer.errors import InstallError
from scumble_installer.pythons import Python

GOOD = Python("/usr/bin/python3", (3, 12, 3), True)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        (dataclasses.replace(GOOD, version=(3, 9, 2)), "older than 3.10"),
        (dataclasses.replace(GOOD, version=(3, 15, 0)), "newer than 3.14"),
        (dataclasses.replace(GOOD, version=(3, 14, 1)), "torchvision refuses"),
        (dataclasses.replace(GOOD, bits=32), "32-bit"),
        (dataclasses.replace(GOOD, implementation="pypy"), "pypy, not CPython"),
        (dataclasses.replace(GOOD, free_threaded=True), "free-threaded"),
        (GOOD, ""),
    ],
)
def test_a_python_that_does_not_fit_says_why(python: Python, words: str) -> None:
    assert words in python.why_not()
    assert bool(python.why_not()) == bool(words)


def test_the_first_that_fits_is_chosen() -> None:
    old = dataclasses.replace(GOOD, version=(3, 8, 1), path="/old")
    assert pythons.choose([old, GOOD], "") == GOOD
    with pytest.raises(InstallError, match=r"/old 3\.8: it is older than 3\.10") as caught:
        pythons.choose([old], "")
    assert "install uv" in caught.value.remedy


def test_this_python_tells_what_it_is() -> None:
    python = pythons.ask(sys.executable)
    assert python is not None
    assert python.version == sys.version_info[:3]
    assert python.why_not() == ""
    assert Path(python.path).exists()


@pytest.mark.parametrize("name", ["nowhere", "silent"])
def test_what_is_no_python_is_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / "silent").write_text("#!/bin/sh\necho hello\n", "utf-8")
    (tmp_path / "silent").chmod(0o755)
    assert pythons.ask(str(tmp_path / name)) is None


def test_pips_settings_become_uvs() -> None:
    listing = (
        "global.index-url='https://mirror.example/simple'\n"
        "global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'\n"
        ":env:.find-links='/wheels'\nglobal.find-links='/other'\n"
        "global.cert='/etc/ssl/own.pem'\nglobal.proxy='http://proxy.example:3128'\n"
        "install.trusted-host='mirror.example'\nnonsense\n"
    )
    told = pip_settings.for_uv(pip_settings.parse(listing), {})
    assert told == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_FIND_LINKS": "/wheels",
        "UV_INSECURE_HOST": "mirror.example",
        "SSL_CERT_FILE": "/etc/ssl/own.pem",
        "ALL_PROXY": "http://proxy.example:3128",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_what_is_set_for_uv_already_stays() -> None:
    settings = {"global.index-url": "https://mirror.example/simple"}
    assert pip_settings.for_uv(settings, {"UV_DEFAULT_INDEX": "mine"}) == {}
    assert pip_settings.for_uv({}, {}) == {}


def test_pips_settings_are_really_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    asked = pip_settings.read(pythons.ask(sys.executable).path)  # type: ignore[union-attr]
    assert asked.get(":env:.index-url") == "https://mirror.example/simple"
    assert pip_settings.read("/nowhere/python") == {}
