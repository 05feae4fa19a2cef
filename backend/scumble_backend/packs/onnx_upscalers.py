"""Super-resolution networks as ONNX files become graphs of ours, compared with onnxruntime. Needs the extra `onnx`.

The graph is taken over operator by operator (`nets.graph`); that both then make the same picture shows that it was
understood. A file for pictures of one size keeps it; of others it is tried which sizes they take.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scumble_backend.errors import ImportFailed, PackUnsafe, PackUnsupported
from scumble_backend.nets.graph import GraphNetwork, unknown_operators
from scumble_backend.packs.fast_neural_style import test_picture
from scumble_backend.packs.onnx_models import session

FAR = 2e-3  # how far our picture may be from onnxruntime's; colors go from 0 to 1
FAR_HALF = 3e-2  # the same for a network in half precision
MOST_NUMBERS = 1024  # of a table that is no weight
#: Operators whose further inputs say how they work; of others they are what is computed with.
_TOLD_HOW = ("Clip", "Pad", "Resize", "Upsample")
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_REMEDY = "Get the same model as .safetensors or .pth."
_FLOATS = ("FLOAT", "FLOAT16", "DOUBLE", "BFLOAT16")


@dataclass(frozen=True)
class Upscaler:
    """What a pack is made from."""

    architecture: dict[str, Any]
    state: dict[str, Tensor]
    difference: float  # from onnxruntime's picture


def read_upscaler(model: Any, raw: bytes, name: str) -> Upscaler:
    """The network of an ONNX file. model: the file as onnx has read it.

    Raises ImportFailed, PackUnsupported, PackUnsafe.
    """
    if unknown := unknown_operators(node.op_type for node in model.graph.node if node.op_type != "Constant"):
        told = f"the operators {', '.join(unknown)}" if unknown[1:] else f"the operator {unknown[0]}"
        raise PackUnsupported(f"{name} is computed with {told}, which Scumble doesn't know.", remedy=_REMEDY)
    graph = _Graph(model, name)
    theirs = session(raw, name, _REMEDY)
    height, width, half = _input(theirs, name)
    factor, multiple, far = 0, 1, float("inf")
    for multiple in MULTIPLES if not height else (1,):
        sides = (height, width) if height else (multiple * -(-27 // multiple), multiple * -(-37 // multiple))
        image = test_picture(*sides)
        made = _run(theirs, image, half)
        if made is None or made.dim() != 4 or made.shape[:2] != (1, 3):
            continue
        factor = _factor(made, sides, name)
        network = _network(graph.text, name, factor, height, width, multiple)
        network.load_state_dict(graph.weights, assign=True)
        far = _distance(network.eval(), image, made, name)
        break
    else:
        raise PackUnsupported(f"{name} does not turn one RGB picture into one RGB picture.", remedy=_REMEDY)
    if not far < (FAR_HALF if half else FAR):
        raise ImportFailed(
            f"{name} was not understood: onnxruntime makes another picture of it (differs by {far:.4f}).",
            remedy=_REMEDY,
        )
    architecture = {"name": "graph", "graph": graph.text, "factor": factor, "height": height, "width": width}
    return Upscaler({**architecture, "multiple": multiple}, graph.weights, far)


def _input(theirs: Any, name: str) -> tuple[int, int, bool]:
    """Height and width where the network takes one size only, else zeros; whether it takes half precision."""
    inputs = theirs.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) != 4 or shape[1] != 3 or (isinstance(shape[0], int) and shape[0] != 1):
        raise PackUnsupported(f"{name} does not take one RGB picture.", remedy=_REMEDY)
    if inputs[0].type not in ("tensor(float)", "tensor(float16)"):
        raise PackUnsupported(f"{name} takes colors as {inputs[0].type}, not as floats.", remedy=_REMEDY)
    sides = [side if isinstance(side, int) else 0 for side in shape[2:]]
    if any(sides) and not all(8 <= side <= 2048 for side in sides):
        raise PackUnsupported(
            f"{name} takes pictures of {sides[1] or 'any'} x {sides[0] or 'any'} pixels; 8 to 2048 are possible.",
            remedy=_REMEDY,
        )
    return sides[0], sides[1], inputs[0].type == "tensor(float16)"


def _run(theirs: Any, image: Tensor, half: bool) -> Tensor | None:
    """What onnxruntime makes; None where the network does not take this size."""
    from onnxruntime.capi import (  # type: ignore[import-untyped,unused-ignore]
        onnxruntime_pybind11_state as state,
    )

    array = image.numpy().astype(np.float16 if half else np.float32)
    try:
        made = theirs.run(None, {theirs.get_inputs()[0].name: array})[0]
    except (state.Fail, state.InvalidArgument, state.RuntimeException):
        return None
    return torch.from_numpy(np.asarray(made, np.float32))


def _factor(made: Tensor, sides: tuple[int, int], name: str) -> int:
    factor = made.shape[2] // sides[0]
    if made.shape[2:] != (sides[0] * factor, sides[1] * factor) or factor > 16:
        raise PackUnsupported(
            f"{name} makes {made.shape[3]} x {made.shape[2]} pixels of {sides[1]} x {sides[0]}; it must enlarge by "
            "a whole factor up to 16.",
            remedy="Choose another model.",
        )
    if factor < 2:
        raise PackUnsupported(
            f"{name} may repair pictures but does not enlarge them.", remedy="Choose a super-resolution network."
        )
    return factor


def _network(text: str, name: str, *settings: int) -> GraphNetwork:
    try:
        return GraphNetwork(text, *settings)
    except ValueError as error:
        raise PackUnsupported(f"{name} can't be used: {error}.", remedy=_REMEDY) from error


def _distance(network: GraphNetwork, image: Tensor, theirs: Tensor, name: str) -> float:
    try:
        with torch.no_grad():
            ours = network(image)
    except (ValueError, RuntimeError, IndexError, KeyError, TypeError) as error:
        raise PackUnsupported(f"{name} can't be used: {str(error)[:200]}.", remedy=_REMEDY) from error
    if ours.shape != theirs.shape:
        return float("inf")
    return float(torch.nan_to_num((ours - theirs).abs(), nan=float("inf")).max()) / max(
        1.0, float(theirs.abs().max())
    )


class _Graph:
    """A file's graph as ours: names shortened, weights beside the text, constants and what does nothing within it."""

    def __init__(self, model: Any, name: str) -> None:
        self._file = name
        self.weights: dict[str, Tensor] = {}
        self._constants: dict[str, Any] = {}
        self._short: dict[str, str] = {"": ""}
        self._how = {label for node in model.graph.node if node.op_type in _TOLD_HOW for label in node.input[1:]}
        inputs = {value.name for value in model.graph.input} - {tensor.name for tensor in model.graph.initializer}
        nodes: list[list[Any]] = []
        for tensor in model.graph.initializer:
            self._keep(tensor.name, tensor)
        for label in inputs:
            self._short[label] = "image"
        opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)
        for node in model.graph.node:
            attributes = self._attributes(node)
            if node.op_type == "Constant":
                self._constant(node)
                continue
            if node.op_type == "Softmax" and opset < 13:
                attributes.setdefault("axis", 1)
            given = [self._named(label) for label in node.input]
            made = [self._new(label, f"v{len(nodes)}-{place}") for place, label in enumerate(node.output)]
            nodes.append([node.op_type, given, made, attributes])
        if len(model.graph.output) != 1 or len(inputs) != 1:
            raise PackUnsupported(f"{name} does not turn one picture into one picture.", remedy=_REMEDY)
        data = {
            "input": "image",
            "output": self._named(model.graph.output[0].name),
            "weights": {label: list(tensor.shape) for label, tensor in self.weights.items()},
            "constants": self._constants,
            "nodes": nodes,
        }
        self.text = json.dumps(data, separators=(",", ":"))

    def _named(self, label: str) -> str:
        if label not in self._short:
            raise ImportFailed(f"{self._file} takes {label[:80]!r}, which nothing makes.", remedy=_REMEDY)
        return self._short[label]

    def _new(self, label: str, short: str) -> str:
        if label:
            self._short[label] = short
        return self._short[label]

    def _constant(self, node: Any) -> None:
        import onnx

        for attribute in node.attribute:
            value = onnx.helper.get_attribute_value(attribute)
            if attribute.name == "value":
                self._keep(node.output[0], value)
            elif attribute.name in ("value_float", "value_int", "value_floats", "value_ints"):
                short = self._new(node.output[0], f"c{len(self._constants)}")
                self._constants[short] = list(value) if attribute.name.endswith("s") else value
            else:
                raise PackUnsupported(f"{self._file} holds a constant of {attribute.name}.", remedy=_REMEDY)

    def _keep(self, label: str, proto: Any) -> None:
        import onnx

        if proto.data_location == onnx.TensorProto.EXTERNAL:
            raise PackUnsafe(f"{self._file} wants to read other files.", remedy="Ask for a model in one file.")
        try:
            array = onnx.numpy_helper.to_array(proto)
        except (ValueError, TypeError) as error:
            raise ImportFailed(f"{self._file}: the tensor {label[:80]} is damaged.", remedy=_REMEDY) from error
        if onnx.TensorProto.DataType.Name(proto.data_type) in _FLOATS and label not in self._how:
            short = self._new(label, f"w{len(self.weights)}")
            self.weights[short] = torch.from_numpy(array.astype(np.float32))
            return
        if array.size > MOST_NUMBERS:
            raise PackUnsupported(f"{self._file} holds a table of {array.size} whole numbers.", remedy=_REMEDY)
        self._constants[self._new(label, f"c{len(self._constants)}")] = array.tolist()

    def _attributes(self, node: Any) -> dict[str, Any]:
        import onnx

        told: dict[str, Any] = {}
        for attribute in node.attribute:
            value: Any = onnx.helper.get_attribute_value(attribute)
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            elif isinstance(value, onnx.TensorProto):
                value = onnx.numpy_helper.to_array(value).reshape(-1).tolist() if node.op_type != "Constant" else None
            elif not isinstance(value, (int, float)):
                value = list(value)
            told[attribute.name] = value
        return told
