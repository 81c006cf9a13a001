"""The storage of quantized models, in the shapes that tools of that name write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from bench.hub_null.weights import BF16, Array, Weights

GROUP = 64  # weights of one scale
FP8 = np.dtype(ml_dtypes.float8_e4m3fn)
BLOCK = 128  # rows and columns of one scale of fp8
NF4 = np.linspace(-1, 1, 16, dtype=np.float32)  # bitsandbytes has sixteen levels; where they lie does not matter here
CODES = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)  # of four-bit floats
Tensors = dict[str, Array]
Quantizer = Callable[[str, NDArray[np.float32]], Tensors]


def _grouped(matrix: NDArray[np.float32], levels: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return whole numbers around zero and a scale for each group of a row."""
    groups = matrix.reshape(matrix.shape[0], -1, GROUP)
    scales = np.maximum(np.abs(groups).max(axis=2) / (levels / 2 - 1), 1e-8).astype(np.float32)
    whole = np.clip(np.round(groups / scales[:, :, None]), -levels / 2, levels / 2 - 1)
    return whole.astype(np.int64).reshape(matrix.shape), scales


def _packed(whole: NDArray[np.int64], dtype: type[Any] = np.int32) -> Array:
    """Pack eight four-bit numbers of a row into one."""
    parts = (whole & 15).astype(np.uint32).reshape(whole.shape[0], -1, 8)
    packed = np.zeros(parts.shape[:2], np.uint32)
    for place in range(8):
        packed |= parts[:, :, place] << np.uint32(4 * place)
    return packed.view(dtype)


def int8(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """One scale for each row."""
    scale = np.maximum(np.abs(matrix).max(axis=1, keepdims=True) / 127, 1e-8)
    return {f"{name}.weight": np.round(matrix / scale).astype(np.int8), f"{name}.weight_scale": scale.astype(BF16)}


def int4(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """Packed, with a scale for each group."""
    whole, scales = _grouped(matrix, 16)
    return {
        f"{name}.weight_packed": _packed(whole + 8),
        f"{name}.weight_scale": scales.astype(BF16),
        f"{name}.weight_shape": np.array(matrix.shape, np.int64),
    }


def gptq(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """Packed along the inputs."""
    whole, scales = _grouped(matrix, 16)
    zeros = np.full((scales.shape[1], matrix.shape[0]), 7, np.int64)
    return {
        f"{name}.qweight": np.ascontiguousarray(_packed(whole + 8).T),
        f"{name}.qzeros": _packed(zeros),
        f"{name}.scales": np.ascontiguousarray(scales.T).astype(np.float16),
        f"{name}.g_idx": (np.arange(matrix.shape[1]) // GROUP).astype(np.int32),
    }


def awq(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """Packed along the outputs."""
    whole, scales = _grouped(matrix, 16)
    zeros = np.full((scales.shape[1], matrix.shape[0]), 8, np.int64)
    return {
        f"{name}.qweight": _packed(np.ascontiguousarray((whole + 8).T)),
        f"{name}.qzeros": _packed(zeros),
        f"{name}.scales": np.ascontiguousarray(scales.T).astype(np.float16),
    }


def fp8(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """One scale for each block."""
    rows, cols = -(-matrix.shape[0] // BLOCK), -(-matrix.shape[1] // BLOCK)
    scales = np.ones((rows, cols), np.float32)
    stored = np.empty(matrix.shape, FP8)
    for i in range(rows):
        for j in range(cols):
            where = np.s_[i * BLOCK : (i + 1) * BLOCK, j * BLOCK : (j + 1) * BLOCK]
            scales[i, j] = max(float(np.abs(matrix[where]).max()) / 448, 1e-12)
            stored[where] = (matrix[where] / scales[i, j]).astype(FP8)
    return {f"{name}.weight": stored, f"{name}.weight_scale_inv": scales}


def mxfp4(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """Blocks of 32 four-bit floats under one exponent."""
    blocks = matrix.reshape(matrix.shape[0], -1, 32)
    exponents = np.ceil(np.log2(np.maximum(np.abs(blocks).max(axis=2), 1e-12) / 6))
    scaled = blocks / np.exp2(exponents)[:, :, None]
    codes = np.abs(scaled[..., None] - CODES).argmin(axis=-1).astype(np.uint8)
    return {
        f"{name}_blocks": codes[..., 0::2] | (codes[..., 1::2] << 4),
        f"{name}_scales": (exponents + 127).astype(np.uint8),
    }


def nf4(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """One column of bytes, with tables beside it."""
    blocks = matrix.reshape(-1, GROUP)
    most = np.maximum(np.abs(blocks).max(axis=1), 1e-12)
    codes = np.clip(np.round((blocks / most[:, None] + 1) * 7.5), 0, 15).astype(np.uint8).reshape(-1)
    return {
        f"{name}.weight": ((codes[0::2] << 4) | codes[1::2]).reshape(-1, 1),
        f"{name}.weight.absmax": most.astype(np.float32),
        f"{name}.weight.quant_map": NF4,
        f"{name}.weight.quant_state.bitsandbytes__nf4": np.frombuffer(b'{"quant_type": "nf4"}', np.uint8),
    }


def mlx(name: str, matrix: NDArray[np.float32]) -> Tensors:
    """Packed, with a scale and a bias for each group."""
    whole, scales = _grouped(matrix, 16)
    return {
        f"{name}.weight": _packed(whole + 8, np.uint32),
        f"{name}.scales": scales.astype(BF16),
        f"{name}.biases": (-8 * scales).astype(BF16),
    }


FORMATS: Mapping[str, Quantizer] = {
    "int8": int8,
    "int4": int4,
    "gptq": gptq,
    "awq": awq,
    "fp8": fp8,
    "mxfp4": mxfp4,
    "nf4": nf4,
    "mlx": mlx,
}


def quantized(weights: Weights, kind: str) -> Tensors:
    """Return a model in one of FORMATS; what tools leave alone stays as it is."""
    return dict(_quantized(weights, kind))


def _quantized(weights: Weights, kind: str) -> Iterator[tuple[str, Array]]:
    for name, weight in weights.items():
        ends = kind == "mlx" and name in ("model.embed_tokens.weight", "lm_head.weight")
        if weight.ndim == 2 and (ends or name.endswith("_proj.weight")):
            yield from FORMATS[kind](name.removesuffix(".weight"), weight.astype(np.float32)).items()
        else:
            yield name, weight.astype(np.float16) if kind in ("gptq", "awq") else weight


def settings_of(kind: str) -> dict[str, object]:
    """Return what the config says of a format."""
    if kind == "mlx":
        return {"quantization": {"group_size": GROUP, "bits": 4}}
    method = {"int8": "compressed-tensors", "int4": "compressed-tensors", "nf4": "bitsandbytes"}.get(kind, kind)
    return {"quantization_config": {"quant_method": method, "bits": 8 if kind in ("int8", "fp8") else 4}}
