"""Networks: one family per file, plain modules without file or device access.

`build` makes a network from a pack's architecture. A new family is one file and one row of `_FAMILIES`; the row names
its builder as text, so that nothing (torch neither) is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

#: Architecture's name -> "module:function". The function takes the architecture without its name and returns
#: the network; it raises ValueError or TypeError for a configuration that it does not know or that is out of range.
_FAMILIES: dict[str, str] = {
    "style": "style:build",
    "span": "span:build",
    "compact": "compact:build",
    "johnson-sr": "johnson_sr:build",
}


class UnknownArchitecture(ValueError):
    """No network of this name is known here."""


def architecture_names() -> tuple[str, ...]:
    return tuple(_FAMILIES)


def build(architecture: Mapping[str, Any]) -> nn.Module:
    """A network with unset weights; `with torch.device("meta")` around the call allocates nothing.

    architecture: {"name": a key of the table above, and the family's configuration}.
    Raises UnknownArchitecture; ValueError or TypeError if the configuration is wrong.
    """
    config = dict(architecture)
    name = config.pop("name", None)
    if name not in _FAMILIES:
        raise UnknownArchitecture(f"the network family {name!r} is not known")
    module, function = _FAMILIES[name].split(":")
    network: nn.Module = getattr(import_module(f".{module}", __name__), function)(config)
    return network
