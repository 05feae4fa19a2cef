"""`scumble style` against a running backend: files of every kind in, files of the same kind out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_stage import photo
from cli.conftest import Scumble
from PIL import Image, ImageCms

from scumble_backend.pictures import png_writing, reading, writing


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    channels = len(mode)
    made = Image.frombytes("RGBA" if channels == 4 else "RGB", size, photo(*size, channels=max(3, channels)))
    if channels == 4:
        made.putpixel((0, 0), (1, 2, 3, 100))  # WebP drops an alpha that is solid everywhere
    return made.convert(mode)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", ".png"), ("RGBA", ".png"), ("L", ".png"), ("LA", ".png"), ("P", ".png"), ("1", ".png"), ("RGB", ".jpg"),
     ("L", ".jpg"), ("CMYK", ".jpg"), ("RGB", ".tif"), ("RGBA", ".tiff"), ("RGBA", ".webp"), ("I;16", ".png"),
     ("I;16", ".tif"), ("F", ".tif")],
)  # fmt: skip
def test_every_kind_of_file_is_painted(scumble: Scumble, tmp_path: Path, mode: str, suffix: str) -> None:
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    if mode in ("I;16", "F"):
        kind: Any = np.uint16 if mode == "I;16" else np.float32
        values = np.linspace(0, 65535 if mode == "I;16" else 1, 40 * 24).reshape(24, 40).astype(kind)
        Image.fromarray(values).save(source)
    else:
        picture(mode if mode != "P" else "RGB").convert(mode).save(source)
    assert scumble("style", source, "-o", output, "--pack", "wave") == 0
    with Image.open(source) as before, Image.open(output) as after:
        assert after.size == before.size
        assert after.mode == {"P": "RGB", "1": "L", "CMYK": "RGB"}.get(mode, mode)
        if mode in ("I;16", "F"):
            assert len(np.unique(np.asarray(after))) > 300, "more than 8 bits"


def test_one_line_tells_where_the_picture_is(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    picture().save(tmp_path / "in.png")
    assert scumble("style", tmp_path / "in.png", "-o", tmp_path / "out.png", "-p", "wave", "--keep-colors") == 0
    out = capsys.readouterr().out
    assert out.startswith(str(tmp_path / "out.png")) and "wave" in out and "cpu" in out and out.count("\n") == 1


def test_json_holds_output_pack_device_and_seconds(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    picture().save(tmp_path / "in.png")
    words = ["--mix", "wave:2", "--mix", "night:1", "--stroke-scale", "0.5", "--strength", "0.7", "--json"]
    assert scumble("style", tmp_path / "in.png", "-o", tmp_path / "out.png", *words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == str(tmp_path / "out.png") and told["pack"] == "wave + night"
    assert told["device"].startswith("cpu") and told["seconds"] > 0 and told["notes"] == []


def test_strength_zero_is_the_picture_again(scumble: Scumble, tmp_path: Path) -> None:
    picture("RGBA").save(tmp_path / "in.png")
    assert scumble("style", tmp_path / "in.png", "-o", tmp_path / "out.png", "-p", "wave", "--strength", "0") == 0
    with Image.open(tmp_path / "in.png") as before, Image.open(tmp_path / "out.png") as after:
        assert before.tobytes() == after.tobytes()


def test_the_orientation_is_applied_and_other_exif_is_kept(scumble: Scumble, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "Hokusai"
    picture().save(tmp_path / "in.jpg", exif=exif)
    assert scumble("style", tmp_path / "in.jpg", "-o", tmp_path / "out.jpg", "-p", "wave") == 0
    with Image.open(tmp_path / "out.jpg") as after:
        assert after.size == (24, 40)
        assert after.getexif()[0x0112] == 1 and after.getexif()[0x013B] == "Hokusai"


def test_the_icc_profile_is_used_and_kept(scumble: Scumble, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture("RGBA").save(tmp_path / "in.png", icc_profile=profile)
    assert scumble("style", tmp_path / "in.png", "-o", tmp_path / "out.png", "-p", "wave", "--strength", "0") == 0
    with Image.open(tmp_path / "in.png") as before, Image.open(tmp_path / "out.png") as after:
        assert after.info["icc_profile"] == profile
        difference = np.abs(np.asarray(before).astype(int) - np.asarray(after))
        assert difference.max() <= 2, "there and back through the profile"


def test_the_network_gets_srgb_and_the_file_its_own_colors(tmp_path: Path) -> None:
    """A profile whose red primary is sRGB's green, and the other way round."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "in.png", icc_profile=swapped)
    loaded = reading.load(tmp_path / "in.png")
    red, green, blue = loaded.sent[0, 0]
    assert red < 0.01 and green > 0.99 and blue < 0.01
    writing.save(tmp_path / "out.png", loaded, loaded.info, loaded.pixels)
    with Image.open(tmp_path / "out.png") as written:
        r, g, b = written.getpixel((0, 0))  # type: ignore[misc]
        assert (r, g, b) == (255, 0, 0) and written.info["icc_profile"] == swapped


def test_a_profile_that_is_none_is_told(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    picture().save(tmp_path / "in.png", icc_profile=b"this is not a profile")
    assert scumble("style", tmp_path / "in.png", "-o", tmp_path / "out.png", "-p", "wave") == 0
    assert "ICC profile can't be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nothing.png", "-o", "out.png", "-p", "wave"], "does not exist"),
        (["text.png", "-o", "out.png", "-p", "wave"], "isn't a picture"),
        (["cut.png", "-o", "out.png", "-p", "wave"], "cut.png"),
        (["in.png", "-o", "out.docx", "-p", "wave"], ".png"),
        (["in.png", "-o", "out", "-p", "wave"], "without a suffix"),
        (["in.png", "-o", "no/folder/out.png", "-p", "wave"], "does not exist"),
        (["in.png", "-o", "alpha.jpg", "-p", "wave"], "transparency"),
        (["in.png", "-o", "out.png", "-p", "nope"], "scumble packs list"),
        (["tiny.png", "-o", "out.png", "-p", "wave"], "at least 8"),
    ],
)
def test_errors_go_to_standard_error_with_a_remedy_and_status_1(
    scumble: Scumble, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    picture("RGBA").save("in.png")
    picture("RGB", (3, 3)).save("tiny.png")
    Path("text.png").write_text("no picture")
    Path("cut.png").write_bytes(Path("in.png").read_bytes()[:300])
    before = sorted(path.name for path in tmp_path.iterdir())
    assert scumble("style", *words) == 1
    told = capsys.readouterr()
    assert told.out == "" and expected in told.err and "Traceback" not in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        ["in.png", "-p", "wave"],
        ["in.png", "-o", "out.png"],
        ["in.png", "-o", "out.png", "-p", "wave", "--strength", "2"],
        ["in.png", "-o", "out.png", "--mix", "wave:heavy"],
        ["in.png", "-o", "out.png", "--mix", "wave:0"],
        ["in.png", "-o", "out.png", "-p", "wave", "--stroke-scale", "9"],
    ],
)
def test_wrong_usage_has_status_2(scumble: Scumble, capsys: Any, words: list[str]) -> None:
    assert scumble("style", *words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_full_disk_leaves_the_old_picture_and_no_half_one(
    scumble: Scumble, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture().save(tmp_path / "in.png")
    output = tmp_path / "out.png"
    output.write_bytes(b"the old one")

    def write(path: Path, *_: Any) -> None:
        path.write_bytes(b"half a picture")
        raise OSError(28, "No space left on device")

    whole = png_writing.write
    monkeypatch.setattr(
        png_writing, "write", lambda path, *rest: (whole if "rescued" in str(path) else write)(path, *rest)
    )
    assert scumble("style", tmp_path / "in.png", "-o", output, "-p", "wave") == 1
    told = capsys.readouterr().err
    assert "no room left" in told
    kept = Path(next(word for word in told.split() if "rescued" in word).rstrip("."))
    with Image.open(kept) as painted:
        assert painted.size == (40, 24)
    assert output.read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["in.png", "out.png"]


def test_marks_can_be_counted_in_pixels_and_boldness_has_a_range(
    scumble: Scumble, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.png"
    picture().save(source)
    for name, words in {"relative": [], "absolute": ["--stroke-size-absolute"]}.items():
        assert scumble("style", source, "-o", tmp_path / f"{name}.png", "--pack", "wave", *words) == 0
    with Image.open(tmp_path / "relative.png") as one, Image.open(tmp_path / "absolute.png") as two:
        assert one.tobytes() != two.tobytes()
    assert scumble("style", source, "-o", tmp_path / "x.png", "--pack", "wave", "--boldness", "2") != 0
    assert "boldness" in capsys.readouterr().err


def test_styles_are_placed_by_light_and_by_a_mask_file(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    picture().save(tmp_path / "in.png")
    mask = Image.new("L", (40, 24))
    mask.paste(255, (0, 0, 20, 24))
    mask.save(tmp_path / "mask.png")
    source, output = tmp_path / "in.png", tmp_path / "out.png"
    assert scumble("style", source, "-o", output, "-p", f"wave@{tmp_path / 'mask.png'}", "-p", "night@rest") == 0
    placed = np.asarray(Image.open(output))
    assert scumble("style", source, "-o", output, "-p", "wave:0.3@light", "-p", "night:0.7@rest") == 0
    with Image.open(output) as painted:
        made = json.loads(painted.text["Scumble"])  # type: ignore[attr-defined]
    assert made["choices"]["style"] == "wave:0.3@light + night:0.7@rest"
    assert not np.array_equal(placed, np.asarray(Image.open(output)))
    Image.new("L", (40, 24)).save(tmp_path / "mask.png")
    assert scumble("style", source, "-o", output, "-p", f"wave@{tmp_path / 'mask.png'}") == 1
    assert "black everywhere" in capsys.readouterr().err
    Image.new("L", (41, 24), 255).save(tmp_path / "mask.png")
    assert scumble("style", source, "-o", output, "-p", f"wave@{tmp_path / 'mask.png'}") == 1
    assert "41 x 24 pixels, the picture 40 x 24" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-p", "wave:0"], ["-p", "wave@selection"], ["-p", "wave", "--colors", "loud"]])
def test_a_mix_that_is_none_is_a_usage_error(scumble: Scumble, tmp_path: Path, words: list[str], capsys: Any) -> None:
    picture().save(tmp_path / "in.png")
    assert scumble("style", tmp_path / "in.png", "-o", tmp_path / "out.png", *words) == 2
    assert "Traceback" not in capsys.readouterr().err
