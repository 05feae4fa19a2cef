"""Pictures of 16 bits and more: through the files alone, and through `scumble` against a running backend."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
import torch
from cli.conftest import Scumble
from PIL import Image, ImageCms

import scumble_backend
import scumble_cli
import scumble_training
from scumble_backend.errors import DiskFull, ImageTooLarge, UnreadableImage, UnwritableImage
from scumble_backend.pictures import color_spaces, reading, writing
from scumble_backend.pictures.loaded import Loaded
from scumble_backend.rendering import pixels
from scumble_wire.messages import MAX_SIDE, ImageInfo

RNG = np.random.default_rng(7)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS = {"uint16": np.uint16, "half": np.float16, "float": np.float32, "double": np.float64, "int16": np.int16}
NAMES = {1: ("Y",), 2: ("Y", "A"), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}


@pytest.fixture(autouse=True)
def _rescued_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path_factory.mktemp("home")))


def noise(kind: str, channels: int, height: int = 24, width: int = 40) -> Any:
    """Every value there can be; floats go beyond black and white; hidden color where alpha is 0."""
    if kind == "uint16":
        made = RNG.integers(0, 65536, (height, width, channels)).astype(np.uint16)
    else:
        made = RNG.normal(0.5, 2, (height, width, channels)).astype(KINDS[kind])
    if channels in (2, 4):
        if kind != "uint16":
            made[..., -1] = RNG.uniform(0, 1, (height, width))
        made[:4, :, -1] = 0
    return made


def write(path: Path, values: Any, kind: str, names: tuple[str, ...] | None = None, **attributes: Any) -> Path:
    """By OpenImageIO itself. A name's two underscores are a colon."""
    height, width, channels = values.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, kind)
    spec.channelnames = names or NAMES[channels]
    spec.alpha_channel = spec.channelnames.index("A") if "A" in spec.channelnames else -1
    if path.suffix == ".tif" and not any(name.startswith("Exif__") for name in attributes):
        spec.attribute("tiff:write_exif", 0)
    if path.suffix != ".exr" and "assoc" not in attributes:
        spec.attribute("oiio:UnassociatedAlpha", 1)
    attributes.pop("assoc", None)
    for name, value in attributes.items():
        if isinstance(value, bytes):
            data = np.frombuffer(value, np.uint8)
            spec.attribute(name, OpenImageIO.TypeDesc(f"uint8[{len(value)}]"), data)
        else:
            spec.attribute(name.replace("__", ":"), *(value if isinstance(value, tuple) else (value,)))
    output = OpenImageIO.ImageOutput.create(str(path))
    assert output is not None and output.open(str(path), spec), OpenImageIO.geterror()
    assert output.write_image(values) and output.close()
    return path


def read(path: Path) -> tuple[Any, Any]:
    """The samples as they stand in the file, and its spec."""
    wanted = OpenImageIO.ImageSpec()
    wanted.attribute("oiio:UnassociatedAlpha", 1)
    source = OpenImageIO.ImageInput.open(str(path), wanted)
    assert source is not None, OpenImageIO.geterror()
    spec = source.spec()
    values = source.read_image(0, 0, 0, spec.nchannels, spec.format)
    source.close()
    return values, spec


def back(loaded: Loaded, path: Path) -> Path:
    """Write what was loaded, unchanged, by way of the backend's own unpacking and packing."""
    writing.save(path, loaded, loaded.info, pixels.pack(pixels.unpack(loaded.info, loaded.pixels), loaded.info))
    return path


# --- what is not painted comes back as it was ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "channels", "suffix"),
    [("uint16", c, s) for c in (1, 2, 3, 4) for s in (".png", ".tif")]
    + [("float", c, ".tif") for c in (1, 2, 3, 4)]
    + [(k, c, ".exr") for k in ("half", "float") for c in (1, 3)],
)
def test_unchanged_pixels_come_back_exactly(tmp_path: Path, kind: str, channels: int, suffix: str) -> None:
    values = noise(kind, channels)
    loaded = reading.load(write(tmp_path / f"in{suffix}", values, kind))
    assert loaded.info.order == {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}[channels]
    assert loaded.info.depth == {"uint16": "u16", "half": "f16", "float": "f32"}[kind]
    assert loaded.info.transfer == ("srgb" if kind == "uint16" else "linear")
    assert loaded.pixels == values.tobytes(), "straight alpha, color where nothing is visible too"
    after, spec = read(back(loaded, tmp_path / f"out{suffix}"))
    assert str(spec.format) == kind and after.dtype == KINDS[kind]
    np.testing.assert_array_equal(after.reshape(values.shape), values)
    assert loaded.notes == []


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("kind", ["half", "float"])
def test_exr_with_alpha_goes_straight_onto_the_wire_and_multiplied_into_the_file(
    tmp_path: Path, kind: str, channels: int
) -> None:
    values = noise(kind, channels)
    values[:4] = 0
    loaded = reading.load(write(tmp_path / "in.exr", values, kind))
    assert (loaded.info.depth, loaded.info.transfer) == ("f32", "linear")
    wire = np.frombuffer(loaded.pixels, np.float32).reshape(values.shape)
    np.testing.assert_allclose(wire[..., :-1] * wire[..., -1:], values[..., :-1].astype(np.float32), rtol=1e-6)
    assert (np.abs(wire[4:, :, 0]) >= np.abs(values[4:, :, 0])).all() and loaded.notes == []
    after, spec = read(back(loaded, tmp_path / "out.exr"))
    assert str(spec.format) == kind
    if kind == "half":
        np.testing.assert_array_equal(after, values)
    else:
        np.testing.assert_allclose(after, values, rtol=1e-6)


def test_light_without_opacity_is_told_to_be_left_out(tmp_path: Path) -> None:
    values = np.ones((8, 8, 4), np.float32)
    values[0, :3, 3] = 0
    loaded = reading.load(write(tmp_path / "in.exr", values, "float"))
    assert loaded.notes == ["3 pixels give light without being opaque; that light is left out."]
    after, _ = read(back(loaded, tmp_path / "out.exr"))
    assert not after[0, :3].any() and (after[1:] == 1).all()


def test_multiplied_alpha_of_a_16_bit_tiff_becomes_straight(tmp_path: Path) -> None:
    values = np.zeros((8, 8, 4), np.uint16)
    values[:] = (10000, 20000, 0, 30000)
    loaded = reading.load(write(tmp_path / "in.tif", values, "uint16", assoc=True))
    assert np.frombuffer(loaded.pixels, np.uint16)[:4].tolist() == [21845, 43690, 0, 30000]
    _, spec = read(back(loaded, tmp_path / "out.tif"))
    assert spec.get_int_attribute("oiio:UnassociatedAlpha") == 1


def test_the_wires_own_curves_are_used() -> None:
    values = np.linspace(-2, 8, 1001, dtype=np.float32)
    np.testing.assert_allclose(color_spaces.encoded(values), pixels.to_srgb(torch.from_numpy(values)), rtol=2e-6)
    np.testing.assert_allclose(color_spaces.linear(values), pixels.to_linear(torch.from_numpy(values)), rtol=2e-6)


# --- from one format to another --------------------------------------------------------------------------


def test_float_becomes_16_bits_in_png_encoded_and_clipped(tmp_path: Path) -> None:
    values = np.zeros((1, 4, 3), np.float32)
    values[0, :, 0] = (-1, 0.0, 0.5, 9)
    loaded = reading.load(write(tmp_path / "in.tif", values, "float"))
    after, _ = read(back(loaded, tmp_path / "out.png"))
    assert after[0, :, 0].tolist() == [0, 0, round(65535 * (1.055 * 0.5 ** (1 / 2.4) - 0.055)), 65535]
    assert loaded.notes == ["The float picture is written with 16 bits."]


def test_16_bits_become_linear_light_in_exr_and_return(tmp_path: Path) -> None:
    values = noise("uint16", 4)
    values[..., 3] = np.maximum(values[..., 3], 3000)
    loaded = reading.load(write(tmp_path / "in.png", values, "uint16"))
    middle, spec = read(back(loaded, tmp_path / "out.exr"))
    assert str(spec.format) == "float" and loaded.notes == []
    expected = color_spaces.linear(values[..., :3] / np.float32(65535)) * (values[..., 3:] / np.float32(65535))
    np.testing.assert_allclose(middle[..., :3], expected, rtol=1e-5)
    again, _ = read(back(reading.load(tmp_path / "out.exr"), tmp_path / "again.png"))
    assert np.abs(again.astype(int) - values).max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_8_bits_survive_the_way_through_exr(tmp_path: Path, mode: str) -> None:
    values = RNG.integers(0, 256, (16, 16, len(mode))).astype(np.uint8)
    values[..., -1] |= 128  # so opaque that no color is lost when alpha is multiplied in
    Image.fromarray(values if mode != "L" else values[..., 0]).save(tmp_path / "in.png")
    middle = back(reading.load(tmp_path / "in.png"), tmp_path / "middle.exr")
    assert str(read(middle)[1].format) == "half"
    loaded = reading.load(middle)
    with Image.open(back(loaded, tmp_path / "out.webp" if mode != "L" else tmp_path / "out.png")) as after:
        got = np.asarray(after.convert(mode)) if mode != "L" else np.asarray(after) // 257
    difference = np.abs(got.reshape(values.shape).astype(int) - values)
    assert difference.max() <= 1 and loaded.notes


def test_16_bits_in_a_jpeg_are_told_to_be_8(tmp_path: Path) -> None:
    values = np.full((16, 16, 3), 0x8080, np.uint16)
    loaded = reading.load(write(tmp_path / "in.png", values, "uint16", ICCProfile=SRGB, Artist="Hokusai"))
    with Image.open(back(loaded, tmp_path / "out.jpg")) as after:
        assert after.getpixel((8, 8)) == (0x80, 0x80, 0x80)
        assert after.info["icc_profile"] == SRGB and after.getexif()[0x013B] == "Hokusai"
    assert loaded.notes == ["The picture is written with 8 bits: this format holds no more."]


# --- what stands beside the pixels -----------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    values = noise("uint16", 1, 3, 5)
    path = write(tmp_path / f"in{suffix}", values, "uint16", Orientation=orientation, Artist="Hokusai")
    after, spec = read(back(reading.load(path), tmp_path / f"out{suffix}"))
    turned = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
              5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
              8: Image.Transpose.ROTATE_90}  # fmt: skip
    upright = Image.fromarray(values[..., 0].astype(np.int32))  # as Pillow's own exif_transpose does it
    expected = np.asarray(upright.transpose(turned[orientation]) if orientation > 1 else upright)
    np.testing.assert_array_equal(after.reshape(expected.shape), expected)
    assert spec.get_int_attribute("Orientation", 1) == 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_profile_and_exif_are_kept(tmp_path: Path, suffix: str) -> None:
    given = {"Artist": "Hokusai", "Copyright": "free", "Exif__FocalLength": 35.0, "ICCProfile": SRGB}
    path = write(tmp_path / f"in{suffix}", noise("uint16", 3), "uint16", **given)
    loaded = reading.load(path)
    assert loaded.notes == [] and loaded.info.transfer == "srgb"
    with Image.open(back(loaded, tmp_path / f"out{suffix}")) as after:
        assert after.info["icc_profile"] == SRGB
        assert after.getexif()[0x013B] == "Hokusai" and after.getexif()[0x8298] == "free"
        assert after.getexif().get_ifd(0x8769)[0x920A] == 35.0


def test_texts_of_exif_go_from_a_jpeg_into_an_exr(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "Hokusai"
    Image.new("RGB", (16, 8), "teal").save(tmp_path / "in.jpg", exif=exif)
    _, spec = read(back(reading.load(tmp_path / "in.jpg"), tmp_path / "out.exr"))
    assert (spec.width, spec.height, spec["Artist"]) == (8, 16, "Hokusai")


def test_an_exr_keeps_its_attributes_and_where_it_lies(tmp_path: Path) -> None:
    spec = OpenImageIO.ImageSpec(8, 4, 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = 2, 3, 20, 10
    spec.attribute("Copyright", "free")
    spec.attribute("worldToCamera", OpenImageIO.TypeDesc("matrix"), tuple(range(16)))
    output = OpenImageIO.ImageOutput.create("openexr")
    assert output is not None and output.open(str(tmp_path / "in.exr"), spec)
    assert output.write_image(noise("half", 3, 4, 8)) and output.close()
    loaded = reading.load(tmp_path / "in.exr")
    _, after = read(back(loaded, tmp_path / "out.exr"))
    assert (after.x, after.y, after.full_width, after.full_height) == (2, 3, 20, 10)
    assert after["worldToCamera"] == tuple(range(16)) and after["Copyright"] == "free"
    double = ImageInfo(16, 8, "f16", "RGB", "linear")
    writing.save(tmp_path / "double.exr", loaded, double, bytes(double.nbytes))
    _, after = read(tmp_path / "double.exr")
    assert (after.x, after.y, after.full_width, after.full_height) == (4, 6, 40, 20)


def gamma_profile(gamma: float, *, swapped: bool = False) -> bytes:
    """sRGB's primaries with a plain gamma curve; swapped: red and green changed over."""
    curve = struct.pack(">4sIHHi", b"para", 0, 0, 0, round(gamma * 65536))
    tags = [SRGB[128 + 4 + 12 * i :][:12] for i in range(struct.unpack(">I", SRGB[128:132])[0])]
    body, table = b"", b""
    for tag in tags:
        name, at, size = struct.unpack(">4sII", tag)
        data = curve if name in (b"rTRC", b"gTRC", b"bTRC") else SRGB[at : at + size]
        if swapped:
            name = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    whole = SRGB[4:128] + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole) + 4) + whole


@pytest.mark.parametrize(
    ("profile", "known"),
    [
        (SRGB, "srgb"),
        (gamma_profile(1.0), "linear"),
        (gamma_profile(1.8), None),
        (gamma_profile(1.0, swapped=True), None),
    ],
    ids=["srgb", "linear", "gamma-1.8", "linear-other-primaries"],
)
@pytest.mark.parametrize("kind", ["uint16", "float"])
def test_the_profile_says_what_is_sent_and_the_files_own_samples_come_back(
    tmp_path: Path, kind: str, profile: bytes, known: str | None
) -> None:
    values = noise(kind, 3)
    loaded = reading.load(write(tmp_path / "in.tif", values, kind, ICCProfile=profile))
    assert loaded.converted == (known is None) and loaded.notes == []
    assert loaded.info.transfer == (known or {"uint16": "srgb", "float": "linear"}[kind])
    after, spec = read(back(loaded, tmp_path / "out.tif"))
    assert bytes(spec["ICCProfile"]) == profile
    np.testing.assert_array_equal(after, values)


def test_linear_light_in_a_png_is_encoded_and_loses_its_linear_profile(tmp_path: Path) -> None:
    values = np.full((8, 8, 3), 0.5, np.float32)
    loaded = reading.load(write(tmp_path / "in.tif", values, "float", ICCProfile=gamma_profile(1.0)))
    after, spec = read(back(loaded, tmp_path / "out.png"))
    assert abs(int(after[0, 0, 0]) - 48192) <= 2 and "ICCProfile" not in spec
    other = gamma_profile(1.0, swapped=True)
    loaded = reading.load(write(tmp_path / "in.tif", values, "float", ICCProfile=other))
    after, spec = read(back(loaded, tmp_path / "out.png"))
    assert after[0, 0, 0] == 32768 and bytes(spec["ICCProfile"]) == other


def test_a_profile_that_is_none_is_told(tmp_path: Path) -> None:
    loaded = reading.load(
        write(tmp_path / "in.tif", noise("uint16", 3), "uint16", ICCProfile=b"this is not a profile")
    )
    assert "ICC profile can't be read" in loaded.notes[0] and loaded.samples.color.profile is None


def test_other_primaries_of_an_exr_are_converted_for_the_network_and_back(tmp_path: Path) -> None:
    wide = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)  # ACES 2065-1
    values = np.full((8, 8, 3), (0.2, 0.9, 0.1), np.float32)
    path = write(tmp_path / "in.exr", values, "float", chromaticities=(OpenImageIO.TypeDesc("float[8]"), wide))
    loaded = reading.load(path)
    assert loaded.converted and loaded.notes == []
    assert loaded.sent[0, 0, 0] < 0, "a green that sRGB doesn't hold"
    after, spec = read(back(loaded, tmp_path / "out.exr"))
    assert spec["chromaticities"] == pytest.approx(wide)
    np.testing.assert_array_equal(after, values)
    painted = loaded.sent + np.float32(0.01)
    writing.save(tmp_path / "painted.exr", loaded, loaded.info, painted.tobytes())
    np.testing.assert_allclose(read(tmp_path / "painted.exr")[0], values + 0.01, atol=2e-3)
    writing.save(tmp_path / "plain.tif", loaded, loaded.info, painted.tobytes())
    again = reading.load(tmp_path / "plain.tif")
    np.testing.assert_allclose(reading.as_srgb(again.samples)[0, 0], reading.as_srgb(loaded.samples)[0, 0], atol=0.05)


# --- channels and samples of other kinds -----------------------------------------------------------------


def test_channels_that_are_no_color_are_left_out_and_told(tmp_path: Path) -> None:
    values = noise("half", 5)
    loaded = reading.load(write(tmp_path / "in.exr", values, "half", ("R", "G", "B", "Z", "mask")))
    assert loaded.info.order == "RGB" and loaded.pixels == values[..., :3].tobytes()
    assert loaded.notes == ["in.exr: left out the channels Z, mask."]


def test_an_exr_without_colors_is_refused_by_naming_its_channels(tmp_path: Path) -> None:
    path = write(tmp_path / "in.exr", noise("half", 2), "half", ("motion.x", "motion.y"))
    with pytest.raises(UnreadableImage, match=r"motion\.x, motion\.y"):
        reading.load(path)


def test_doubles_are_read_as_floats_and_told(tmp_path: Path) -> None:
    loaded = reading.load(write(tmp_path / "in.tif", noise("double", 3), "double"))
    assert loaded.info.depth == "f32" and loaded.notes == ["The picture's double samples are read as float."]


def test_white_that_is_zero_becomes_white(tmp_path: Path) -> None:
    """TIFF's PhotometricInterpretation 0, written by Pillow and turned over by hand."""
    Image.fromarray(np.array([[0, 1, 65535]], np.uint16)).save(tmp_path / "in.tif")
    data = bytearray((tmp_path / "in.tif").read_bytes())
    at = data.index(struct.pack("<HHI", 262, 3, 1)) + 8
    data[at] = 0
    (tmp_path / "in.tif").write_bytes(data)
    assert np.frombuffer(reading.load(tmp_path / "in.tif").pixels, np.uint16).tolist() == [65535, 65534, 0]


def test_only_the_first_of_several_pictures_is_used_and_that_is_told(tmp_path: Path) -> None:
    page = Image.fromarray(noise("uint16", 1)[..., 0])
    page.save(tmp_path / "in.tif", save_all=True, append_images=[page])
    assert reading.load(tmp_path / "in.tif").notes == ["in.tif holds several pictures: the first one is used."]


def test_a_tiff_of_8_bits_or_of_cmyk_stays_with_pillow(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 200, 100, 0)).save(tmp_path / "in.tif")
    loaded = reading.load(tmp_path / "in.tif")
    assert loaded.samples.spec is None and (loaded.info.depth, loaded.info.order) == ("u8", "RGB")


def test_cmyk_of_16_bits_is_told_to_be_read_as_8(tmp_path: Path) -> None:
    """RGBA whose photometric interpretation is changed to CMYK's, and whose tag about alpha to another one."""
    data = write(tmp_path / "in.tif", noise("uint16", 4), "uint16").read_bytes()
    for before, after in (((262, 3, 1, 2), (262, 3, 1, 5)), ((338, 3, 1, 2), (337, 3, 1, 2))):
        assert struct.pack("<HHII", *before) in data
        data = data.replace(struct.pack("<HHII", *before), struct.pack("<HHII", *after))
    (tmp_path / "in.tif").write_bytes(data)
    loaded = reading.load(tmp_path / "in.tif")
    assert (loaded.info.depth, loaded.info.order) == ("u8", "RGB") and "only 8" in loaded.notes[0]


# --- what goes wrong -------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_serves_for_png_and_is_refused_for_others_with_a_remedy(tmp_path: Path) -> None:
    good = write(tmp_path / "in.png", noise("uint16", 3), "uint16")
    loaded, bad = reading.load(good), tmp_path / "\udcff.png"
    writing.save(bad, loaded, loaded.info, loaded.pixels)
    assert bytes(reading.load(bad).pixels) == bytes(loaded.pixels)
    with pytest.raises(UnwritableImage, match="isn't proper text") as caught:
        writing.save(bad.with_suffix(".tif"), loaded, loaded.info, loaded.pixels)
    assert "The finished picture is kept in" in caught.value.remedy
    write(tmp_path / "in.tif", noise("uint16", 3), "uint16").rename(bad.with_suffix(".tif"))
    with pytest.raises(UnreadableImage, match="isn't proper text"):
        reading.load(bad.with_suffix(".tif"))


def test_a_question_mark_in_a_name_is_just_that(tmp_path: Path) -> None:
    """OpenImageIO takes what follows one for options, where there is no such file."""
    values = noise("uint16", 3)
    loaded = reading.load(write(tmp_path / "in.png", values, "uint16"))
    writing.save(tmp_path / "what?a=1.tif", loaded, loaded.info, loaded.pixels)
    assert reading.load(tmp_path / "what?a=1.tif").pixels == values.tobytes()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_a_file_that_was_cut_off_is_told_to_be_damaged(tmp_path: Path, suffix: str, part: float) -> None:
    kind = "half" if suffix == ".exr" else "uint16"
    whole = write(tmp_path / f"in{suffix}", noise(kind, 3, 64, 64), kind).read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(UnreadableImage, match=f"cut{suffix}") as caught:
        reading.load(tmp_path / f"cut{suffix}")
    assert caught.value.remedy


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_damaged_pixels_are_told(tmp_path: Path, suffix: str) -> None:
    data = bytearray(write(tmp_path / f"in{suffix}", noise("uint16", 3, 64, 64) // 256, "uint16").read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 300):
        data[at] ^= 0x55
    (tmp_path / f"in{suffix}").write_bytes(data)
    with pytest.raises(UnreadableImage, match="is damaged"):
        reading.load(tmp_path / f"in{suffix}")


@pytest.mark.parametrize("suffix", [".tif", ".exr"])
def test_a_side_longer_than_the_wires_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = write(tmp_path / f"in{suffix}", np.zeros((1, MAX_SIDE + 1, 1), np.float32), "float")
    monkeypatch.setattr(OpenImageIO.ImageInput, "read_image", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ImageTooLarge, match=f"{MAX_SIDE + 1} x 1"):
        reading.load(path)


def test_a_png_that_claims_a_huge_size_is_refused(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 16, 2, 0, 0, 0)
    data = _png(header, bytes(1000))
    (tmp_path / "in.png").write_bytes(data)
    with pytest.raises((UnreadableImage, ImageTooLarge), match=r"in\.png"):
        reading.load(tmp_path / "in.png")


def _png(header: bytes, rows: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr"])
@pytest.mark.parametrize(("side", "limit"), [(300, 200_000), (20, 500)], ids=["while writing", "at the end"])
def test_a_disk_that_takes_no_more_leaves_the_old_picture_and_no_half_one(
    tmp_path: Path, suffix: str, side: int, limit: int
) -> None:
    import resource

    kind = "half" if suffix == ".exr" else "uint16"
    loaded = reading.load(write(tmp_path / f"in{suffix}", noise(kind, 3, side, side), kind))
    output = tmp_path / f"out{suffix}"
    output.write_bytes(b"the old one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(DiskFull, match=f"out{suffix}"):
            writing.save(output, loaded, loaded.info, loaded.pixels)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert output.read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"in{suffix}", f"out{suffix}"]


def test_the_library_is_not_loaded_for_other_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "in.png")
    code = (
        "import sys, pathlib; import scumble_cli.main; from scumble_backend.pictures import reading; "
        "reading.load(pathlib.Path(sys.argv[1])); assert 'OpenImageIO' not in sys.modules"
    )
    paths = os.pathsep.join(
        str(Path(package.__file__).parents[1]) for package in (scumble_backend, scumble_cli, scumble_training)
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "in.png")],
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": paths},
    )


# --- the commands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "kind", "channels", "suffix"),
    [
        ("style", "uint16", 3, ".png"),
        ("style", "uint16", 4, ".tif"),
        ("style", "half", 4, ".exr"),
        ("upscale", "uint16", 3, ".png"),
        ("upscale", "float", 3, ".exr"),
    ],
)
def test_deep_color_stays_deep_through_the_commands(
    scumble: Scumble, tmp_path: Path, capsys: Any, command: str, kind: str, channels: int, suffix: str
) -> None:
    ramp = np.linspace(0.1, 0.9, 40 * 24, dtype=np.float32).reshape(24, 40, 1) * np.ones(channels, np.float32)
    ramp[..., 0] *= 0.9  # not gray
    if channels == 4:
        ramp[..., 3] = 1
    values = (ramp * 65535).astype(np.uint16) if kind == "uint16" else ramp.astype(KINDS[kind])
    source = write(tmp_path / f"in{suffix}", values, kind)
    words = ("--pack", "wave") if command == "style" else ("--model", "bicubic", "--factor", "2")
    assert scumble(command, source, "-o", tmp_path / f"out{suffix}", *words) == 0
    after, spec = read(tmp_path / f"out{suffix}")
    assert str(spec.format) == kind and spec.nchannels == channels
    assert after.shape[:2] == ((24, 40) if command == "style" else (48, 80))
    assert len(np.unique(after[..., 1])) > 300, "more than 8 bits"
    if command == "upscale":
        small = after.astype(np.float32).reshape(24, 2, 40, 2, channels).mean(axis=(1, 3))
        np.testing.assert_allclose(small, values, rtol=0.05)
    assert "bits" not in capsys.readouterr().err


def test_light_beyond_white_survives_enlarging(scumble: Scumble, tmp_path: Path) -> None:
    source = write(tmp_path / "in.exr", np.full((12, 12, 3), 6.0, np.float32), "float")
    assert scumble("upscale", source, "-o", tmp_path / "out.exr", "--model", "bicubic", "--factor", "2") == 0
    np.testing.assert_allclose(read(tmp_path / "out.exr")[0], 6.0, rtol=1e-4)


@pytest.mark.parametrize(("kind", "suffix"), [("uint16", ".png"), ("float", ".tif"), ("half", ".exr")])
def test_nothing_changes_at_strength_zero(scumble: Scumble, tmp_path: Path, kind: str, suffix: str) -> None:
    values = noise(kind, 3 if suffix == ".exr" else 4)
    source, output = write(tmp_path / f"in{suffix}", values, kind), tmp_path / f"out{suffix}"
    assert scumble("style", source, "-o", output, "-p", "wave", "--strength", "0") == 0
    np.testing.assert_array_equal(read(output)[0], values)
