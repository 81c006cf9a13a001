"""What is left over once a mix is taken away: nothing, noise, or the structure that training leaves.

Gradient descent moves the rows of a matrix along common directions (each step is a sum of outer products) and moves
some tensors further than others; noise does neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.compare.aligned import Aligned, noise_floor
from analyzers.compare.row_motion import row_dependence
from analyzers.numbers.rounding import Floats, widen
from analyzers.thresholds import NOISE_DISPERSION, NOISE_ROW_DEPENDENCE, NOISE_TENSORS, STRUCTURE_ROW_DEPENDENCE


@dataclass(frozen=True, slots=True)
class Residue:
    """Measures of what a mix leaves over. All are dimensionless."""

    tensors: int  # that leave more than rounding does
    size: float  # median over tensors: norm of what is left, without rounding's part, over the tensor's norm
    dispersion: float  # of that ratio between tensors, standard deviation over mean
    row_dependence: float  # mean n r^2 between rows of one tensor: 1 for independent noise

    @property
    def is_noise(self) -> bool:
        """Of one relative size everywhere, and independent from row to row."""
        return (
            self.tensors >= NOISE_TENSORS
            and self.dispersion <= NOISE_DISPERSION
            and self.row_dependence <= NOISE_ROW_DEPENDENCE
        )

    @property
    def is_structure(self) -> bool:
        """Moves rows along common directions by more than noise ever does."""
        return self.tensors >= NOISE_TENSORS and self.row_dependence >= STRUCTURE_ROW_DEPENDENCE


def residue(aligned: Aligned, mix: Floats, windows: int) -> Residue:
    """Measure what is left of the suspect without `mix`, float64[weights]; each tensor has `windows` equal rows."""
    values = widen(aligned.suspect)
    left, rounding = values - mix, noise_floor(aligned.suspect, aligned.candidates) ** 2 / 12
    sizes, dependences = [], []
    for tensor in np.unique(aligned.tensors):
        mine = aligned.tensors == tensor
        excess = float((left[mine] ** 2).sum() - rounding[mine].sum())
        norm = float((values[mine] ** 2).sum())
        sizes.append(np.sqrt(max(excess, 0.0) / norm) if norm else 0.0)
        dependences += row_dependence(aligned.rows(left, tensor, windows))
    found = np.array(sizes)
    return Residue(
        tensors=int((found > 0).sum()),
        size=float(np.median(found)) if len(found) else 0.0,
        dispersion=float(found.std() / found.mean()) if found.any() else 0.0,
        row_dependence=float(np.mean(dependences)) if dependences else 0.0,
    )
