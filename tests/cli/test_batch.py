"""`scumble batch`, and `scumble style` and `upscale` with several pictures, against a running backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from batch.conftest import picture
from cli.conftest import Scumble
from PIL import Image

from scumble_backend.batch import threads


@pytest.fixture
def scumble(scumble: Scumble, monkeypatch: pytest.MonkeyPatch) -> Scumble:
    monkeypatch.setenv("COLUMNS", "500")
    return scumble


def test_a_batch_gives_the_files_of_single_commands_and_goes_on_where_it_was(
    scumble: Scumble, tmp_path: Path, capsys: Any
) -> None:
    for number in range(3):
        picture(tmp_path / f"in/{number}.jpg", seed=number)
    words = ["--strength", "0.8", "--seed", "3", "--keep-colors"]
    assert scumble("batch", tmp_path / "in", "-o", tmp_path / "out", "--pack", "wave", "--json", *words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"], told["not_begun"], told["done_before"]) == (3, 0, 0, 0)
    assert [Path(one["output"]).name for one in told["results"]] and told["pictures_per_second"] > 0
    assert sum(told["devices"].values()) == 3
    for number in range(3):
        single = tmp_path / f"single-{number}.jpg"
        assert scumble("style", tmp_path / f"in/{number}.jpg", "-o", single, "--pack", "wave", *words) == 0
        assert single.read_bytes() == (tmp_path / f"out/{number}.jpg").read_bytes()
    capsys.readouterr()
    assert scumble("batch", tmp_path / "in", "-o", tmp_path / "out", "--pack", "wave", *words) == 0
    assert "3 of 3 pictures are in" in (out := capsys.readouterr().out) and "3 of them from before" in out


def test_failures_stand_in_a_table_and_in_json_with_status_1(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    picture(tmp_path / "in/fine.png")
    (tmp_path / "in/text.png").write_text("no picture")
    assert scumble("batch", tmp_path / "in", "-o", tmp_path / "out", "--pack", "wave", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["code"] for one in told["failures"]] == ["unreadable_image"]
    assert scumble("batch", tmp_path / "in", "-o", tmp_path / "out", "--pack", "wave") == 1
    told = capsys.readouterr()
    assert "1 of 2 pictures" in told.out and "1 failed" in told.err and "isn't a picture" in told.err


def test_style_and_upscale_take_several_pictures(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    one, two = picture(tmp_path / "one.png"), picture(tmp_path / "two.png", seed=1)
    mix = ["--mix", "wave:2", "--mix", "night:1"]
    assert scumble("style", one, two, "-o", tmp_path / "painted", *mix) == 0
    assert scumble("upscale", one, two, "-o", tmp_path / "large", "--model", "bicubic") == 0
    for name in ("one.png", "two.png"):
        with Image.open(tmp_path / "painted" / name) as painted, Image.open(tmp_path / "large" / name) as large:
            assert painted.size == (24, 16) and large.size == (48, 32)
    assert "2 of 2 pictures" in capsys.readouterr().out
    assert scumble("style", one, two, "-o", tmp_path / "painted.png", *mix) == 2
    assert "name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["in", "-o", "out"], 2, "--upscale"),
        (["in", "-o", "out", "--pack", "wave", "--upscale", "2"], 2, "--upscale"),
        (["in", "-o", "out", "--upscale", "99"], 2, "1 and 16"),
        (["in", "-o", "out", "--upscale", "2", "--sequence"], 2, "--sequence"),
        (["in", "-o", "out", "--pack", "wave", "--name", "{x}"], 1, "can't hold"),
        (["in", "-o", "in", "--pack", "wave"], 1, "among the pictures"),
        (["in", "-o", "out", "--pack", "nope"], 1, "scumble packs list"),
    ],
)
def test_what_is_wrong_with_a_whole_batch_is_said_before_anything_is_done(
    scumble: Scumble, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int,
    said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    picture(Path("in/a.png"))
    assert scumble("batch", *words) == status
    told = capsys.readouterr()
    assert said in told.err and "Traceback" not in told.err and told.out == ""
    assert not list(Path().glob("out/*.png"))


def test_ctrl_c_tells_how_far_it_got_and_has_status_130(
    scumble: Scumble, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        picture(tmp_path / f"in/{number}.png", seed=number)
    whole = threads.carry_out

    def interrupted(*arguments: Any) -> Any:
        outcomes = whole(*arguments)
        yield next(outcomes)
        outcomes.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(threads, "carry_out", interrupted)
    assert scumble("batch", tmp_path / "in", "-o", tmp_path / "out", "--pack", "wave") == 130
    told = capsys.readouterr()
    assert "1 of 3 pictures" in told.out and "The same command goes on" in told.err
    monkeypatch.undo()


def test_a_sequence_goes_over_the_wire_with_its_anchors(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    for number in range(4):
        picture(tmp_path / f"in/f{number}.png", seed=number)
    words = [tmp_path / "in", "--pack", "wave", "-o"]
    assert scumble("batch", *words, tmp_path / "apart") == 0
    assert scumble("batch", *words, tmp_path / "shared", "--sequence") == 0
    differ = [
        (tmp_path / "apart" / f"f{number}.png").read_bytes() != (tmp_path / "shared" / f"f{number}.png").read_bytes()
        for number in range(4)
    ]
    assert any(differ)
    capsys.readouterr()
    assert scumble("batch", *words, tmp_path / "shared", "--sequence") == 0
    assert "4 of them from before" in capsys.readouterr().out
