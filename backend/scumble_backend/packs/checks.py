"""Is a pack what it says? Every deviation is found and named, not only the first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_backend.errors import (
    ManifestWrong,
    PackBaseMissing,
    PackDamaged,
    PackError,
    PackUnsafe,
    PackUnsupported,
    SignatureWrong,
    UnreadableImage,
    WeightsWrong,
    from_os_error,
)
from scumble_backend.packs import tensors
from scumble_backend.packs.archive import BASE, MAX_PACK_BYTES, SIGNATURE, UNLISTED, WEIGHTS, PackArchive
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.signing import DETACHED_SUFFIX, verify
from scumble_backend.pictures import thumbnails

if TYPE_CHECKING:
    from torch import Tensor, nn

_BY_CHANCE = 1e-3  # how far two results may lie apart; sums in another order stay far below it
ARCHITECTURE_KEY = "scumble.architecture"
_REMEDY = "Get the pack again from its author; nothing was installed."
_FLOATS = frozenset({"F32", "F16", "BF16"})
# Spandrel infers a network from the tensors' names and shapes; strange ones make it stumble in these ways.
_SPANDREL_ERRORS = (
    RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, ArithmeticError,
    RecursionError, MemoryError, ImportError,
)  # fmt: skip
# What operators say to attributes, numbers and sizes that don't fit.
_GRAPH_ERRORS = (
    RuntimeError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
)


@dataclass
class Examination:
    """What was found in a .scumble file."""

    manifest: Manifest | None = None
    key: bytes | None = None  # public key of the one who signed it; None: not signed, or wrongly
    findings: list[PackError] = field(default_factory=list)
    base: bytes | None = None  # the base network's file, if it comes with the pack and is not installed

    def raise_first(self) -> Manifest:
        """The manifest of a sound pack; raises the first finding otherwise."""
        if self.findings:
            first = self.findings[0]
            more = len(self.findings) - 1
            if more:
                first.message += f" ({more} more: see `scumble packs verify`.)"
                first.args = (first.message,)
            raise first
        assert self.manifest is not None
        return self.manifest


def examine(path: Path, find_base: Callable[[str], bytes]) -> Examination:
    """Look at everything in a pack file: archive, manifest, hashes, signature, pictures, weights.

    find_base: file of an installed base network by sha256, or raises PackBaseMissing.
    """
    found = Examination()
    try:
        with PackArchive(path) as archive:
            _examine_archive(archive, found, find_base)
    except PackError as error:
        found.findings.append(error)
    return found


def _examine_archive(archive: PackArchive, found: Examination, find_base: Callable[[str], bytes]) -> None:
    found.manifest = manifest = archive.manifest()
    keep = found.findings.append
    for name in sorted(set(manifest.files) - set(archive.names)):
        keep(PackDamaged(f"{name} is missing, though the manifest lists it.", remedy=_REMEDY))
    for name in sorted(set(archive.names) - set(manifest.files) - UNLISTED):
        keep(PackDamaged(f"{name} is there, though the manifest does not list it.", remedy=_REMEDY))
    if manifest.files.keys() & UNLISTED:
        keep(ManifestWrong("The manifest lists a file that can't be listed.", remedy=_REMEDY))
    if manifest.kind == "mix" and (WEIGHTS in manifest.files or BASE in archive):
        keep(PackDamaged("A pack of kind mix holds references, no weights.", remedy=_REMEDY))
    if WEIGHTS not in manifest.files and manifest.kind != "mix":
        keep(PackDamaged(f"The pack has no {WEIGHTS}.", remedy=_REMEDY))
    try:
        found.key = _signer(archive)
    except PackError as error:
        keep(error)
    contents: dict[str, bytes] = {}
    for name in sorted(set(manifest.files) & set(archive.names)):
        try:
            raw = archive.read(name)
        except PackError as error:
            keep(error)
            continue
        if sha256(raw).hexdigest() != manifest.files[name].sha256 or len(raw) != manifest.files[name].size:
            keep(PackDamaged(f"{name} does not match its checksum.", remedy=_REMEDY))
        if name == WEIGHTS:
            contents[name] = raw
        elif not name.endswith(".txt"):
            found.findings.extend(check_picture(raw, name))
    try:
        if WEIGHTS in contents and manifest.kind != "mix":
            found.base = _carried_base(archive, manifest)
            base, installed = found.base, False
            if manifest.kind == "affine" and base is None:
                try:
                    base, installed = find_base(manifest.base), True
                except PackBaseMissing:
                    base = found.base = _base_beside(archive.path, manifest.base)
                    if base is None:
                        raise
            check_weights(manifest, contents[WEIGHTS], base, base_checked=installed)
    except PackError as error:
        keep(error)


def signature_of(archive: PackArchive) -> bytes | None:
    """The contents of signature.json, from the zip or from the file beside it. None: there is no signature."""
    beside = archive.path.with_name(archive.path.name + DETACHED_SUFFIX)
    inside = archive.read(SIGNATURE) if SIGNATURE in archive else None
    if not beside.is_file():
        return inside
    if beside.stat().st_size > 16 << 10:
        raise SignatureWrong(f"{beside.name} is not a signature.", remedy=_REMEDY)
    detached = _read(beside)
    if inside is not None and inside != detached:
        raise SignatureWrong(
            f"{archive.path.name} holds another signature than {beside.name}.", remedy="Delete the wrong one."
        )
    return detached


def _signer(archive: PackArchive) -> bytes | None:
    signature = signature_of(archive)
    return verify(archive.read("manifest.json"), signature, archive.path.name) if signature is not None else None


def _carried_base(archive: PackArchive, manifest: Manifest) -> bytes | None:
    if BASE not in archive:
        return None
    if manifest.kind != "affine":
        raise PackDamaged(f"Only affine packs carry a {BASE}.", remedy=_REMEDY)
    raw = archive.read(BASE)
    if sha256(raw).hexdigest() != manifest.base:
        raise PackDamaged(f"{BASE} is not the base network that the manifest names.", remedy=_REMEDY)
    return raw


def _base_beside(path: Path, digest: str) -> bytes | None:
    """The base network in `bases/<sha256>.safetensors` beside the pack, as hosts and starter packs lay them out."""
    beside = path.parent / "bases" / f"{digest}.safetensors"
    if not beside.is_file():
        return None
    if beside.stat().st_size > MAX_PACK_BYTES:
        raise PackUnsafe(f"{beside.name} is larger than a base network may be.", remedy=_REMEDY)
    raw = _read(beside)
    if sha256(raw).hexdigest() != digest:
        raise PackDamaged(f"{beside.name} is not what its name says.", remedy=_REMEDY)
    return raw


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise from_os_error(error, path, "read") from error


def check_picture(raw: bytes, name: str) -> list[PackError]:
    """[] for a sound PNG, JPEG or WebP of at most 8192 pixels a side."""
    formats = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
    try:
        size = thumbnails.check(raw, formats[name.rsplit(".", 1)[1]])
    except UnreadableImage as error:
        return [PackDamaged(f"{name} is not an intact picture ({error}).", remedy=_REMEDY)]
    if size is not None:
        most = thumbnails.LONGEST_SIDE
        return [PackUnsafe(f"{name} has {size[0]} x {size[1]} pixels; {most} a side are allowed.")]
    return []


# --- weights ---------------------------------------------------------------------------------------------


def check_weights(manifest: Manifest, raw: bytes, base: bytes | None, *, base_checked: bool = False) -> None:
    """Raises WeightsWrong, PackUnsupported, PackDamaged, PackBaseMissing unless the tensors fit the architecture.

    raw: weights.safetensors. base: the base network's file, for an affine pack; `base_checked` if its hash says that
    it is one that was checked when it was installed.
    """
    header = tensors.read_header(raw, WEIGHTS)
    if manifest.kind == "affine":
        if base is None:
            raise PackBaseMissing(f"The base network of {manifest.title} is missing.", remedy=_REMEDY)
        known = base_architecture(tensors.read_header(base, "the base network")) if base_checked else check_base(base)
        if not _same_network(known, manifest.architecture):
            raise PackDamaged("The pack's architecture is not its base network's.", remedy=_REMEDY)
        wanted = {**_table_shapes(manifest, header), **_delta_shapes(manifest.architecture, header)}
    elif manifest.kind == "network":
        shapes = _network_shapes(manifest.architecture)
        wanted = {f"network.{name}": shape for name, shape in shapes.items()}
        wanted.update(_table_shapes(manifest, header))
    elif manifest.architecture["name"] == "spandrel":
        check_spandrel(tensors.read(raw, WEIGHTS), manifest.factors)
        return
    else:
        wanted = _network_shapes(manifest.architecture)
        factor = getattr(meta_network(manifest.architecture), "factor", None)
        if manifest.factors != (factor,):
            raise WeightsWrong(f"The network enlarges by {factor}, not by {list(manifest.factors)}.", remedy=_REMEDY)
    _check_shapes(header, wanted, WEIGHTS)
    state = tensors.read(raw, WEIGHTS)
    _check_finite(state, WEIGHTS)
    if manifest.architecture["name"] == "graph":
        _try_graph(manifest.architecture, state)


def check_base(raw: bytes) -> dict[str, Any]:
    """The architecture of a base network's file, all of it checked. Raises PackDamaged, WeightsWrong, ..."""
    name = "the base network"
    header = tensors.read_header(raw, name)
    architecture = base_architecture(header)
    _check_shapes(header, _network_shapes(architecture), name)
    _check_finite(tensors.read(raw, name), name)
    return architecture


def _same_network(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True if two architectures mean the same, whether defaults are written out or not."""
    return one["name"] == other["name"] and getattr(meta_network(one), "config", one) == getattr(
        meta_network(other), "config", other
    )


def base_architecture(header: tensors.Header) -> dict[str, Any]:
    """The architecture in the metadata of a base network's file. Raises PackDamaged."""
    try:
        data = json.loads(header.metadata[ARCHITECTURE_KEY])
    except (KeyError, ValueError, RecursionError) as error:
        raise PackDamaged("The base network does not say its architecture.", remedy=_REMEDY) from error
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise PackDamaged("The base network does not say its architecture.", remedy=_REMEDY)
    return data


def meta_network(architecture: Mapping[str, Any]) -> nn.Module:
    """The network without memory for its weights. Raises PackUnsupported, ManifestWrong."""

    from scumble_backend import nets

    for key, value in architecture.items():
        if isinstance(value, (int, float)) and not abs(value) <= 4096:
            raise ManifestWrong(f"The architecture's {key!r:.60} is out of range.", remedy=_REMEDY)
    try:
        return nets.build_empty(architecture)
    except nets.UnknownArchitecture as error:
        raise PackUnsupported(f"The pack can't be used here: {error}.", remedy="Update Scumble.") from error
    except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise ManifestWrong(f"The manifest's architecture is wrong: {error}.", remedy=_REMEDY) from error


@dataclass(frozen=True)
class _Wanted:
    shape: tuple[int, ...]
    dtypes: frozenset[str]

    @classmethod
    def like(cls, tensor: Tensor) -> _Wanted:
        dtypes = _FLOATS if tensor.is_floating_point() else frozenset({tensors.dtype_name(tensor)})
        return cls(tuple(tensor.shape), dtypes)


Shapes = dict[str, _Wanted]


def _network_shapes(architecture: Mapping[str, Any]) -> Shapes:
    return {name: _Wanted.like(tensor) for name, tensor in meta_network(architecture).state_dict().items()}


def _table_shapes(manifest: Manifest, header: tensors.Header) -> Shapes:
    """What a style's table has to hold: its three tensors, and the same for each axis that it was trained on."""
    from scumble_backend.nets.style import StyleNetwork
    from scumble_backend.nets.style_skip import SkipStyleNetwork

    network = meta_network(manifest.architecture)
    if not isinstance(network, (StyleNetwork, SkipStyleNetwork)):
        raise PackUnsupported(f"{manifest.architecture['name']} is not a style network.", remedy=_REMEDY)
    plain = {f"table.{name}": _Wanted.like(t) for name, t in network.plain_table().tensors().items()}
    shapes = dict(plain)
    slopes = {f"{name}_slope": shape for name, shape in plain.items()}
    if slopes.keys() & header.tensors.keys():
        shapes.update(slopes)
    if manifest.boldness:
        if not isinstance(network, SkipStyleNetwork):
            raise PackUnsupported(
                f"{manifest.architecture['name']} has no axis from faithful to bold.", remedy=_REMEDY
            )
        shapes.update({f"{name}_bold": shape for name, shape in plain.items()})
    return shapes


#: Largest rank of a style's change of a convolution; ours have 8.
MAX_RANK = 64


def _delta_shapes(architecture: Mapping[str, Any], header: tensors.Header) -> Shapes:
    """The factors of the convolutions that a style changes; of which stages and in which rank is its own affair."""
    from scumble_backend.nets.style_skip import SkipStyleNetwork

    network = meta_network(architecture)
    shapes: Shapes = {}
    if not isinstance(network, SkipStyleNetwork):
        return shapes  # delta tensors then do not belong there
    for name, stage in network.named_stages().items():
        left, right = f"delta.{name}.left", f"delta.{name}.right"
        if not header.tensors.keys() & {left, right}:
            continue
        given = header.tensors.get(left)
        rank = given.shape[1] if given is not None and len(given.shape) == 2 else 1
        if not 1 <= rank <= MAX_RANK:
            raise WeightsWrong(f"{left} has rank {rank}; 1 to {MAX_RANK} are allowed.", remedy=_REMEDY)
        outputs, inputs, *kernel = stage.conv.weight.shape
        shapes[left] = _Wanted((outputs, rank), _FLOATS)
        shapes[right] = _Wanted((rank, inputs, *kernel), _FLOATS)
    return shapes


def _check_shapes(header: tensors.Header, wanted: Shapes, name: str) -> None:
    wrong = [f"{key} is missing" for key in sorted(wanted.keys() - header.tensors.keys())]
    wrong += [f"{key!r:.80} does not belong there" for key in sorted(header.tensors.keys() - wanted.keys())]
    for key in sorted(wanted.keys() & header.tensors.keys()):
        entry = header.tensors[key]
        if entry.shape != wanted[key].shape:
            wrong.append(f"{key} has the shape {list(entry.shape)} instead of {list(wanted[key].shape)}")
        if entry.dtype not in wanted[key].dtypes:
            wrong.append(f"{key} has the type {entry.dtype}")
    if wrong:
        more = f", and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise WeightsWrong(f"The tensors of {name} don't fit: {'; '.join(wrong[:8])}{more}.", remedy=_REMEDY)


def _try_graph(architecture: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Enlarge a small picture: only that shows whether a graph fits together. Raises WeightsWrong."""
    import torch

    network: Any = meta_network(architecture)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()}, assign=True)
    try:
        with torch.no_grad():
            network.eval()(torch.rand(1, 3, 16, 24))
    except _GRAPH_ERRORS as error:
        raise WeightsWrong(f"The network's graph can't be computed: {str(error)[:200]}.", remedy=_REMEDY) from error


def _check_finite(state: Mapping[str, Tensor], name: str) -> None:
    import torch

    for key, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WeightsWrong(
                f"{name}: {key!r:.80} holds values that are no numbers (NaN or infinity).", remedy=_REMEDY
            )


def check_spandrel(state: Mapping[str, Tensor], factors: tuple[int, ...] = ()) -> Any:
    """A foreign upscaling network as Spandrel's ImageModelDescriptor, on the CPU.

    Raises PackUnsupported, WeightsWrong.
    """
    import spandrel  # type: ignore[import-untyped,unused-ignore]

    _check_finite(state, WEIGHTS)
    try:
        model = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(state))
    except spandrel.UnsupportedModelError as error:
        raise PackUnsupported(
            "The network is of no family that Spandrel knows.", remedy="See Spandrel's list of architectures."
        ) from error
    except _SPANDREL_ERRORS as error:
        raise WeightsWrong(
            f"The network can't be built from its tensors ({type(error).__name__}).", remedy=_REMEDY
        ) from error
    if not isinstance(model, spandrel.ImageModelDescriptor) or (model.input_channels, model.output_channels) != (
        3,
        3,
    ):
        raise PackUnsupported("The network does not turn RGB pictures into RGB pictures.", remedy=_REMEDY)
    if model.scale < 2:
        raise PackUnsupported(
            "The network repairs pictures but does not enlarge them.",
            remedy="Choose a super-resolution network; to clean a picture up, use the model vivid with factor 1.",
        )
    if factors and factors != (model.scale,):
        raise WeightsWrong(f"The network enlarges by {model.scale}, not by {list(factors)}.", remedy=_REMEDY)
    return model


def try_spandrel(model: Any) -> None:
    """Enlarge a small picture twice: only that shows whether a network runs, and alike in all parts of a picture.

    model: as `check_spandrel` gives it. Raises PackUnsupported, WeightsWrong.
    """
    import torch

    from scumble_backend.nets.spandrel_model import SpandrelNetwork

    network = SpandrelNetwork(model).float().eval()
    picture = torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(0))
    if network.channels_last:  # as it will run
        network.to(memory_format=torch.channels_last)
        picture = picture.to(memory_format=torch.channels_last)
    try:
        with torch.inference_mode():
            first, second = network(picture), network(picture)
    except _SPANDREL_ERRORS as error:
        raise PackUnsupported(
            f"The network ({network.family}) can't enlarge even a small picture ({type(error).__name__}).",
            remedy="Get the same model in another format, or choose another.",
        ) from error
    if first.shape != (1, 3, 24 * network.factor, 20 * network.factor) or not bool(torch.isfinite(first).all()):
        raise WeightsWrong("The network's result has the wrong size, or samples that are no numbers.", remedy=_REMEDY)
    if float((first - second).abs().amax()) > _BY_CHANCE:
        raise PackUnsupported(
            f"The network ({network.family}) draws by chance: it makes another picture each time, and the parts of a "
            "large picture would not fit together.",
            remedy="Choose a super-resolution network that always makes the same of a picture.",
        )
