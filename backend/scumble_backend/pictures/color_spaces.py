"""Color spaces as numbers: a curve for every channel and a matrix, between a picture's samples and sRGB's primaries.

Everything is computed in float without clipping, so colors beyond sRGB become numbers below 0 or above 1 and find
their way back. Sources: ICC.1:2022, sections 10.6 (curv) and 10.18 (para); ITU-T H.273 for the codes of PNG's cICP;
ITU-R BT.2100 for PQ and HLG; Bradford adaptation after Lindbloom.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scumble_wire.messages import Transfer

Floats = NDArray[np.float32]

_NEAR = 2.0  # steps of 255 by which two descriptions of the same space may differ
_ROWS = 256  # converted at a time, so that temporary copies stay small
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

D65, DCI_WHITE, C_WHITE, E_WHITE = (0.3127, 0.3290), (0.314, 0.351), (0.310, 0.316), (1 / 3, 1 / 3)
Primaries = tuple[float, float, float, float, float, float, float, float]  # x and y of red, green, blue, white
REC709: Primaries = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *D65)
REC2020: Primaries = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65)
#: Of H.273, table 2.
_CICP_PRIMARIES: dict[int, Primaries] = {
    1: REC709,
    2: REC709,  # "unspecified"
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *C_WHITE),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *C_WHITE),
    9: REC2020,
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, *E_WHITE),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *DCI_WHITE),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *D65),
}  # fmt: skip


def encoded(linear: Any) -> Floats:
    """Linear light to sRGB encoding, array to array. As `rendering.pixels.to_srgb`, without loading torch."""
    size = np.abs(linear, dtype=np.float32)
    low = size <= 0.0031308
    curve = 1.055 * np.maximum(size, 1e-9) ** np.float32(1 / 2.4) - 0.055
    out: Floats = np.copysign(np.where(low, size * np.float32(12.92), curve), linear, dtype=np.float32)
    return out


def linear(encoded: Any) -> Floats:
    """The inverse of `encoded`."""
    size = np.abs(encoded, dtype=np.float32)
    curve = ((size + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    out: Floats = np.copysign(np.where(size <= 0.04045, size / np.float32(12.92), curve), encoded, dtype=np.float32)
    return out


@dataclass(frozen=True)
class Curve:
    """Samples to light and back, for sizes of 0 and more; negative numbers are mirrored.

    identity: light is the sample itself.
    """

    decode: Callable[[Floats], Floats]
    encode: Callable[[Floats], Floats]
    identity: bool = False

    def light(self, samples: Floats) -> Floats:
        return samples if self.identity else np.copysign(self.decode(np.abs(samples)), samples, dtype=np.float32)

    def samples(self, light: Floats) -> Floats:
        return light if self.identity else np.copysign(self.encode(np.abs(light)), light, dtype=np.float32)


LINEAR = Curve(lambda x: x, lambda y: y, identity=True)
SRGB_CURVE = Curve(linear, encoded)


def gamma(exponent: float) -> Curve:
    """Light is the sample to the power of `exponent`, which is more than 0."""
    if abs(exponent - 1) < 1e-4:
        return LINEAR
    return Curve(lambda x: x ** np.float32(exponent), lambda y: y ** np.float32(1 / exponent))


def parametric(g: float, a: float = 1, b: float = 0, c: float = 0, d: float = 0, e: float = 0, f: float = 0) -> Curve:
    """ICC's function 4, which holds the others: (a x + b)^g + e from d on, c x + f below. Raises ValueError."""
    if g <= 0 or a <= 0:
        raise ValueError("the curve does not rise")
    if (abs(g - 1) < 1e-4, a, b, e) == (True, 1, 0, 0) and (d <= 0 or (c, f) == (1, 0)):
        return LINEAR
    knee = max(a * d + b, 0.0) ** g + e

    def decode(x: Floats) -> Floats:
        return np.where(x >= d, np.maximum(a * x + b, 0) ** np.float32(g) + e, c * x + f).astype(np.float32)

    def encode(y: Floats) -> Floats:
        high = (np.maximum(y - e, 0) ** np.float32(1 / g) - b) / a
        low = np.clip((y - f) / c, 0, d) if c > 0 else np.full_like(y, d)
        return np.where(y >= knee, high, low).astype(np.float32)

    return Curve(decode, encode)


def table(values: NDArray[Any]) -> Curve:
    """Light at evenly spaced samples, 0 .. 1. Raises ValueError unless it rises. Beyond 1 it goes on straight."""
    light = np.asarray(values, np.float64)
    if len(light) < 2 or (np.diff(light) < 0).any() or light[-1] <= light[0]:
        raise ValueError("the curve does not rise")
    places = np.linspace(0, 1, len(light))
    if np.abs(light - places).max() < 1e-4:
        return LINEAR
    rising = np.concatenate([[True], np.diff(light) > 0])  # of a level part the first sample counts
    back_light, back_places = light[rising], places[rising]

    def decode(x: Floats) -> Floats:
        out: Floats = (np.interp(x, places, light) + np.maximum(x - 1, 0)).astype(np.float32)
        return out

    def encode(y: Floats) -> Floats:
        out: Floats = (np.interp(y, back_light, back_places) + np.maximum(y - light[-1], 0)).astype(np.float32)
        return out

    return Curve(decode, encode)


def _rec709() -> Curve:
    return parametric(1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)


def _pq() -> Curve:
    """SMPTE ST 2084; light of 1 is 203 cd/m2, the diffuse white of ITU-R BT.2408."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    white = 10000 / 203

    def decode(x: Floats) -> Floats:
        root = np.minimum(x, 1).astype(np.float64) ** (1 / m2)
        return (white * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)).astype(np.float32)

    def encode(y: Floats) -> Floats:
        power = (y.astype(np.float64) / white) ** m1
        return (((c1 + c2 * power) / (1 + c3 * power)) ** m2).astype(np.float32)

    return Curve(decode, encode)


def _hlg() -> Curve:
    """ARIB STD-B67, without its system gamma; light of 1 is the sample 0.75, the diffuse white of BT.2408."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    white = float((np.exp((0.75 - c) / a) + b) / 12)

    def decode(x: Floats) -> Floats:
        x64 = x.astype(np.float64)
        return (np.where(x64 <= 0.5, x64**2 / 3, (np.exp((x64 - c) / a) + b) / 12) / white).astype(np.float32)

    def encode(y: Floats) -> Floats:
        y64 = y.astype(np.float64) * white
        high = a * np.log(np.maximum(12 * y64 - b, 1e-9)) + c
        return np.where(y64 <= 1 / 12, np.sqrt(3 * y64), high).astype(np.float32)

    return Curve(decode, encode)


#: Of H.273, table 3. What is not there is not converted.
_CICP_CURVES: dict[int, Callable[[], Curve]] = {
    1: _rec709, 2: lambda: SRGB_CURVE, 4: lambda: gamma(2.2), 5: lambda: gamma(2.8), 6: _rec709, 8: lambda: LINEAR,
    13: lambda: SRGB_CURVE, 14: _rec709, 15: _rec709, 16: _pq, 18: _hlg,
}  # fmt: skip
PQ, HLG = 16, 18


@dataclass(frozen=True)
class ColorSpace:
    """How the samples of a picture, 0 .. 1, become linear light with sRGB's primaries, and back.

    matrix: (3, 3), from the own linear light to that of sRGB. curves: of red, green, blue; one alone for gray.
    """

    curves: tuple[Curve, ...]
    matrix: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    high_range: bool = False  # PQ or HLG: light far beyond white

    @cached_property
    def nearest(self) -> Transfer:
        """The nearer of the two encodings that the wire knows."""
        off_srgb, off_linear = self._deviations
        return "srgb" if off_srgb[:18].mean() <= off_linear[:18].mean() else "linear"

    @cached_property
    def known(self) -> bool:
        """Whether the samples are those of sRGB, or linear light with its primaries: nothing needs converting."""
        return bool(self._deviations[self.nearest == "linear"].max() <= _NEAR)

    @cached_property
    def _deviations(self) -> tuple[Floats, Floats]:
        """Steps of 255 by which sRGB and linear light differ, of some samples; 18 grays come first."""
        steps = np.linspace(0, 1, 18, dtype=np.float32)
        colors = np.stack(np.meshgrid(steps[::6], steps[::6], steps[::6]), axis=-1).reshape(-1, 3)
        colors = np.concatenate([np.stack([steps] * 3, axis=-1), colors])
        if len(self.curves) == 1:
            colors = colors[:18, :1]
        seen = encoded(self.to_light(colors))
        return 255 * np.abs(seen - colors), 255 * np.abs(seen - encoded(colors))

    def to_light(self, samples: Floats) -> Floats:
        """(..., 3 or 1) samples to linear light with sRGB's primaries. Gray has one channel and no matrix."""
        if samples.shape[-1] == 1:
            return self.curves[0].light(samples)
        bands = [curve.light(samples[..., place]) for place, curve in enumerate(self._three)]
        light: Floats = np.stack(bands, axis=-1) @ self.matrix.T.astype(np.float32)
        return light

    def from_light(self, light: Floats) -> Floats:
        """The inverse of `to_light`."""
        if light.shape[-1] == 1:
            return self.curves[0].samples(light)
        own = light @ np.linalg.inv(self.matrix).T.astype(np.float32)
        return np.stack([curve.samples(own[..., place]) for place, curve in enumerate(self._three)], axis=-1)

    @property
    def _three(self) -> tuple[Curve, ...]:
        return self.curves if len(self.curves) == 3 else self.curves * 3


SRGB = ColorSpace((SRGB_CURVE,) * 3)


def in_bands(values: NDArray[Any], convert: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """`convert` some rows at a time, so that its temporary copies stay small.

    Floats of strangers may be as large as can be, infinite or no numbers; float arithmetic copes with all of them.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        first = convert(values[:1])
        out = np.empty((len(values), *first.shape[1:]), first.dtype)
        for top in range(0, len(values), _ROWS):
            out[top : top + _ROWS] = convert(values[top : top + _ROWS])
    return out


def from_primaries(primaries: Primaries, curve: Curve) -> ColorSpace:
    """Raises ValueError for primaries that span no space."""
    return ColorSpace((curve,) * 3, np.linalg.inv(xyz_d50(REC709)) @ xyz_d50(primaries))


def xyz_d50(primaries: Primaries) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ, adapted to D50 as in ICC profiles. Raises ValueError."""
    x, y = np.array(primaries[0::2], np.float64), np.array(primaries[1::2], np.float64)
    if not np.isfinite([*x, *y]).all() or (np.abs(y[[3]]) < 1e-6).any():
        raise ValueError("no white")
    columns = np.stack([x, y, 1 - x - y])  # X, Y, Z of each primary and of white, up to a factor
    white = columns[:, 3] / y[3]
    rgb = columns[:, :3]
    if abs(np.linalg.det(rgb)) < 1e-6:
        raise ValueError("the primaries lie on a line")
    matrix = rgb * np.linalg.solve(rgb, white)
    gains = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ matrix
    return adapted


def from_cicp(primaries: int, transfer: int) -> ColorSpace | None:
    """The space that the codes of H.273 name; None for those not known here."""
    if primaries not in _CICP_PRIMARIES or transfer not in _CICP_CURVES:
        return None
    space = from_primaries(_CICP_PRIMARIES[primaries], _CICP_CURVES[transfer]())
    return ColorSpace(space.curves, space.matrix, high_range=transfer in (PQ, HLG))


def as_icc(space: ColorSpace, *, gray: bool = False) -> bytes:
    """An ICC profile (version 2) that says the same, for formats without another way. Curves as tables of 4096."""
    steps = np.linspace(0, 1, 4096, dtype=np.float32)
    colors = np.linalg.inv(np.linalg.inv(xyz_d50(REC709))) @ space.matrix  # to XYZ at D50
    tags: list[tuple[bytes, bytes]] = [(b"desc", _text(b"desc")), (b"cprt", b"text\0\0\0\0CC0\0")]
    tags.append((b"wtpt", _xyz(np.array(_D50))))
    for place, name in enumerate((b"k",) if gray else (b"r", b"g", b"b")):
        light = np.clip(space.curves[min(place, len(space.curves) - 1)].light(steps), 0, 1)
        curve = b"curv\0\0\0\0" + struct.pack(">I", 4096) + np.round(light * 65535).astype(">u2").tobytes()
        tags.append((name + b"TRC", curve))
        if not gray:
            tags.append((name + b"XYZ", _xyz(colors[:, place])))
    body, rows = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags:
        rows += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sIIIQI12s4s44s",
        start + len(body), b"\0\0\0\0", 0x02400000, b"mntr", b"GRAY" if gray else b"RGB ", b"XYZ ", bytes(12),
        b"acsp", b"\0\0\0\0", 0, 0, 0, 0, 1, b"".join(_fixed(value) for value in _D50), b"\0\0\0\0", bytes(44),
    )  # fmt: skip
    return header + struct.pack(">I", len(tags)) + rows + body


def _text(kind: bytes) -> bytes:
    words = b"Color space of the source\0"
    return kind + bytes(4) + struct.pack(">I", len(words)) + words + bytes(4 + 4 + 2 + 1 + 67)


def _xyz(values: NDArray[Any]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(float(value)) for value in values)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
