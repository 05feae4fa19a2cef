"""Many pictures: which are found, what results are called, what is done already, and what goes wrong in words."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch.conftest import WAVE, Ran, picture
from PIL import Image

from scumble_backend.batch import inputs, threads
from scumble_backend.batch.effect import Enlarging, Styling
from scumble_backend.batch.engines import OwnEngine
from scumble_backend.batch.journal import FOLDER, Journal
from scumble_backend.batch.names import Names
from scumble_backend.batch.work import Hand
from scumble_backend.errors import BatchBusy, FileTrouble, OptionsChanged, PackUnknown, UnwritableImage
from scumble_backend.pictures import reading
from scumble_wire.messages import ImageResult

Batch = Callable[..., Ran]


def names_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and FOLDER not in path.parts
    )


# --- which pictures --------------------------------------------------------------------------------------


def test_folders_patterns_and_files_are_found_in_the_order_people_count(tmp_path: Path) -> None:
    for name in ("f10.png", "f2.png", "sub/a.jpg", ".hidden.png", "notes.txt", "out/old.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = inputs.find([str(tmp_path)], tmp_path / "out")
    assert [(Path(one.path).name, one.folder) for one in found.sources] == [
        ("f2.png", ""),
        ("f10.png", ""),
        ("a.jpg", "sub"),
    ]
    assert found.left_out == 1
    again = inputs.find([str(tmp_path / "f2.png"), str(tmp_path / "**/*.png")], tmp_path / "out")
    assert [Path(one.path).name for one in again.sources] == ["f2.png", "f10.png"], "each once"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("shot.%04d.png", ["shot.7.png", "shot.0008.png", "shot.00011.png"]),
        ("shot.####.png", ["shot.0008.png", "shot.00011.png"]),
    ],
)
def test_numbered_frames_are_found_by_their_pattern(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    for name in ("shot.0008.png", "shot.00011.png", "shot.7.png", "shot.x.png"):
        (tmp_path / name).write_bytes(b"x")
    found = inputs.find([str(tmp_path / pattern)], tmp_path / "out")
    assert [Path(one.path).name for one in found.sources] == expected


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_every_page_of_a_tiff_is_painted_and_keeps_its_depth(tmp_path: Path, batch: Batch, mode: str) -> None:
    pages = []
    for seed in range(3):
        values = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        if mode == "I;16":
            values = values[..., 0].astype(np.uint16) * 257
        pages.append(Image.fromarray(values))
    pages[0].save(tmp_path / "book.tif", save_all=True, append_images=pages[1:])
    ran = batch([tmp_path / "book.tif"], tmp_path / "out", [Styling((("wave", 1.0),), strength=0.0)])
    assert ran.made == ["book-001.tif", "book-002.tif", "book-003.tif"]
    for number, page in enumerate(pages, 1):
        with Image.open(tmp_path / f"out/book-{number:03}.tif") as made:
            assert np.array_equal(np.asarray(made), np.asarray(page))
    assert all("pictures" not in note for one in ran.outcomes for note in one.notes)


def test_a_page_is_none_that_is_a_smaller_version_of_another(tmp_path: Path) -> None:
    from PIL import TiffImagePlugin

    big, small = Image.new("RGB", (32, 32)), Image.new("RGB", (8, 8))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[254] = 1
    small.encoderinfo = {"tiffinfo": info}  # type: ignore[attr-defined]
    big.save(tmp_path / "a.tif", save_all=True, append_images=[small])
    with Image.open(tmp_path / "a.tif") as opened:
        assert opened.n_frames == 2  # type: ignore[attr-defined]
    assert [one.page for one in inputs.find([str(tmp_path / "a.tif")], tmp_path / "out").sources] == [None]


# --- names -----------------------------------------------------------------------------------------------


def test_folders_names_and_formats_stay(tmp_path: Path, batch: Batch) -> None:
    for name in ("in/a.jpg", "in/sub/b.png", "in/sub/c.gif"):
        picture(tmp_path / name)
    batch([tmp_path / "in"], tmp_path / "out")
    assert names_in(tmp_path / "out") == ["a.jpg", "sub/b.png", "sub/c.png"]


def test_several_packs_give_several_results_by_their_names(tmp_path: Path, batch: Batch) -> None:
    picture(tmp_path / "a.png")
    night = Styling((("night", 1.0),))
    batch([tmp_path / "a.png"], tmp_path / "one", [WAVE, night])
    assert names_in(tmp_path / "one") == ["a-night.png", "a-wave.png"]
    names = Names("{pack}/{number:03}-{name}", ".tif", several_packs=True)
    batch([tmp_path / "a.png"], tmp_path / "two", [WAVE, night], names=names)
    assert names_in(tmp_path / "two") == ["night/001-a.tif", "wave/001-a.tif"]


@pytest.mark.parametrize(
    ("pattern", "suffix", "said"),
    [
        ("{nmae}", "", "can't hold {nmae}"),
        ("{name:04}", "", "can't hold {name:04}"),
        ("../{name}", "", "leads out"),
        ("/tmp/{name}", "", "leads out"),
        ("{name", "", "no pattern"),
        ("", "", "no pattern"),
        ("{name}", ".docx", "can't be written as .docx"),
    ],
)
def test_a_pattern_that_makes_no_names_is_refused(pattern: str, suffix: str, said: str) -> None:
    with pytest.raises(UnwritableImage, match=said.replace("{", r"\{")):
        Names(pattern, suffix)


def test_pictures_whose_results_would_have_one_name_are_told_and_the_rest_goes_on(
    tmp_path: Path, batch: Batch
) -> None:
    one, two = picture(tmp_path / "x/a.png"), picture(tmp_path / "y/A.png", seed=1)
    other = picture(tmp_path / "y/b.png")
    ran = batch([one, two, other], tmp_path / "out")
    assert ran.made == ["a.png", "b.png"]
    assert [(failed.code, str(one) in failed.message) for failed in ran.failures] == [("name_taken", True)]
    assert "--name" in ran.failures[0].remedy


def test_results_among_the_pictures_are_refused_and_no_picture_is_replaced(tmp_path: Path, batch: Batch) -> None:
    a = picture(tmp_path / "in/a.png")
    with pytest.raises(UnwritableImage, match="among the pictures"):
        batch([tmp_path / "in"], tmp_path / "in")
    before = a.read_bytes()
    ran = batch([a], tmp_path / "in", overwrite=True)
    assert [failed.code for failed in ran.failures] == ["name_taken"] and a.read_bytes() == before
    assert batch([a], tmp_path / "in", names=Names("{name}-{pack}")).made == ["a-wave.png"]


def test_an_output_folder_inside_the_input_folder_is_no_input(tmp_path: Path, batch: Batch) -> None:
    picture(tmp_path / "in/a.png")
    assert batch([tmp_path / "in"], tmp_path / "in/out").made == ["a.png"]
    again = batch([tmp_path / "in"], tmp_path / "in/out")
    assert (again.plan.total, again.plan.done, again.outcomes) == (1, 1, [])


# --- what is done already --------------------------------------------------------------------------------


def test_what_is_done_is_skipped_until_picture_or_result_changes(tmp_path: Path, batch: Batch) -> None:
    a, out = picture(tmp_path / "in/a.png"), tmp_path / "out"
    picture(tmp_path / "in/b.png", seed=1)
    assert batch([tmp_path / "in"], out).made == ["a.png", "b.png"]
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    os.utime(a)  # its time alone: the content is the same
    again = batch([tmp_path / "in"], out)
    assert again.plan.done == 2 and {path: path.stat().st_mtime_ns for path in stamps} == stamps
    picture(a, seed=7)
    assert batch([tmp_path / "in"], out).made == ["a.png"]
    (out / "b.png").unlink()
    assert batch([tmp_path / "in"], out).made == ["b.png"]
    (out / "b.png").write_bytes(b"retouched by hand")
    touched = batch([tmp_path / "in"], out)
    assert [failed.code for failed in touched.failures] == ["name_taken"] and touched.outcomes == []
    assert (out / "b.png").read_bytes() == b"retouched by hand"
    assert batch([tmp_path / "in"], out, overwrite=True).made == ["a.png", "b.png"]


def test_a_file_that_no_batch_made_is_left_and_told(tmp_path: Path, batch: Batch) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"mine")
    ran = batch([tmp_path / "a.png"], tmp_path / "out")
    assert "no batch made it" in ran.failures[0].message and (tmp_path / "out/a.png").read_bytes() == b"mine"


def test_other_options_in_the_same_folder_are_said_before_anything_is_done(tmp_path: Path, batch: Batch) -> None:
    picture(tmp_path / "in/a.png")
    out = tmp_path / "out"
    batch([tmp_path / "in"], out)
    before = (out / "a.png").read_bytes()
    picture(tmp_path / "in/b.png")
    softer = Styling((("wave", 1.0),), strength=0.5)
    with pytest.raises(OptionsChanged, match=r"strength: 1.0 then, 0.5 now") as caught:
        batch([tmp_path / "in"], out, [softer])
    assert "--overwrite" in caught.value.remedy
    assert names_in(out) == ["a.png"] and (out / "a.png").read_bytes() == before
    assert batch([tmp_path / "in"], out, [softer], overwrite=True).made == ["a.png", "b.png"]
    assert batch([tmp_path / "in"], out, [softer]).plan.done == 2


def test_a_kill_before_the_name_or_in_the_middle_of_a_line_loses_nothing(tmp_path: Path, batch: Batch) -> None:
    """The journal tells of a file that didn't get its name; then of one whose line was cut off."""
    picture(tmp_path / "a.png")
    out = tmp_path / "out"
    batch([tmp_path / "a.png"], out)
    journal = next((out / FOLDER).glob("*.jsonl"))
    line = json.loads(journal.read_text().splitlines()[-1])
    with journal.open("a") as stream:  # a newer version was on its way, and the old file is still there
        stream.write(json.dumps({**line, "made_bytes": 1, "made_sha256": "0"}) + "\n")
    assert batch([tmp_path / "a.png"], out).plan.done == 1
    journal.write_bytes(journal.read_bytes() + b'{"output": "a.p')
    assert batch([tmp_path / "a.png"], out).plan.done == 1


def test_two_batches_never_write_into_one_folder(tmp_path: Path) -> None:
    with Journal(tmp_path).held(), pytest.raises(BatchBusy, match="Another batch"), Journal(tmp_path).held():
        pass


def test_a_picture_done_by_a_lost_attempt_is_not_done_twice(tmp_path: Path, batch: Batch, tiny_store: Any) -> None:
    """As on a cluster: the worker wrote the result and died before it could tell; another one gets the task again."""
    picture(tmp_path / "a.png")
    ran = batch([tmp_path / "a.png"], tmp_path / "out")

    class Never:
        def run(self, message: Any, frames: Any) -> Any:
            raise AssertionError("painted twice")

    hand = Hand(Journal(tmp_path / "out"), convert=True)
    outcome = hand.carry_out(ran.plan.tasks[0], Never())
    assert (outcome.status, outcome.output) == ("done", str(tmp_path / "out/a.png"))


# --- bad input -------------------------------------------------------------------------------------------


def test_bad_files_fail_one_by_one_in_words_and_the_rest_goes_on(tmp_path: Path, batch: Batch) -> None:
    folder = tmp_path / "in"
    picture(folder / "fine.png")
    Image.new("RGB", (24, 16), "teal").save(folder / "really.png", "JPEG")  # wrongly named, and readable
    (folder / "text.png").write_text("no picture")
    (folder / "empty.jpg").touch()
    (folder / "cut.png").write_bytes((folder / "fine.png").read_bytes()[:60])
    header = b"P6 200000 200000 255\n"
    (folder / "huge.ppm").write_bytes(header)
    picture(folder / "small.png", size=(3, 3))
    picture(folder / "clear.png", mode="RGBA").rename(folder / "clear.jpg")  # a .jpg that holds transparency
    (folder / "folder.png").mkdir()
    ran = batch([folder, tmp_path / "missing.png", tmp_path / "none-*.png"], tmp_path / "out")
    assert ran.made == ["fine.png", "really.png"]
    said = {Path(one.source).name: (one.code, bool(one.message and one.remedy)) for one in ran.failures}
    assert said == {
        "text.png": ("unreadable_image", True),
        "empty.jpg": ("unreadable_image", True),
        "cut.png": ("unreadable_image", True),
        "huge.ppm": ("image_too_large", True),
        "small.png": ("image_too_small", True),
        "clear.jpg": ("unwritable_image", True),
        "missing.png": ("file_trouble", True),
        "none-*.png": ("file_trouble", True),
    }
    assert names_in(tmp_path / "out") == ["fine.png", "really.png"]


def test_a_folder_without_pictures_is_told(tmp_path: Path, batch: Batch) -> None:
    (tmp_path / "in").mkdir()
    ran = batch([tmp_path / "in"], tmp_path / "out")
    assert "holds no pictures" in ran.failures[0].message


def test_an_unknown_pack_is_told_before_anything_is_done(tmp_path: Path, batch: Batch) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(PackUnknown):
        batch([tmp_path / "a.png"], tmp_path / "out", [Styling((("nope", 1.0),))])
    assert not (tmp_path / "out").exists()


def test_a_full_disk_stops_a_batch_and_more_room_lets_it_go_on(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scumble_backend.pictures import targets

    for number in range(20):
        picture(tmp_path / f"in/{number:02}.png", seed=number)
    real = targets.shutil.disk_usage

    def full(path: Path) -> Any:
        if len(list((tmp_path / "out").glob("*.png"))) >= 4:
            return real(path)._replace(free=0)
        return real(path)

    monkeypatch.setattr(targets.shutil, "disk_usage", full)
    ran = batch([tmp_path / "in"], tmp_path / "out", workers=1)
    assert len(ran.made) == 4
    assert {one.code for one in ran.failures} == {"disk_full"}
    assert threads.IN_A_ROW <= len(ran.failures) < 16, "the rest was not begun"
    monkeypatch.undo()
    again = batch([tmp_path / "in"], tmp_path / "out")
    assert again.plan.done == 4 and len(again.made) == 16


def test_a_disk_that_fills_while_a_result_is_written_leaves_no_half_file(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scumble_backend.pictures import png_writing

    picture(tmp_path / "a.png")

    def write(path: Path, *_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(png_writing, "write", write)
    ran = batch([tmp_path / "a.png"], tmp_path / "out")
    assert [one.code for one in ran.failures] == ["disk_full"] and names_in(tmp_path / "out") == []


def test_a_journal_that_cannot_be_written_fails_the_picture_in_words(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "a.png")

    def record(*_: Any) -> None:
        raise FileTrouble("There is no permission to write the journal.", remedy="Choose another place.")

    monkeypatch.setattr(Journal, "record", record)
    ran = batch([tmp_path / "a.png"], tmp_path / "out")
    assert [one.code for one in ran.failures] == ["file_trouble"] and names_in(tmp_path / "out") == []


def test_a_failure_that_nobody_foresaw_costs_its_own_picture(tmp_path: Path, batch: Batch, engine: OwnEngine) -> None:
    for name in "abc":
        picture(tmp_path / f"in/{name}.png", seed=ord(name))

    class Stumbles:
        def run(self, message: Any, frames: Sequence[Any]) -> tuple[ImageResult, Any]:
            if bytes(frames[0]) == bytes(reading.load(tmp_path / "in/b.png").pixels):
                raise ZeroDivisionError("by chance")
            return engine.run(message, frames)

        def close(self) -> None:
            """Nothing."""

    ran = batch([tmp_path / "in"], tmp_path / "out", engine=Stumbles())
    assert ran.made == ["a.png", "c.png"]
    assert [(one.code, "ZeroDivisionError" in one.message) for one in ran.failures] == [("internal", True)]


# --- threads ---------------------------------------------------------------------------------------------


def test_results_are_the_same_bytes_whatever_is_done_at_a_time(tmp_path: Path, batch: Batch) -> None:
    for number in range(6):
        picture(tmp_path / f"in/{number}.png", seed=number, size=(40 + number, 30))
    batch([tmp_path / "in"], tmp_path / "one", workers=1)
    batch([tmp_path / "in"], tmp_path / "many", workers=4)
    for number in range(6):
        assert (tmp_path / f"one/{number}.png").read_bytes() == (tmp_path / f"many/{number}.png").read_bytes()


def test_reading_and_writing_go_on_while_the_device_computes(tmp_path: Path, batch: Batch, engine: OwnEngine) -> None:
    """While one picture is on the device, another one has been read and asks for it."""
    for number in range(4):
        picture(tmp_path / f"in/{number}.png", seed=number)
    together = threading.Barrier(2)

    class Meets:
        def run(self, message: Any, frames: Sequence[Any]) -> tuple[ImageResult, Any]:
            together.wait(20)
            return engine.run(message, frames)

        def close(self) -> None:
            """Nothing."""

    assert len(batch([tmp_path / "in"], tmp_path / "out", engine=Meets()).made) == 4


def test_a_closed_iterator_stops_the_batch(tmp_path: Path, batch: Batch, engine: OwnEngine) -> None:
    for number in range(12):
        picture(tmp_path / f"in/{number}.png", seed=number)
    todo = batch([tmp_path / "in"], tmp_path / "none", workers=1).plan
    for path in (tmp_path / "none").glob("*.png"):
        path.unlink()
    outcomes = threads.carry_out(todo.tasks, Hand(Journal(tmp_path / "none"), convert=True), lambda stop: engine, 1)
    next(iter(outcomes))
    outcomes.close()  # type: ignore[attr-defined]
    assert len(list((tmp_path / "none").glob("*.png"))) < 6


def test_enlarging_is_a_batch_like_any_other(tmp_path: Path, batch: Batch) -> None:
    picture(tmp_path / "a.png")
    batch([tmp_path / "a.png"], tmp_path / "out", [Enlarging(2.0, "bicubic")])
    with Image.open(tmp_path / "out/a.png") as made:
        assert made.size == (48, 32)
