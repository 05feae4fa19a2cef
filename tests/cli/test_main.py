"""The `scumble` command itself: errors as JSON, a full or narrow standard output, typing errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from backend_stage import write_affine_pack
from PIL import Image

import scumble_backend
import scumble_cli
import scumble_training
from scumble_cli.main import main
from scumble_cli.picture_work import Done
from scumble_wire.messages import ImageInfo, ImageResult

PATHS = os.pathsep.join(str(Path(p.__file__).parents[1]) for p in (scumble_backend, scumble_cli, scumble_training))


def run(
    *words: str, stdout: Any = subprocess.PIPE, code: str = "", **environ: str
) -> subprocess.CompletedProcess[bytes]:
    program = ["-c", code] if code else ["-m", "scumble_cli"]
    return subprocess.run(
        [sys.executable, *program, *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": PATHS, **environ},
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["style", "nothing.png", "-o", "out.png", "-p", "wave", "--json"], 1, "file_trouble"),
        (["style", "in.png", "-o", "out.docx", "-p", "wave", "--json"], 1, "unwritable_image"),
        (["style", "in.png", "--json"], 2, "usage"),
        (["upscale", "in.png", "-o", "out.png", "--factor", "many", "--json"], 2, "usage"),
        (["packs", "info", "nothing", "--json"], 1, "pack_unknown"),
        (["train", "--resume", "--json"], 1, "file_trouble"),
        (["nonsense", "--json"], 2, "usage"),
    ],
)
def test_a_failure_is_told_as_json_too(
    home: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("in.png")
    assert main(words) == status
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["code"] == code and error["message"] and error["remedy"]
    assert error["message"].rstrip(".").split("\n")[0] in " ".join(told.err.split())


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["styel", "in.png"], "style"),
        (["packs", "lst"], "list"),
        (["style", "in.png", "-o", "out.png", "--strenght", "1"], "--strength"),
        (["train", "x.png", "--quality", "quik"], "quick"),
        (["packs", "list", "--kind", "upscales"], "upscale"),
    ],
)
def test_a_typing_error_is_answered_with_what_was_meant(
    home: Path, capsys: Any, words: list[str], meant: str
) -> None:
    assert main(words) in (1, 2)
    assert meant in capsys.readouterr().err


def test_a_misspelled_pack_is_answered_with_what_was_meant(home: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["packs", "add", str(write_affine_pack(tmp_path / "starry-night.scumble", "starry-night"))]) == 0
    assert main(["packs", "info", "starry-nigth"]) == 1
    assert "Did you mean 'starry-night'?" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_standard_output_is_told_without_a_traceback() -> None:
    with Path("/dev/full").open("wb") as full:
        done = run("--version", stdout=full)
    assert done.returncode == 1
    assert b"standard output can't be written" in done.stderr and b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
def test_a_reader_that_has_left_is_no_error_to_tell() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("--version", stdout=writing)
    finally:
        os.close(writing)
    assert done.stderr == b""


def test_a_terminal_of_ascii_gets_every_message() -> None:
    """Names and notes with letters that it doesn't have; and JSON that stays JSON."""
    code = (
        "import sys; from scumble_cli import connection; from scumble_cli.main import main\n"
        "assert main(['style', 'M\\u00fcller \\u6d6a.png', '-o', 'out.png', '-p', 'wave']) == 1\n"
        "connection.print_json({'title': '\\u6d6a'})"
    )
    done = run(code=code, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert b"ller" in done.stderr and b".png does not exist" in done.stderr and b"Traceback" not in done.stderr
    assert json.loads(done.stdout) == {"title": "浪"}


@pytest.mark.parametrize(("words", "shown"), [(["style", "--help"], b"--strength"), (["packs", "list"], b"scream")])
def test_help_and_tables_are_shown_on_a_terminal_of_ascii(words: list[str], shown: bytes) -> None:
    done = run(*words, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0 and shown in done.stdout, done.stderr


def test_notes_of_file_and_backend_are_in_the_json(capsys: Any) -> None:
    info = ImageInfo(8, 8, "u8", "RGB")
    done = Done(Path("out.png"), ImageResult("job-1", info, "cpu", 0.7, 0.5), 1.0, ["a", "b"], None)
    done.tell("wave", {"pack": "wave"}, as_json=True)
    assert json.loads(capsys.readouterr().out)["notes"] == ["a", "b"]
