"""The table of all shapes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bench.hub_null import grown, plain, shared, stored, timed
from bench.hub_null.cast import Generator

_QUANTIZED: Final = {
    "quantized: int8, int4": ("int8", "int4"),
    "quantized: gptq, awq": ("gptq", "awq"),
    "quantized: fp8, mxfp4": ("fp8", "mxfp4"),
    "quantized: nf4, mlx": ("nf4", "mlx"),
}
SHAPES: Final[Mapping[str, Generator]] = MappingProxyType(
    {
        "pipeline": stored.pipeline,
        **{shape: stored.quantization(shape, *kinds) for shape, kinds in _QUANTIZED.items()},
        "quantized: gguf alone": stored.gguf,
        "equal quantizations": stored.equal_quantizations,
        "mirror": shared.mirror,
        "duplicate of one's own": shared.duplicate,
        "renamed": shared.renamed,
        "re-release after a mirror": shared.after_a_mirror,
        "day-0 partner": shared.partner,
        plain.LANGUAGE_SHAPE: plain.in_languages,
        plain.TOOL_SHAPE: plain.by_tools,
        plain.MERGE_SHAPE: plain.merge,
        "equal merges": plain.equal_merges,
        "adapter": plain.adapter,
        "from nothing": plain.from_nothing,
        "average of one's own": plain.own_average,
        "degenerate": plain.degenerate,
        "towers, of declared models": grown.around_declared,
        "towers, of one's own": grown.around_own,
        "upcycled": grown.upcycling,
        "depth-scaled": grown.depth_scaled,
        "many commits": timed.many_commits,
        "late card": timed.late_card,
    }
)
