"""safetensors files: written byte for byte alike each time, and looked into before anything is allocated.

The library's own `save` orders metadata by chance, so the same weights would get another sha256 each time; a base
network is found by that hash, so we write the (simple) container ourselves. Reading is the library's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scumble_backend.errors import ManifestWrong, PackDamaged, WeightsWrong
from scumble_backend.packs.strict_json import parse_json

if TYPE_CHECKING:
    from torch import Tensor

MAX_HEADER_BYTES = 1 << 20

#: Bytes of one element of the types that packs use. Others (float8, complex) are refused.
ITEM_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_TORCH_NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
_REMEDY = "Get the pack again from its author; nothing was installed."


@dataclass(frozen=True, slots=True)
class TensorEntry:
    dtype: str  # a key of ITEM_SIZES
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Header:
    tensors: dict[str, TensorEntry]
    metadata: dict[str, str]


def dtype_name(tensor: Tensor) -> str:
    """ "F32" for a float32 tensor. Raises WeightsWrong for a type that packs don't hold."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _TORCH_NAMES:
        raise WeightsWrong(f"Tensors of type {name} can't be stored in a pack.", remedy="Convert them to float32.")
    return _TORCH_NAMES[name]


def write(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file; the same input gives the same bytes. Tensors may lie on any device."""
    import torch

    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    pieces: list[bytes] = []
    offset = 0
    # Largest element first keeps every tensor aligned without gaps, as the library does.
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    for name in order:
        tensor = tensors[name].detach().to("cpu").contiguous()
        raw = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        header[name] = {
            "dtype": dtype_name(tensor),
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(raw)],
        }
        pieces.append(raw)
        offset += len(raw)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *pieces])


def read_header(raw: bytes | memoryview, name: str) -> Header:
    """Names, types, shapes and metadata; nothing is allocated. Raises PackDamaged or WeightsWrong.

    raw: the whole file. name: for messages.
    """
    if len(raw) < 8:
        raise PackDamaged(f"{name} is not a safetensors file: it is {len(raw)} bytes long.", remedy=_REMEDY)
    length = int.from_bytes(raw[:8], "little")
    if length > MAX_HEADER_BYTES or 8 + length > len(raw):
        raise PackDamaged(f"{name} is not a safetensors file, or it is truncated.", remedy=_REMEDY)
    try:
        header = parse_json(bytes(raw[8 : 8 + length]), f"The header of {name}")
    except ManifestWrong as error:
        raise PackDamaged(error.message, remedy=_REMEDY) from error
    if not isinstance(header, dict):
        raise PackDamaged(f"The header of {name} is not an object.", remedy=_REMEDY)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise PackDamaged(f"The metadata of {name} is not a table of texts.", remedy=_REMEDY)
    return Header({key: _entry(key, value, name) for key, value in header.items()}, metadata)


def _entry(key: str, value: object, name: str) -> TensorEntry:
    if not isinstance(value, dict):
        raise PackDamaged(f"{name} describes its tensor {key!r:.100} wrongly.", remedy=_REMEDY)
    dtype: Any = value.get("dtype")
    shape: Any = value.get("shape")
    offsets: Any = value.get("data_offsets")
    if dtype not in ITEM_SIZES:
        raise WeightsWrong(f"{name}: tensor {key!r:.100} has the type {dtype!r:.40}.", remedy=_REMEDY)
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 1 << 48 for n in numbers):
            raise PackDamaged(f"{name} describes its tensor {key!r:.100} wrongly.", remedy=_REMEDY)
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * ITEM_SIZES[dtype]:
        raise PackDamaged(f"{name}: tensor {key!r:.100} does not fit its place in the file.", remedy=_REMEDY)
    return TensorEntry(dtype, tuple(shape))


def read(raw: bytes, name: str) -> dict[str, Tensor]:
    """The tensors, on the CPU. Raises PackDamaged or WeightsWrong."""
    import safetensors
    import safetensors.torch

    read_header(raw, name)
    try:
        return safetensors.torch.load(raw)
    except safetensors.SafetensorError as error:
        raise PackDamaged(f"{name} is not an intact safetensors file.", remedy=_REMEDY) from error


def model_spec(
    *,
    architecture: str,
    title: str,
    authors: tuple[str, ...] = (),
    license: str = "",
    description: str = "",
    date: str = "",
) -> dict[str, str]:
    """Metadata after the ecosystem's ModelSpec 1.0.1, so that other programs' lists show what the file is."""
    given = {
        "sai_model_spec": "1.0.1",
        "architecture": f"scumble/{architecture}",
        "implementation": "scumble",
        "title": title,
        "author": ", ".join(authors),
        "license": license,
        "description": description,
        "date": date,
    }
    return {f"modelspec.{key}": value for key, value in given.items() if value}
