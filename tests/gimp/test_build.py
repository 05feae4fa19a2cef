"""The build command's folder, as GIMP's own Python would meet it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scumble_installer.vendoring import VendoringFailed, vendor

PLUG_IN = Path(__file__).resolve().parents[2] / "plugin_gimp"

SOURCE = PLUG_IN.parent

TRY_OUT = """
import sys
sys.path.insert(0, sys.argv[1])
from scumble_wire import codec, messages
from scumble_wire._vendor import msgpack
assert not any("site-packages" in path for path in sys.path), sys.path
assert msgpack.Packer.__module__.endswith("_vendor.msgpack.fallback"), msgpack.Packer
sent = messages.Stylize(messages.ImageInfo(4, 3), [messages.StyleChoice("sea", 0.5)], title="\\u00e4")
assert codec.decode(codec.encode(sent, 7)) == (sent, 7)
from gimp_side import formats, targets, texts
print("ok")
"""


@pytest.fixture(scope="module")
def plug_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plug-ins")
    command = [sys.executable, str(PLUG_IN / "build.py"), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert Path(done.stdout.strip()) == out / "scumble_gimp"
    return out / "scumble_gimp"


def test_folder_and_script_have_one_name_and_the_script_is_executable(plug_in: Path) -> None:
    assert os.access(plug_in / f"{plug_in.name}.py", os.X_OK)
    assert (plug_in / "scumble_gimp.py").read_text("utf-8").startswith("#!/usr/bin/env python3\n")


def test_nothing_compiled_is_in_it(plug_in: Path) -> None:
    endings = {path.suffix for path in plug_in.rglob("*") if path.is_file()}
    assert endings <= {".py", ".md", ".mo", ".html", ""}, endings
    assert (plug_in / "manual" / "de.html").is_file()


def test_the_wire_is_copied_byte_for_byte(plug_in: Path) -> None:
    wire = SOURCE / "backend" / "scumble_wire"
    for path in wire.glob("*.py"):
        assert (plug_in / "scumble_wire" / path.name).read_bytes() == path.read_bytes()


def test_it_works_in_a_python_that_has_no_packages(plug_in: Path) -> None:
    done = subprocess.run([sys.executable, "-I", "-S", "-c", TRY_OUT, str(plug_in)], capture_output=True, text=True)
    assert done.stdout.strip() == "ok", done.stderr


def test_it_says_german(plug_in: Path) -> None:
    assert (plug_in / "locale" / "de" / "LC_MESSAGES" / "scumble_gimp.mo").is_file()


def test_msgpack_comes_with_its_license(plug_in: Path) -> None:
    assert "Apache License" in (plug_in / "scumble_wire" / "_vendor" / "msgpack" / "COPYING").read_text("utf-8")


def test_building_again_replaces_what_was_there(plug_in: Path) -> None:
    (plug_in / "gimp_side" / "old.py").write_text("", "utf-8")
    subprocess.run([sys.executable, str(PLUG_IN / "build.py"), str(plug_in.parent)], check=True, capture_output=True)
    assert not (plug_in / "gimp_side" / "old.py").exists()


def test_a_folder_without_msgpack_is_told(tmp_path: Path) -> None:
    with pytest.raises(VendoringFailed, match=r"fallback\.py"):
        vendor(tmp_path, msgpack=tmp_path)
