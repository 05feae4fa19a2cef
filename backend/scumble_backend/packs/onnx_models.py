"""Johnson networks as ONNX, in and out, each way compared with onnxruntime. Needs the extra `onnx`.

In: the convolutions and norms of a model are taken in the order of its graph, whatever their names, and must form a
Johnson network; that ours then paints the same picture as onnxruntime shows that they were understood.
Out: a graph with one input `image` (1, 3, height, width) in [0, 1] and one output `painted` of the same size; the
grain, a function of pixel place, is computed in the graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scumble_backend.errors import ExportFailed, ImportFailed, PackUnsafe
from scumble_backend.extras import how_to_install
from scumble_backend.files import write_bytes
from scumble_backend.packs.fast_neural_style import Layers, check_layers, convert_and_compare, test_picture

_REMEDY = "Only fast-neural-style models (Johnson networks with instance normalization) can be converted."


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportFailed(
            "ONNX files need the packages onnx and onnxruntime.", remedy=how_to_install("onnx", "onnxruntime")
        ) from error
    return onnx


def session(raw: bytes, name: str, remedy: str = _REMEDY) -> Any:
    """An onnxruntime session on the CPU. Raises ImportFailed."""
    _onnx()
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]
    from onnxruntime.capi import (  # type: ignore[import-untyped,unused-ignore]
        onnxruntime_pybind11_state as state,
    )

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    failures = tuple(
        getattr(state, kind)
        for kind in (
            "Fail",
            "InvalidArgument",
            "InvalidGraph",
            "InvalidProtobuf",
            "NotImplemented",
            "RuntimeException",
        )
    )
    try:
        return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except failures as error:
        raise ImportFailed(f"onnxruntime does not accept {name}: {str(error)[:200]}", remedy=remedy) from error


def run(model: Any, image: Tensor) -> Tensor:
    """image: (1, 3, H, W) float32 -> the model's first output."""
    result: Tensor = torch.from_numpy(model.run(None, {model.get_inputs()[0].name: image.numpy()})[0])
    return result


# --- in --------------------------------------------------------------------------------------------------


def read_model(raw: bytes, name: str) -> Any:
    """An ONNX file as onnx reads it. Raises ImportFailed."""
    onnx = _onnx()
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]

    try:
        return onnx.load_model_from_string(raw)
    except DecodeError as error:
        raise ImportFailed(f"{name} is not an ONNX file.", remedy="Get the file again from its author.") from error


def read_style(raw: bytes, name: str, model: Any) -> tuple[Any, Any, float]:
    """(StyleNetwork, StyleTable, difference) of an ONNX fast-neural-style model. Raises ImportFailed, PackUnsafe.

    model: the file as `read_model` gives it.
    """
    onnx = _onnx()
    constants = _constants(onnx, model, name)
    layers = _layers(model.graph, constants)
    check_layers(layers)
    theirs = session(raw, name)
    height, width = _size(theirs, name)
    return convert_and_compare(layers, lambda image: run(theirs, image), test_picture(height, width))


def _size(model: Any, name: str) -> tuple[int, int]:
    """Height and width of the picture to compare with: the model's own where it has fixed ones."""
    inputs = model.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) != 4 or shape[1] != 3 or (isinstance(shape[0], int) and shape[0] != 1):
        raise ImportFailed(f"{name} does not take one RGB picture.", remedy=_REMEDY)
    height = shape[2] if isinstance(shape[2], int) else 96
    width = shape[3] if isinstance(shape[3], int) else 128
    if not (16 <= height <= 2048 and 16 <= width <= 2048 and height % 4 == 0 and width % 4 == 0):
        raise ImportFailed(f"{name} works at {width} x {height} pixels; multiples of 4 are needed.", remedy=_REMEDY)
    return height, width


def _constants(onnx: Any, model: Any, name: str) -> dict[str, Tensor]:
    """Tensors of the graph by name: initializers and Constant nodes, seen through Identity."""
    found: dict[str, Tensor] = {}

    def keep(label: str, proto: Any) -> None:
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            raise PackUnsafe(f"{name} wants to read other files.", remedy="Ask for a model in one file.")
        if proto.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            try:
                found[label] = torch.from_numpy(onnx.numpy_helper.to_array(proto).copy()).float()
            except (ValueError, TypeError) as error:
                raise ImportFailed(f"{name}: the tensor {label[:80]} is damaged.", remedy=_REMEDY) from error

    for proto in model.graph.initializer:
        keep(proto.name, proto)
    for node in model.graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    keep(node.output[0], attribute.t)
        elif node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _layers(graph: Any, constants: dict[str, Tensor]) -> Layers:
    convolutions: list[tuple[Tensor, Tensor | None]] = []
    norms: list[tuple[Tensor, Tensor]] = []
    for node in graph.node:
        if node.op_type not in ("Conv", "InstanceNormalization"):
            continue
        given = [constants.get(label) for label in node.input[1:]]
        if not given or any(tensor is None for tensor in given):
            raise ImportFailed(f"The weights of a {node.op_type} are computed, not stored.", remedy=_REMEDY)
        if node.op_type == "Conv":
            convolutions.append((given[0], given[1] if len(given) > 1 else None))  # type: ignore[arg-type]
        elif len(given) == 2:
            norms.append((given[0], given[1]))  # type: ignore[arg-type]
    return Layers(convolutions, norms)


# --- out -------------------------------------------------------------------------------------------------


def export_style(network: Any, table: Any, path: Path, *, title: str, license: str = "") -> float:
    """Write a style as ONNX and return how far onnxruntime's picture is from ours (in [0, 1]).

    Raises ExportFailed if it is further than 1e-3; the file is then not written.
    """
    from scumble_backend.packs.onnx_graph import style_model

    _onnx()
    raw = style_model(network, table, title=title, license=license)
    theirs = session(raw, path.name)
    far = 0.0
    for height, width in ((64, 96), (45, 70)):  # a multiple of the strides and of the color cells, and neither
        image = test_picture(height, width)
        with torch.no_grad():
            far = max(far, _distance(network(image, table), run(theirs, image)))
    return _keep(raw, path, far)


def export_upscaler(network: torch.nn.Module, path: Path) -> float:
    """Write an upscaling network as ONNX; as `export_style`."""
    import io
    import warnings

    _onnx()
    stream = io.BytesIO()
    image = test_picture(32, 48)
    with warnings.catch_warnings():
        # PyTorch's other exporter needs one more package; this one says so on each call.
        warnings.simplefilter("ignore")
        axes = {"image": {2: "height", 3: "width"}, "enlarged": {2: "out_height", 3: "out_width"}}
        try:
            torch.onnx.export(
                network, (image,), stream, dynamo=False, input_names=["image"], output_names=["enlarged"],  # type: ignore[arg-type]
                dynamic_axes=axes, opset_version=17,
            )  # fmt: skip
        except RuntimeError as error:  # also what the exporter's own errors derive from
            raise ExportFailed(
                f"The network can't be written as ONNX: {str(error)[:200]}", remedy="Use the .scumble file."
            ) from error
    raw = stream.getvalue()
    theirs = session(raw, path.name)
    far = 0.0
    for height, width in ((32, 48), (37, 29)):
        image = test_picture(height, width)
        with torch.no_grad():
            far = max(far, _distance(network(image), run(theirs, image)))
    return _keep(raw, path, far)


def _distance(ours: Tensor, theirs: Tensor) -> float:
    if ours.shape != theirs.shape:
        return float("inf")
    return float(torch.nan_to_num((ours - theirs).abs(), nan=float("inf")).max())


def _keep(raw: bytes, path: Path, far: float) -> float:
    if far > 1e-3:
        raise ExportFailed(
            f"The ONNX network paints another picture (differs by {far:.4f}); {path.name} was not written.",
            remedy="Please report it with the pack.",
        )
    write_bytes(path, raw)
    return far
