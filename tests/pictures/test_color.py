"""Colors of picture files: what wasn't painted comes back exactly, what was comes back in the file's own colors."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from scumble_backend.pictures import color_spaces, png_chunks, profiles, reading, writing
from scumble_backend.pictures.color_spaces import ColorSpace, gamma

from .conftest import png, through

P3 = color_spaces.from_primaries(color_spaces._CICP_PRIMARIES[12], color_spaces.SRGB_CURVE)
ADOBE = color_spaces.from_primaries((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290), gamma(563 / 256))
P3_ICC, ADOBE_ICC = color_spaces.as_icc(P3), color_spaces.as_icc(ADOBE)
RNG = np.random.default_rng(3)
Case = Callable[[str], Path]


def colors(kind: Any = np.uint8, channels: int = 3) -> Any:
    """Every corner of the space, and noise."""
    full = np.iinfo(kind).max
    values = RNG.integers(0, full, (12, 16, channels)).astype(kind)
    for place in range(8):
        values[place, 0, :3] = [full * (place >> bit & 1) for bit in range(3)]
    return values


def samples(path: Path) -> Any:
    return reading.read(path).values


# --- curves and matrices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("primaries", "transfer"), [(12, 13), (9, 16), (9, 18), (1, 1), (4, 4), (11, 8)])
def test_a_space_leads_there_and_back(primaries: int, transfer: int) -> None:
    space = color_spaces.from_cicp(primaries, transfer)
    assert space is not None
    values = RNG.uniform(0, 1, (50, 3)).astype(np.float32)
    np.testing.assert_allclose(space.from_light(space.to_light(values)), values, atol=2e-4)


@pytest.mark.parametrize("icc", [P3_ICC, ADOBE_ICC], ids=["Display P3", "Adobe RGB"])
def test_our_reading_of_a_profile_is_that_of_little_cms(icc: bytes) -> None:
    """Within sRGB, where Little CMS doesn't clip; to a step of its 8 bits."""
    grays = RNG.integers(90, 160, (1, 400, 1)) + RNG.integers(-25, 25, (1, 400, 3))
    picture = Image.fromarray(grays.astype(np.uint8))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    theirs = ImageCms.profileToProfile(picture, profiles._opened(icc), srgb, outputMode="RGB")
    found = profiles.read(icc)
    assert found is not None and found.space is not None and theirs is not None
    ours = 255 * color_spaces.encoded(found.space.to_light(grays.astype(np.float32) / 255))
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1.2)


def test_known_numbers_of_display_p3() -> None:
    """Pure red of Display P3 in sRGB, without limits: CSS Color 4's (1.0930, -0.2267, -0.1501)."""
    red = color_spaces.encoded(P3.to_light(np.array([[1, 0, 0]], np.float32)))[0]
    np.testing.assert_allclose(red, [1.0930, -0.2267, -0.1501], atol=1e-3)


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_every_parametric_curve_of_icc_is_read(kind: int) -> None:
    values = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.01, 0.02][: {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind]]
    tag = (
        b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(struct.pack(">i", round(v * 65536)) for v in values)
    )
    curve = profiles._curve(tag)
    steps = np.linspace(0.1, 1, 50, dtype=np.float32)
    g, a, b, c, d, e, f = [*values, *[0.0] * 7][:7]
    if kind == 0:
        expected = steps**g
    elif kind in (1, 2):
        expected = (a * steps + b) ** g + (c if kind == 2 else 0)
    else:
        expected = np.where(steps >= d, (a * steps + b) ** g + e, c * steps + f)
    np.testing.assert_allclose(curve.light(steps), expected, atol=1e-3)
    np.testing.assert_allclose(curve.samples(curve.light(steps)), steps, atol=1e-3)


# --- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("icc", [P3_ICC, ADOBE_ICC], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("channels", [3, 4])
def test_eight_bits_of_another_space_come_back_exactly(
    tmp_path: Path, icc: bytes, suffix: str, channels: int
) -> None:
    values = colors(channels=channels)
    source = tmp_path / f"in{suffix}"
    Image.fromarray(values).save(
        source, icc_profile=icc, **({"lossless": True, "exact": True} if suffix == ".webp" else {})
    )
    values = samples(source)  # WebP keeps no color where nothing is visible
    loaded = through(source, tmp_path / f"out{suffix}")
    assert loaded.converted and loaded.info.depth == "f16" and loaded.notes == []
    assert float(loaded.sent[..., :3].astype(np.float32).min()) < -0.1, "colors beyond sRGB are numbers below 0"
    if suffix == ".webp":
        visible = values[..., -1:] > 0 if channels == 4 else np.True_
        np.testing.assert_array_equal(samples(tmp_path / f"out{suffix}") * visible, values * visible)
    else:
        np.testing.assert_array_equal(samples(tmp_path / f"out{suffix}"), values)
    with Image.open(tmp_path / f"out{suffix}") as written:
        assert written.info["icc_profile"] == icc


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_was_painted_is_written_in_the_files_own_colors(tmp_path: Path, kind: Any) -> None:
    """The whole picture is changed a little; each color lands beside its own, those beyond sRGB, too."""
    values = colors(kind)
    path = png(
        tmp_path / "in.png", values, (b"iCCP", png_chunks.profile_chunk(P3_ICC).data), bits=8 * values.itemsize
    )
    through(path, tmp_path / "out.png", painted=0.002)
    off = np.abs(samples(tmp_path / "out.png").astype(int) - values) / np.iinfo(kind).max
    assert 0 < off.max() < 0.04  # a dark channel of a color beyond sRGB moves most


def test_only_pixels_that_were_painted_change(tmp_path: Path) -> None:
    values = colors()
    Image.fromarray(values).save(tmp_path / "in.png", icc_profile=P3_ICC)
    loaded = reading.load(tmp_path / "in.png")
    painted = loaded.sent.copy()
    painted[3:5, 3:5] = 0.5
    writing.save(tmp_path / "out.png", loaded, loaded.info, painted.tobytes())
    changed = (samples(tmp_path / "out.png") != values).any(axis=-1)
    assert changed[3:5, 3:5].all() and changed.sum() == 4


def test_enlarging_leaves_the_numbers_as_they_stand(tmp_path: Path) -> None:
    Image.fromarray(colors()).save(tmp_path / "in.png", icc_profile=P3_ICC)
    loaded = through(tmp_path / "in.png", tmp_path / "out.png", convert=False)
    assert not loaded.converted and loaded.info.depth == "u8"
    np.testing.assert_array_equal(samples(tmp_path / "out.png"), samples(tmp_path / "in.png"))


@pytest.mark.parametrize(
    ("name", "color"), [("displayp3-red-rgb8", (255, 0, 0)), ("adobergb-green-rgb8", (0, 255, 0))]
)
@pytest.mark.parametrize("convert", [True, False])
def test_pure_colors_of_wide_spaces_survive(
    case: Case, tmp_path: Path, name: str, color: tuple[int, ...], convert: bool
) -> None:
    through(case(f"{name}.png"), tmp_path / "out.png", convert=convert)
    assert (samples(tmp_path / "out.png") == color).all()


def test_sixteen_bits_leave_with_one_description_of_their_color(case: Case, tmp_path: Path) -> None:
    source = case("displayp3-rgb16.png")
    loaded = through(source, tmp_path / "out.png")
    assert loaded.converted and loaded.info.depth == "f32"
    np.testing.assert_array_equal(samples(tmp_path / "out.png"), samples(source))
    _, chunks, _ = png_chunks.read(tmp_path / "out.png")
    assert [chunk.name for chunk in chunks if chunk.name in png_chunks.COLOR] == [b"iCCP"]


def table_profile(*, back: bool) -> bytes:
    """A profile with tables, as scanners have: A2B0, and B2A0 with `back`; both leave the numbers as they are."""

    def lut() -> bytes:
        grid = 2
        identity = np.stack(np.meshgrid(*[np.arange(grid)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * 65535
        ramp = struct.pack(">2H", 0, 65535) * 3
        matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
        head = b"mft2" + bytes(4) + bytes([3, 3, grid, 0]) + matrix + struct.pack(">2H", 2, 2)
        return head + ramp + identity.astype(">u2").tobytes() + ramp

    tags = [
        (b"A2B0", lut()),
        *([(b"B2A0", lut())] if back else []),
        (b"wtpt", P3_ICC[P3_ICC.index(b"XYZ ", 132) :][:20]),
    ]
    tags.append((b"desc", color_spaces._text(b"desc")))
    start, rows, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags:
        rows += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = bytearray(P3_ICC[:128])
    header[12:16], header[20:24] = b"scnr", b"XYZ "
    header[0:4] = struct.pack(">I", start + len(body))
    return bytes(header) + struct.pack(">I", len(tags)) + rows + body


@pytest.mark.parametrize("back", [True, False], ids=["both ways", "one way"])
def test_a_profile_of_tables(tmp_path: Path, back: bool) -> None:
    icc = table_profile(back=back)
    found = profiles.read(icc)
    assert found is not None and found.space is None and found.returns == back
    values = RNG.integers(60, 120, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "in.png", icc_profile=icc)
    through(tmp_path / "in.png", tmp_path / "same.png")
    np.testing.assert_array_equal(samples(tmp_path / "same.png"), values)
    loaded = through(tmp_path / "in.png", tmp_path / "painted.png", painted=0.01)
    with Image.open(tmp_path / "painted.png") as written:
        if back:
            assert written.info["icc_profile"] == icc and loaded.notes == []
        else:
            assert "icc_profile" not in written.info and "one way only" in loaded.notes[0]
            sent = np.clip(loaded.sent.astype(np.float32) + 0.01, 0, 1) * 255
            np.testing.assert_allclose(np.asarray(written), sent, atol=1)


# --- PNG's own words -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("chunk", "converted"),
    [
        ((b"cICP", bytes([12, 13, 0, 1])), True),
        ((b"cICP", bytes([1, 13, 0, 1])), False),
        ((b"cICP", bytes([9, 16, 0, 1])), True),
        ((b"cICP", bytes([9, 18, 0, 1])), True),
        ((b"gAMA", struct.pack(">I", 100000)), False),
        ((b"gAMA", struct.pack(">I", 55556)), True),
        ((b"gAMA", struct.pack(">I", 45455)), False),
        ((b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)), True),
        ((b"sRGB", b"\0"), False),
    ],
    ids=["P3", "sRGB by code", "PQ", "HLG", "linear", "gamma 1.8", "gamma 2.2", "P3 primaries", "sRGB"],
)
def test_chunks_are_heeded_and_kept(tmp_path: Path, kind: Any, chunk: tuple[bytes, bytes], converted: bool) -> None:
    values = colors(kind)
    source = png(tmp_path / "in.png", values, chunk, bits=8 * values.itemsize)
    loaded = through(source, tmp_path / "out.png")
    assert loaded.converted == converted
    assert [note for note in loaded.notes if "high dynamic range" not in note] == []
    assert len(loaded.notes) == (chunk[0] == b"cICP" and chunk[1][1] in (16, 18))
    np.testing.assert_array_equal(samples(tmp_path / "out.png"), values)
    _, chunks, _ = png_chunks.read(tmp_path / "out.png")
    assert [(one.name, one.data) for one in chunks] == [chunk]


def test_linear_light_by_gamma_alone_is_told_to_the_network(tmp_path: Path) -> None:
    loaded = reading.load(png(tmp_path / "in.png", colors(), (b"gAMA", struct.pack(">I", 100000))))
    assert loaded.info.transfer == "linear"


def test_codes_that_are_not_known_are_named(tmp_path: Path) -> None:
    source = png(tmp_path / "in.png", colors(), (b"cICP", bytes([12, 99, 0, 1])))
    loaded = through(source, tmp_path / "out.png")
    assert "cICP 12/99/0/1" in loaded.notes[0]
    assert not loaded.converted and png_chunks.read(tmp_path / "out.png")[1] == []


def test_of_two_descriptions_the_codes_count(tmp_path: Path) -> None:
    icc = (b"iCCP", png_chunks.profile_chunk(ADOBE_ICC).data)
    source = png(tmp_path / "in.png", colors(), (b"cICP", bytes([12, 13, 0, 1])), icc)
    red = reading.load(source).sent[1, 0].astype(np.float32)
    np.testing.assert_allclose(red, [1.0930, -0.2267, -0.1501], atol=2e-3)


def test_chunks_become_a_profile_in_other_formats(tmp_path: Path) -> None:
    source = png(tmp_path / "in.png", colors(), (b"cICP", bytes([12, 13, 0, 1])))
    through(source, tmp_path / "out.tif")
    with Image.open(tmp_path / "out.tif") as written:
        found = profiles.read(written.info["icc_profile"])
        assert found is not None and found.space is not None
        np.testing.assert_allclose(found.space.matrix, P3.matrix, atol=1e-3)
        np.testing.assert_array_equal(np.asarray(written), samples(source))


def test_light_of_a_high_range_is_cut_off_where_the_format_holds_none(tmp_path: Path) -> None:
    source = png(tmp_path / "in.png", colors(np.uint16), (b"cICP", bytes([9, 16, 0, 1])), bits=16)
    for convert in (True, False):
        loaded = through(source, tmp_path / "out.jpg", convert=convert)
        assert any("can't hold this range of light" in note for note in loaded.notes)
        with Image.open(tmp_path / "out.jpg") as written:
            assert "icc_profile" not in written.info
            white = np.asarray(written)[7, 0]
            assert (white > 200).all(), "PQ's full white is far beyond white"


@pytest.mark.parametrize("name", ["cicp-displayp3-rgb8.png", "gama1-rgba16.png"])
def test_color_told_by_chunks_alone_is_honored_and_kept(case: Case, tmp_path: Path, name: str) -> None:
    source = case(name)
    loaded = through(source, tmp_path / "out.png")
    assert loaded.converted or loaded.info.transfer == "linear"
    np.testing.assert_array_equal(samples(tmp_path / "out.png"), samples(source))
    assert png_chunks.read(tmp_path / "out.png")[1] == png_chunks.read(source)[1]


# --- profiles that can't be used, gray, transparency -----------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"), [("rgb8-broken-icc.png", "can't be read"), ("rgb8-with-cmyk-icc.png", "is for CMYK")]
)
def test_a_profile_that_can_not_be_used_is_left_out_and_told(
    case: Case, tmp_path: Path, name: str, told: str
) -> None:
    loaded = through(case(name), tmp_path / "out.png", painted=0.1)
    assert len(loaded.notes) == 1 and told in loaded.notes[0] and "taken as sRGB" in loaded.notes[0]
    assert png_chunks.read(tmp_path / "out.png")[1] == []


def test_a_gray_profile_is_used_for_gray(tmp_path: Path) -> None:
    icc = color_spaces.as_icc(ColorSpace((gamma(1.8),)), gray=True)
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "in.png", icc_profile=icc)
    loaded = through(tmp_path / "in.png", tmp_path / "out.png")
    assert loaded.converted and loaded.info.order == "GRAY" and loaded.notes == []
    middle = float(loaded.sent[8, 0, 0])
    assert middle == pytest.approx(float(color_spaces.encoded(np.float32(128 / 255) ** 1.8)), abs=2e-3)
    np.testing.assert_array_equal(samples(tmp_path / "out.png")[..., 0], values)


@pytest.mark.parametrize(
    ("values", "bits", "color", "clear", "order"),
    [
        (np.arange(64, dtype=np.uint8).reshape(8, 8, 1), 8, 0, struct.pack(">H", 9), "GRAYA"),
        (np.arange(192, dtype=np.uint8).reshape(8, 8, 3), 8, 2, struct.pack(">3H", 3, 4, 5), "RGBA"),
        (np.arange(64, dtype=np.uint16).reshape(8, 8, 1) * 900, 16, 0, struct.pack(">H", 9 * 900), "GRAYA"),
        (np.arange(192, dtype=np.uint16).reshape(8, 8, 3) * 300, 16, 2, struct.pack(">3H", 900, 1200, 1500), "RGBA"),
        (np.full((8, 1), 0b01111111, np.uint8), 1, 0, struct.pack(">H", 0), "GRAYA"),
    ],
    ids=["gray", "rgb", "gray 16", "rgb 16", "1 bit"],
)
def test_one_transparent_color_stays_transparent(
    tmp_path: Path, values: Any, bits: int, color: int, clear: bytes, order: str
) -> None:
    loaded = through(png(tmp_path / "in.png", values, (b"tRNS", clear), bits=bits, color=color), tmp_path / "out.png")
    assert loaded.info.order == order
    alpha = samples(tmp_path / "out.png")[..., -1]
    full = 65535 if bits == 16 else 255
    assert int((alpha == 0).sum()) == (8 if bits == 1 else 1) and set(np.unique(alpha)) == {0, full}


@pytest.mark.parametrize("name", ["gray8-colorkey.png", "rgb8-colorkey.png", "bit1-colorkey.png"])
def test_a_transparent_color_of_the_cases_stays_so(case: Case, tmp_path: Path, name: str) -> None:
    through(case(name), tmp_path / "out.png")
    with Image.open(case(name)) as before, Image.open(tmp_path / "out.png") as after:
        wanted = np.asarray(before.convert("RGBA"))
        got = np.asarray(after.convert("RGBA"))
        np.testing.assert_array_equal(got[..., 3], wanted[..., 3])
        np.testing.assert_array_equal(got[..., :3] * (got[..., 3:] > 0), wanted[..., :3] * (wanted[..., 3:] > 0))
        assert (got[..., 3] == 0).any()
