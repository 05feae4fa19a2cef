"""Networks of other programs become packs: recognized, read without running code, converted, compared, packed.

Kinds: PyTorch state dicts (.pth, .pt, .model, .ckpt, .safetensors) in the layout of PyTorch's fast_neural_style
example; the same networks as ONNX; any RGB upscaling network that Spandrel knows; and ONNX files of others.
"""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_backend.errors import (
    ImportFailed,
    PackDamaged,
    PackNeedsAnswers,
    PackUnsafe,
    PackUnsupported,
    from_os_error,
)
from scumble_backend.packs import slim_span, tensors
from scumble_backend.packs.archive import MAX_PACK_BYTES, WEIGHTS, write_pack
from scumble_backend.packs.manifest import Manifest, Painting, Training, id_from_title

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".pth", ".pt", ".model", ".ckpt", ".t7pth", ".safetensors", ".onnx")
_REMEDY = "Get the file again from its author; nothing was installed."


@dataclass(frozen=True)
class Answers:
    """What only a person can tell about a foreign network. Title and license must be given."""

    title: str = ""
    license: str = ""  # SPDX expression
    authors: tuple[str, ...] = ()
    painting: Painting | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)  # more files of the pack, as a thumbnail

    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in ("title", "license") if not getattr(self, name).strip())


def is_foreign(path: Path) -> bool:
    """True if a file is to be converted rather than installed as it is; goes by its ending."""
    return path.suffix.lower() in SUFFIXES


def refuse_ncnn(path: Path) -> None:
    """Raises PackUnsupported for the two files of an ncnn network; a .bin may be something else of another kind."""
    suffix = path.suffix.lower()
    if suffix == ".param" or (suffix == ".bin" and not _begins_like_weights(path)):
        raise PackUnsupported(
            f"{path.name} is a network for ncnn, which can't be read.",
            remedy="Get the same model as .safetensors, .pth or .pt; most authors offer it.",
        )


def _begins_like_weights(path: Path) -> bool:
    """As PyTorch's files do: a zip, or a pickle."""
    try:
        with path.open("rb") as file:
            return file.read(2).startswith((b"PK", b"\x80"))
    except OSError as error:
        raise from_os_error(error, path, "read") from error


def make_pack(path: Path, target: Path, answers: Answers) -> Manifest:
    """Convert the network in `path` and write it as the pack `target`.

    Raises PackNeedsAnswers, ImportFailed, PackUnsafe (it holds more than weights), PackDamaged, PackUnsupported.
    """
    if missing := answers.missing():
        raise PackNeedsAnswers(
            f"{path.name} does not say its {' and '.join(missing)}.",
            remedy="Give them: `scumble packs add FILE --title TITLE --license SPDX`.",
        )
    raw = _read(path)
    if path.suffix.lower() == ".onnx":
        return _from_onnx(target, answers, path, raw)
    from scumble_backend.packs import fast_neural_style

    state = read_state_dict(path, raw)
    if fast_neural_style.looks_like(state):
        layers = fast_neural_style.from_state_dict(state)
        return _style_pack(target, answers, path, raw, *fast_neural_style.convert_and_compare(layers))
    return _upscale_pack(target, answers, path, raw, state)


def read_state_dict(path: Path, raw: bytes) -> dict[str, Tensor]:
    """Tensors by name from a pickle (weights only: nothing in it runs) or a safetensors file."""
    if path.suffix.lower() == ".safetensors":
        return tensors.read(raw, path.name)
    found = _unpickle(raw, path.name)
    for wrapper in ("state_dict", "params_ema", "params", "model", "net", "g", "G"):
        inner = found.get(wrapper) if isinstance(found, Mapping) else None
        if isinstance(inner, Mapping):
            found = inner
            break
    import torch

    if not isinstance(found, Mapping):
        raise ImportFailed(f"{path.name} holds no table of weights.", remedy=_REMEDY)
    state = {str(name): tensor for name, tensor in found.items() if isinstance(tensor, torch.Tensor)}
    # A view may claim any size over a few bytes of storage.
    if sum(tensor.numel() * tensor.element_size() for tensor in state.values()) > MAX_PACK_BYTES:
        raise PackUnsafe(f"{path.name} claims tensors larger than a pack may be.", remedy=_REMEDY)
    if not state:
        raise ImportFailed(f"{path.name} holds no weights.", remedy=_REMEDY)
    return {name: tensor.detach().contiguous() for name, tensor in state.items()}


def _unpickle(raw: bytes, name: str) -> Any:
    import torch

    _check_zip_size(raw, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on old protocols; what can't be read is an error anyway
            return torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise PackUnsafe(
            f"{name} holds more than plain weights, perhaps program code. Nothing of it was run.",
            remedy="Ask its author for the weights alone, best as .safetensors.",
        ) from error
    except (
        OSError, RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError,
        ArithmeticError, MemoryError, struct.error, RecursionError,
    ) as error:  # fmt: skip
        raise PackDamaged(f"{name} can't be read as weights ({type(error).__name__}).", remedy=_REMEDY) from error


def _check_zip_size(raw: bytes, name: str) -> None:
    """A zip of weights is not compressed by PyTorch; one that unpacks to far more was made to harm."""
    try:
        if not zipfile.is_zipfile(io.BytesIO(raw)):
            return
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            plain = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise PackDamaged(f"{name} can't be read as weights ({error}).", remedy=_REMEDY) from error
    if plain > MAX_PACK_BYTES:
        raise PackUnsafe(f"{name} would unpack to {plain >> 20} MiB.", remedy=_REMEDY)


def _from_onnx(target: Path, answers: Answers, path: Path, raw: bytes) -> Manifest:
    """A style where the graph normalizes pictures as styles do, else a network that enlarges."""
    from scumble_backend.packs import onnx_models

    model = onnx_models.read_model(raw, path.name)
    if any(node.op_type == "InstanceNormalization" for node in model.graph.node):
        return _style_pack(target, answers, path, raw, *onnx_models.read_style(raw, path.name, model))
    from scumble_backend.packs.making import upscale_weights
    from scumble_backend.packs.onnx_upscalers import read_upscaler

    found = read_upscaler(model, raw, path.name)
    manifest = Manifest(
        id=id_from_title(answers.title),
        title=answers.title,
        kind="upscale",
        architecture=found.architecture,
        authors=answers.authors,
        license=answers.license,
        factors=(int(found.architecture["factor"]),),
        training=_provenance(path, raw),
        quality={"import difference": found.difference},
    )
    return write_pack(target, manifest, {**answers.files, WEIGHTS: upscale_weights(manifest, found.state)})


def _style_pack(
    target: Path, answers: Answers, path: Path, raw: bytes, network: Any, table: Any, far: float
) -> Manifest:
    from scumble_backend.packs.making import network_weights, style_architecture

    manifest = Manifest(
        id=id_from_title(answers.title),
        title=answers.title,
        kind="network",
        architecture=style_architecture(network),
        authors=answers.authors,
        license=answers.license,
        painting=answers.painting,
        training=_provenance(path, raw),
        quality={"import difference": far},
    )
    return write_pack(target, manifest, {**answers.files, WEIGHTS: network_weights(manifest, network, table)})


def _upscale_pack(target: Path, answers: Answers, path: Path, raw: bytes, state: dict[str, Tensor]) -> Manifest:
    import spandrel  # type: ignore[import-untyped,unused-ignore]

    from scumble_backend.packs.checks import check_spandrel, try_spandrel
    from scumble_backend.packs.making import upscale_weights

    state = dict(spandrel.canonicalize_state_dict(state))
    if slim_span.looks_like(state):
        state = slim_span.with_factors(state)
    model = check_spandrel(state)
    try_spandrel(model)
    manifest = Manifest(
        id=id_from_title(answers.title),
        title=answers.title,
        kind="upscale",
        architecture={"name": "spandrel", "family": str(model.architecture.id)},
        authors=answers.authors,
        license=answers.license,
        factors=(int(model.scale),),
        training=_provenance(path, raw),
    )
    return write_pack(target, manifest, {**answers.files, WEIGHTS: upscale_weights(manifest, state)})


def _provenance(path: Path, raw: bytes) -> Training:
    now = datetime.now(timezone.utc).date().isoformat()
    name = "".join(c for c in path.name if c.isprintable())[:200]
    return Training(recipe={"imported": name, "sha256": sha256(raw).hexdigest()}, data="not told", finished=now)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_PACK_BYTES:
            raise PackUnsafe(f"{path.name} is larger than {MAX_PACK_BYTES >> 20} MiB.", remedy=_REMEDY)
        return path.read_bytes()
    except OSError as error:
        raise from_os_error(error, path, "read") from error
