"""Merge real checkpoints by mergekit with every method it has, and judge the merges as in production.

    python -m bench.merged make --zoo ../shared/zoo --out DIR     (needs PyTorch and mergekit)
    python -m bench.merged judge --models DIR [--only dare]

`make` takes a folder as of bench.zoo. The first base of its known models and three releases of the same shape are the
parents. Densities run from .1 to .9, in bfloat16 arithmetic and in float32 with one rounding. Nothing declares them.
`judge` prints one line a merge and one a method: the finding, the alert, whether exactly the parents are named, whether
the family is right.
"""
