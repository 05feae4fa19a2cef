"""From networks to pack files, and back from installed packs to networks: the one place that knows tensor names.

`affine`:  weights.safetensors holds table.<field of the table> and, where the style changes convolutions of the base
           network, delta.<stage>.left and .right; base.safetensors holds the base network's state dict.
`network`: weights.safetensors holds network.<state dict> and table.<field>.
`upscale`: weights.safetensors holds the network's state dict, so that Spandrel loads it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from scumble_backend import nets
from scumble_backend.errors import PackWrongKind
from scumble_backend.nets.spandrel_model import SpandrelNetwork
from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_backend.packs import tensors
from scumble_backend.packs.archive import WEIGHTS
from scumble_backend.packs.checks import ARCHITECTURE_KEY, base_architecture, check_spandrel
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.store import InstalledPack, PackStore

AnyStyleNetwork = StyleNetwork | SkipStyleNetwork
AnyStyleTable = StyleTable | SkipStyleTable


def style_architecture(network: AnyStyleNetwork) -> dict[str, Any]:
    """What a manifest says about a style network."""
    name = "style-skip" if isinstance(network, SkipStyleNetwork) else "style"
    return {"name": name, **network.config.to_json()}


def base_file(
    network: AnyStyleNetwork, *, title: str = "Scumble base network", metadata: Mapping[str, str] | None = None
) -> bytes:
    """The safetensors file of a base network; its sha256 is the network's name."""
    architecture = style_architecture(network)
    told = {
        **tensors.model_spec(architecture="style-base", title=title),
        **(metadata or {}),
        ARCHITECTURE_KEY: json.dumps(architecture, sort_keys=True),
    }
    return tensors.write(network.state_dict(), told)


def affine_weights(manifest: Manifest, table: AnyStyleTable, delta: StyleDelta | None = None) -> bytes:
    """weights.safetensors of an affine pack; the table has N = 1. The delta is stored in half precision."""
    change: dict[str, Tensor] = {}
    for stage, (left, right) in (delta.factors if delta else {}).items():
        change |= {f"delta.{stage}.left": left.half(), f"delta.{stage}.right": right.half()}
    return tensors.write({**_table_tensors(table), **change}, _spec(manifest))


def network_weights(manifest: Manifest, network: AnyStyleNetwork, table: AnyStyleTable) -> bytes:
    """weights.safetensors of a network pack; the table has N = 1. A delta belongs into the network's kernels here."""
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    return tensors.write({**state, **_table_tensors(table)}, _spec(manifest))


def upscale_weights(manifest: Manifest, state: Mapping[str, Tensor]) -> bytes:
    """weights.safetensors of an upscale pack."""
    return tensors.write(state, _spec(manifest))


def _table_tensors(table: AnyStyleTable) -> dict[str, Tensor]:
    return {f"table.{name}": tensor for name, tensor in table.tensors().items()}


def _spec(manifest: Manifest) -> dict[str, str]:
    spec = tensors.model_spec(
        architecture=f"{manifest.architecture['name']}-{manifest.kind}",
        title=manifest.title,
        authors=manifest.authors,
        license=manifest.license,
        description=manifest.description,
        date=manifest.training.finished if manifest.training else "",
    )
    if manifest.base:
        spec["scumble.base"] = manifest.base
    return {**spec, ARCHITECTURE_KEY: json.dumps(manifest.architecture, sort_keys=True)}


# --- back again ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """A style ready to paint with, once the network called `network` is loaded."""

    pack: str
    network: str  # names the convolutions: equal for all styles that can be mixed with this one
    table: AnyStyleTable  # N = 1, float32, on the CPU
    delta: StyleDelta | None = None  # the style's change of the convolutions, float32, on the CPU


def network_name(pack: InstalledPack) -> str:
    """The sha256 that names the convolutions a style pack paints with; key of a cache of loaded networks."""
    return pack.manifest.base or pack.manifest.files[WEIGHTS].sha256


def load_style(pack: InstalledPack) -> Style:
    """The style's table and delta; quick for an affine pack (some KB). Raises PackWrongKind for an upscale pack."""
    _need_style(pack)
    weights = pack.weights()
    named = {name.removeprefix("table."): t.float() for name, t in weights.items() if name.startswith("table.")}
    skip = pack.manifest.architecture["name"] == "style-skip"
    table = SkipStyleTable(**named) if skip else StyleTable(**named)
    stages = [name.split(".")[1] for name in weights if name.startswith("delta.") and name.endswith(".left")]
    factors = {
        stage: (weights[f"delta.{stage}.left"].float(), weights[f"delta.{stage}.right"].float()) for stage in stages
    }
    return Style(pack.id, network_name(pack), table, StyleDelta(factors) if factors else None)


def load_network(store: PackStore, pack: InstalledPack) -> AnyStyleNetwork:
    """The convolutions a style pack paints with: on the CPU, float32, in eval mode. Raises PackError's kinds."""
    _need_style(pack)
    if pack.manifest.base:
        raw = store.read_base(pack.manifest.base)
        state = tensors.read(raw, "the base network")
        architecture = base_architecture(tensors.read_header(raw, "the base network"))
    else:
        weights = pack.weights()
        state = {n.removeprefix("network."): t for n, t in weights.items() if n.startswith("network.")}
        architecture = pack.manifest.architecture
    network = _assigned(architecture, state)
    if not isinstance(network, (StyleNetwork, SkipStyleNetwork)):
        raise PackWrongKind(f"{pack.manifest.title} is not a style.", remedy="Choose a style pack.")
    return network


def load_upscaler(pack: InstalledPack) -> nn.Module:
    """The network of an upscale pack: on the CPU, float32, in eval mode; (1, 3, H, W) in [0, 1] in and out.

    It has a `factor` and a `halo` (source pixels). Raises PackWrongKind for a style pack.
    """
    if pack.manifest.kind != "upscale":
        raise PackWrongKind(f"{pack.manifest.title} does not enlarge.", remedy="Choose a pack of kind upscale.")
    if pack.manifest.architecture["name"] == "spandrel":
        return SpandrelNetwork(check_spandrel(pack.weights())).float().eval()
    return _assigned(pack.manifest.architecture, pack.weights())


def _assigned(architecture: Mapping[str, Any], state: Mapping[str, Tensor]) -> nn.Module:
    network = nets.build_empty(architecture)
    network.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in state.items()}, assign=True
    )
    return network.eval()


def _need_style(pack: InstalledPack) -> None:
    if pack.manifest.kind == "upscale":
        raise PackWrongKind(f"{pack.manifest.title} is not a style; it enlarges.", remedy="Choose a style pack.")
    if pack.manifest.kind == "mix":
        raise PackWrongKind(
            f"{pack.manifest.title} is a preset, which names other styles.", remedy="Choose it as a preset."
        )
