"""What stands beside the pixels: kept from format to format, in whatever state it is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from PIL import Image, PngImagePlugin

from scumble_backend.errors import ImageTooLarge, UnreadableImage
from scumble_backend.pictures import metadata, png_chunks, reading, writing

from .conftest import png, through

Case = Callable[[str], Path]
GRAY = np.full((6, 8, 3), 128, np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6" exif:PixelXDimension="8"/></x:xmpmeta>'


def chunks_of(path: Path) -> list[tuple[bytes, bytes]]:
    return [(chunk.name, chunk.data) for chunk in png_chunks.read(path)[1]]


def exif_block(orientation: int = 1, order: str = "<") -> bytes:
    """Orientation, an artist in UTF-8, pixel sizes in the inner directory, and a small preview behind."""
    artist = "Jörg Müller\0".encode()
    first, inner = 8, 8 + 2 + 3 * 12 + 4
    text = inner + 2 + 2 * 12 + 4
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first)
    outer = struct.pack(order + "H", 3)
    outer += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    outer += struct.pack(order + "HHII", 0x013B, 2, len(artist), text)
    outer += struct.pack(order + "HHII", 0x8769, 4, 1, inner)
    outer += struct.pack(order + "I", text + len(artist))  # the directory of the preview
    deep = struct.pack(order + "H", 2)
    deep += struct.pack(order + "HHII", 0xA002, 4, 1, 4000)
    deep += struct.pack(order + "HHIHH", 0xA003, 3, 1, 3000, 0)
    return head + outer + deep + bytes(4) + artist + struct.pack(order + "H", 0) + bytes(4)


def save_with_xmp(path: Path, **options: Any) -> None:
    if path.suffix == ".png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    elif path.suffix == ".tif":
        options["tiffinfo"] = {700: XMP}
    else:
        options["xmp"] = XMP
    Image.fromarray(GRAY).save(path, **options)


# --- PNG -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16])
def test_text_resolution_and_chunks_of_strangers_are_kept_as_they_are(tmp_path: Path, bits: int) -> None:
    kept = [
        (b"tEXt", b"Author\0J\xf6rg M\xfcller"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 3_000_000)),
        (b"iTXt", "Title\0\0\0de\0\0Große Welle".encode()),
        (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
        (b"prVa", b"private, and safe to copy"),
    ]
    values = GRAY.astype(np.uint16) * 257 if bits == 16 else GRAY
    source = png(tmp_path / "in.png", values, *kept, (b"prVA", b"not safe to copy"), (b"hIST", b"\0\0"), bits=bits)
    loaded = through(source, tmp_path / "out.png", painted=0.1)
    assert chunks_of(tmp_path / "out.png") == kept and loaded.notes == []


@pytest.mark.parametrize("name", ["rgb16-latin1-text.png", "ztxt-3MB.png"])
def test_texts_of_the_cases_are_kept(case: Case, tmp_path: Path, name: str) -> None:
    loaded = through(case(name), tmp_path / "out.png", painted=0.1)
    assert chunks_of(tmp_path / "out.png") == chunks_of(case(name)) != [] and loaded.notes == []


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "chunk",
    [
        (b"iCCP", b"x\0\0" + zlib.compress(bytes(40_000_000))),
        (b"iCCP", b"x\0\0this is not packed"),
        (b"iCCP", b"no end"),
        (b"zTXt", b"Comment\0\0this is not packed"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000))),
        (b"iTXt", b"Comment\0\1"),
        (b"gAMA", b""),
        (b"cHRM", bytes(32)),
        (b"cICP", b"\1"),
        (b"pHYs", b"\0"),
        (b"eXIf", b"II*\0\xff\xff\xff\xff"),
        (b"sBIT", bytes(40)),
    ],
    ids=lambda chunk: f"{chunk[0].decode()}-{len(chunk[1])}",
)
def test_a_chunk_beside_the_pixels_never_costs_the_picture(
    tmp_path: Path, bits: int, chunk: tuple[bytes, bytes]
) -> None:
    values = GRAY.astype(np.uint16) * 257 if bits == 16 else GRAY
    through(png(tmp_path / "in.png", values, chunk, bits=bits), tmp_path / "out.png")
    np.testing.assert_array_equal(reading.read(tmp_path / "out.png").values, values)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_wrong_checksum_beside_the_pixels_is_told(tmp_path: Path, bits: int) -> None:
    values = GRAY.astype(np.uint16) * 257 if bits == 16 else GRAY
    source = png(tmp_path / "in.png", values, (b"tEXt", b"Author\0Hokusai"), bits=bits)
    source.write_bytes(source.read_bytes().replace(b"Hokusai", b"Hiroshi"))
    loaded = through(source, tmp_path / "out.png")
    assert "tEXt part is damaged" in loaded.notes[0] and chunks_of(tmp_path / "out.png") == []


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (8, 4), (16, 1), (16, 3), (16, 4)])
@pytest.mark.parametrize("size", [(65_536, 1), (1, 65_536)])
def test_sides_of_65536_pixels_are_read_and_written(
    tmp_path: Path, bits: int, channels: int, size: tuple[int, int]
) -> None:
    values = np.ones((size[1], size[0], channels), f"u{bits // 8}")
    through(png(tmp_path / "in.png", values, bits=bits), tmp_path / "out.png")
    np.testing.assert_array_equal(reading.read(tmp_path / "out.png").values, values)


@pytest.mark.parametrize(("bits", "kind"), [(1, 0), (8, 2), (16, 2)])
def test_a_png_of_too_many_pixels_is_refused_by_its_size(tmp_path: Path, bits: int, kind: int) -> None:
    header = struct.pack(">IIBBBBB", 65_536, 65_536, bits, kind, 0, 0, 0)
    data = png_chunks.Chunk(b"IDAT", zlib.compress(bytes(1000)))
    whole = png_chunks.SIGNATURE + png_chunks.Chunk(b"IHDR", header).encode() + data.encode()
    (tmp_path / "in.png").write_bytes(whole + png_chunks.Chunk(b"IEND", b"").encode())
    with pytest.raises(ImageTooLarge, match="65536 x 65536"):
        reading.load(tmp_path / "in.png")


# --- EXIF, XMP, comments, resolution ---------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_exif_is_kept_byte_for_byte_but_for_what_has_changed(tmp_path: Path, suffix: str, order: str) -> None:
    block = exif_block(6, order)
    save_with_xmp(tmp_path / f"in{suffix}", exif=b"Exif\0\0" + block)
    through(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")
    now = reading.read(tmp_path / f"out{suffix}").metadata
    assert len(now.exif) == len(block) and "Jörg Müller".encode() in now.exif
    assert metadata.orientation_of(now.exif) == 1
    with Image.open(tmp_path / f"out{suffix}") as written:
        assert written.size == (6, 8)
        exif = written.getexif()
        inner = exif.get_ifd(0x8769)
        assert (inner[0xA002], inner[0xA003]) == (6, 8) and exif.get_ifd(1) == {}, "sizes, and no preview as it was"
    assert b'tiff:Orientation="1"' in now.xmp and b'PixelXDimension="6"' in now.xmp


def test_a_width_beyond_16_bits_fits_into_exif() -> None:
    block = metadata.exif_for(exif_block(), 70_000, 70_001)
    found = Image.Exif()
    found.load(block)
    assert found.get_ifd(0x8769)[0xA002] == 70_000 and found.get_ifd(0x8769)[0xA003] == 70_001


def test_a_header_written_twice_is_read_once(case: Case, tmp_path: Path) -> None:
    source = case("exif-header-twice.jpg")
    loaded = through(source, tmp_path / "out.jpg")
    with Image.open(source) as before, Image.open(tmp_path / "out.jpg") as after:
        assert after.size == before.size[::-1], "its orientation is 6"
        assert after.getexif()[0x0112] == 1
    assert loaded.samples.metadata.exif[:4] == b"II*\0"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_resolution_stays(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(GRAY).save(tmp_path / f"in{suffix}", dpi=(300, 150))
    for target in (".png", ".jpg", ".tif"):
        through(tmp_path / f"in{suffix}", tmp_path / f"out{target}")
        with Image.open(tmp_path / f"out{target}") as written:
            assert written.info["dpi"] == pytest.approx((300, 150), abs=0.1)


@pytest.mark.parametrize("source", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("target", [".png", ".jpg", ".tif", ".webp"])
def test_xmp_goes_from_every_format_into_every_other(tmp_path: Path, source: str, target: str) -> None:
    save_with_xmp(tmp_path / f"in{source}")
    through(tmp_path / f"in{source}", tmp_path / f"out{target}")
    assert b"tiff:Orientation" in reading.read(tmp_path / f"out{target}").metadata.xmp


def test_texts_of_a_png_become_the_comment_of_a_jpeg_and_return(tmp_path: Path) -> None:
    source = png(tmp_path / "in.png", GRAY, (b"tEXt", b"Author\0J\xf6rg"), (b"tEXt", b"Title\0Welle"))
    through(source, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as written:
        assert written.info["comment"].decode() == "Author: Jörg\nTitle: Welle"
    through(tmp_path / "out.jpg", tmp_path / "again.png")
    assert chunks_of(tmp_path / "again.png")[0] == (b"tEXt", b"Comment\0Author: J\xf6rg\nTitle: Welle")
    through(source, tmp_path / "out.tif")
    with Image.open(tmp_path / "out.tif") as tiff:
        assert tiff.getexif()[270].encode("latin-1").decode() == "Author: Jörg\nTitle: Welle"
    through(source, tmp_path / "out.webp")
    assert "Jörg".encode() in reading.read(tmp_path / "out.webp").metadata.exif


def test_what_a_jpeg_can_not_hold_is_told(tmp_path: Path) -> None:
    source = png(tmp_path / "in.png", GRAY, (b"tEXt", b"Comment\0" + b"x" * 70_000))
    loaded = through(source, tmp_path / "out.jpg")
    assert loaded.notes == ["JPEG can't hold texts of 70000 bytes: they are left out."]


@pytest.mark.parametrize("suffix", [".tif", ".exr", ".png"])
def test_a_deep_tiff_with_text_that_is_not_utf8_is_written(tmp_path: Path, suffix: str) -> None:
    spec = OpenImageIO.ImageSpec(8, 6, 3, "uint16")
    spec.attribute("Artist", "Joerg Mueller")
    output = OpenImageIO.ImageOutput.create("tiff")
    assert output is not None and output.open(str(tmp_path / "in.tif"), spec)
    assert output.write_image(GRAY.astype(np.uint16)) and output.close()
    data = (tmp_path / "in.tif").read_bytes()
    (tmp_path / "in.tif").write_bytes(data.replace(b"Joerg Mueller", b"J\xf6rg M\xfcller\0\0"))
    through(tmp_path / "in.tif", tmp_path / f"out{suffix}", painted=0.1)
    if suffix != ".png":
        source = OpenImageIO.ImageInput.open(str(tmp_path / f"out{suffix}"))
        assert source is not None and source.spec()["Artist"].rstrip("\0") == "Jörg Müller"
    else:
        assert b"J\xf6rg M\xfcller" in b"".join(data for _, data in chunks_of(tmp_path / "out.png"))


# --- OpenEXR's kinds, JPEG's troubles --------------------------------------------------------------------


def test_an_environment_map_is_written_without_its_mark(case: Case, tmp_path: Path) -> None:
    loaded = through(case("latlong-environment-half.exr"), tmp_path / "out.exr", painted=0.25)
    assert any("LatLong Environment" in note for note in loaded.notes)
    again = reading.load(tmp_path / "out.exr")
    np.testing.assert_array_equal(again.sent, loaded.sent + np.float16(0.25))
    assert again.notes == []


@pytest.mark.parametrize("mark", ["LatLong Environment", "CubeFace Environment"])
def test_tiled_textures_with_mip_maps_are_written_as_plain_pictures(tmp_path: Path, mark: str) -> None:
    made = OpenImageIO.ImageBuf(OpenImageIO.ImageSpec(64, 32, 3, "half"))
    OpenImageIO.ImageBufAlgo.fill(made, (0.25, 0.5, 0.75))
    kind = OpenImageIO.MakeTxEnvLatl if mark.startswith("LatLong") else OpenImageIO.MakeTxTexture
    assert OpenImageIO.ImageBufAlgo.make_texture(kind, made, str(tmp_path / "in.exr")), OpenImageIO.geterror()
    loaded = through(tmp_path / "in.exr", tmp_path / "out.exr")
    assert any("mip maps" in note for note in loaded.notes)
    again = reading.load(tmp_path / "out.exr")
    np.testing.assert_array_equal(again.sent, loaded.sent)


def test_a_jpeg_that_ends_early_is_painted_as_far_as_it_goes(case: Case, tmp_path: Path) -> None:
    loaded = through(case("progressive-truncated.jpg"), tmp_path / "out.jpg")
    assert any("ends early" in note for note in loaded.notes)
    assert loaded.sent.std() > 20


@pytest.mark.parametrize("progressive", [True, False])
def test_a_jpeg_cut_in_the_middle_is_painted_and_one_cut_before_its_pixels_refused(
    tmp_path: Path, progressive: bool
) -> None:
    values = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "in.jpg", quality=95, progressive=progressive)
    whole = (tmp_path / "in.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    assert "ends early" in reading.load(tmp_path / "cut.jpg").notes[0]
    (tmp_path / "cut.jpg").write_bytes(whole[:150])
    with pytest.raises(UnreadableImage):
        reading.load(tmp_path / "cut.jpg")


def test_a_jpeg_whose_segment_tells_a_wrong_length_is_painted_in_the_right_colors(case: Case, tmp_path: Path) -> None:
    loaded = through(case("cmyk-no-adobe-marker.jpg"), tmp_path / "out.png")
    assert "damaged beside its pixels" in loaded.notes[0] and "CMYK" in loaded.notes[1]
    assert loaded.info.width == loaded.info.height == 100


@pytest.mark.parametrize("off", [-16, -1, 1, 300])
def test_a_wrong_length_is_found_out(tmp_path: Path, off: int) -> None:
    values = np.random.default_rng(1).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "in.jpg", quality=95, exif=b"Exif\0\0" + exif_block() + bytes(500))
    data = bytearray((tmp_path / "in.jpg").read_bytes())
    at = data.index(b"\xff\xe1") + 2
    struct.pack_into(">H", data, at, struct.unpack_from(">H", data, at)[0] + off)
    (tmp_path / "bad.jpg").write_bytes(data)
    np.testing.assert_array_equal(reading.load(tmp_path / "bad.jpg").sent, reading.load(tmp_path / "in.jpg").sent)


def test_a_picture_that_is_animated_gives_its_first_one_and_says_so(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    for suffix, told in ((".png", "animated"), (".gif", "holds 2 pictures"), (".webp", "holds 2 pictures")):
        frames[0].save(tmp_path / f"in{suffix}", save_all=True, append_images=frames[1:], duration=50)
        loaded = reading.load(tmp_path / f"in{suffix}")
        assert told in loaded.notes[0] and loaded.sent[0, 0, 0] > 250
        writing.save(tmp_path / "out.png", loaded, loaded.info, loaded.pixels)
