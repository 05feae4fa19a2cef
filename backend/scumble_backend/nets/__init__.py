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
    "style-skip": "style_skip:build",
    "span": "span:build",
    "compact": "compact:build",
    "johnson-sr": "johnson_sr:build",
    "graph": "graph:build",
}


class UnknownArchitecture(ValueError):
    """No network of this name is known here."""


def build(architecture: Mapping[str, Any]) -> nn.Module:
    """A network with unset weights.

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


def build_empty(architecture: Mapping[str, Any]) -> nn.Module:
    """`build` without memory for the weights: to compare shapes, or to take tensors over with `assign=True`.

    Random initialization is left out: it means nothing here, and normal_ on meta imports 900 modules (5 s).
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class WithoutRandomness(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(func, "__name__", "") in ("normal_", "uniform_"):
                return kwargs["tensor"] if kwargs and "tensor" in kwargs else args[0]
            return func(*args, **(kwargs or {}))

    with torch.device("meta"), WithoutRandomness():
        return build(architecture)
