"""How a file says what its samples mean, by ICC profile, PNG's chunks or chromaticities; of several, which counts."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scumble_backend.pictures import color_spaces, png_chunks, profiles
from scumble_backend.pictures.color_spaces import LINEAR, REC709, SRGB, SRGB_CURVE, ColorSpace, Curve, Primaries
from scumble_backend.pictures.png_chunks import Chunk
from scumble_backend.pictures.profiles import Profile

_AS_SRGB = "its colors are taken as sRGB"


@dataclass(frozen=True)
class ColorDescription:
    """What the samples mean, and what the file says about it.

    space: None where nothing is said: integers are sRGB, floats linear light. profile: the ICC profile, if it fits
    the picture; where it has tables, `space` is None. chunks: PNG's own words for it. notes: in words, for people.
    """

    space: ColorSpace | None = None
    profile: Profile | None = None
    chunks: tuple[Chunk, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> Profile | None:
        """The profile, where only Little CMS can apply it."""
        return (
            self.profile if self.profile is not None and self.profile.space is None and self.space is None else None
        )

    @property
    def returns(self) -> bool:
        """Colors can be converted back to what the samples mean."""
        return self.tables is None or self.tables.returns

    def icc(self, *, gray: bool) -> bytes | None:
        """A profile that says the same; None: sRGB, or light of a range that ICC profiles don't hold."""
        if self.profile is not None and (self.space is None or self.profile.space is self.space):
            return self.profile.data
        if self.space is None or self.space.high_range or (self.space.known and self.space.nearest == "srgb"):
            return None
        return color_spaces.as_icc(self.space, gray=gray)

    @property
    def has_profile(self) -> bool:
        """Whether a format with ICC profiles alone can say what the samples mean."""
        return self.space is None or not self.space.high_range


def of_profile(icc: bytes | None, *, gray: bool, broken: bool = False) -> ColorDescription:
    """gray: the picture has no colors. broken: the file has a profile that can't even be unpacked."""
    if icc is None:
        return ColorDescription(notes=(f"The picture's color profile is damaged: {_AS_SRGB}.",) if broken else ())
    profile = profiles.read(icc)
    if profile is None:
        return ColorDescription(notes=(f"The picture's ICC profile can't be read: {_AS_SRGB}.",))
    fits = profile.colors == ("GRAY" if gray else "RGB") or (gray and profile.space is not None)
    if not fits:
        own = "gray" if gray else "RGB"
        note = f"The picture's color profile is for {profile.colors}, but the picture is {own}: {_AS_SRGB}."
        return ColorDescription(notes=(note,))
    space = profile.space
    if gray and space is not None and len(space.curves) == 3:
        space = ColorSpace(space.curves[:1])
        profile = replace(profile, space=space)
    return ColorDescription(space, profile)


def of_png(chunks: Sequence[Chunk], *, gray: bool) -> ColorDescription:
    """Of the chunks that tell about color the first counts in this order: cICP, iCCP, sRGB, gAMA with cHRM."""
    said = [chunk for chunk in chunks if chunk.name in png_chunks.COLOR]
    names = {chunk.name for chunk in said}
    icc, broken = png_chunks.profile(said)
    found = of_profile(icc, gray=gray, broken=broken)
    if found.profile is None:
        said = [chunk for chunk in said if chunk.name != b"iCCP"]
    notes = list(found.notes)
    space, profile = found.space, found.profile
    cicp = png_chunks.find(said, b"cICP")
    if cicp is not None:
        coded, told = _cicp(cicp, gray=gray)
        if coded is None:
            said = [chunk for chunk in said if chunk.name != b"cICP"]
        else:
            space = coded
        notes += told
        if coded is not None and profile is not None and profile.space is None:
            profile = None  # tables beside the codes: the codes count
    elif profile is None and b"sRGB" not in names:
        space, told = _gamma(said, gray=gray)
        notes += told
    return ColorDescription(space, profile, tuple(said), tuple(notes))


def of_chromaticities(primaries: Primaries) -> ColorDescription:
    """Of OpenEXR: linear light with primaries of its own."""
    if max(abs(own - ours) for own, ours in zip(primaries, REC709, strict=True)) <= 0.002:
        return ColorDescription()
    try:
        return ColorDescription(color_spaces.from_primaries(primaries, LINEAR))
    except ValueError:
        return ColorDescription(notes=("The picture's primaries make no sense: they are taken as sRGB's.",))


def _cicp(data: bytes, *, gray: bool) -> tuple[ColorSpace | None, list[str]]:
    if len(data) != 4:
        return None, [f"The picture's cICP part is damaged: {_AS_SRGB}."]
    primaries, transfer, matrix, full = data
    space = color_spaces.from_cicp(primaries, transfer)
    if space is None or matrix != 0 or full != 1:
        return None, [f"The picture's color codes (cICP {'/'.join(map(str, data))}) are not known here: {_AS_SRGB}."]
    notes = []
    if space.high_range:
        kind = "PQ" if transfer == color_spaces.PQ else "HLG"
        notes.append(
            f"The picture is {kind}, of high dynamic range: what is brighter than white is painted as white."
        )
    return _for_gray(space) if gray else space, notes


def _gamma(said: Sequence[Chunk], *, gray: bool) -> tuple[ColorSpace | None, list[str]]:
    """The space that gAMA and cHRM tell; None: neither is there."""
    gama, chrm = png_chunks.find(said, b"gAMA"), png_chunks.find(said, b"cHRM")
    if gama is None and chrm is None:
        return None, []
    curve: Curve = SRGB_CURVE
    primaries: Primaries = REC709
    try:
        if gama is not None:
            value = struct.unpack(">I", gama)[0] / 100000
            if not 0.05 <= value <= 20:
                raise ValueError(f"a gamma of {value}")
            # 1 / 2.2 is how sRGB is told where there is no better word; a pure power would darken the shadows.
            curve = SRGB_CURVE if abs(value - 0.45455) < 0.0003 else color_spaces.gamma(1 / value)
        if chrm is not None:
            white_x, white_y, *others = (part / 100000 for part in struct.unpack(">8I", chrm))
            red_x, red_y, green_x, green_y, blue_x, blue_y = others
            primaries = (red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y)
        space = SRGB if (curve, primaries) == (SRGB_CURVE, REC709) else color_spaces.from_primaries(primaries, curve)
    except (ValueError, struct.error):
        return None, [f"The picture's gamma or primaries (gAMA, cHRM) make no sense: {_AS_SRGB}."]
    return _for_gray(space) if gray else space, []


def _for_gray(space: ColorSpace) -> ColorSpace:
    return ColorSpace(space.curves[:1], high_range=space.high_range)
