"""Ask what stored bits can decide of a merge whose recipe is known, and compare the estimator with it.

    python -m bench.oracle --models DIR [--honest ZOO] [--only dare]

DIR is what `python -m bench.merged make` writes. The oracle knows parents, weights and method of each merge. It reads
only what the service samples. It counts the decisive weights whose stored bits the recipe may give: the base's where a
mask dropped all deltas, else those of the deltas that were kept. The same count under decoys is what coincidence
reaches: each parent's delta with the sizes of its neighbours, and each parent exchanged for another release. `--honest`
names a folder as of bench.zoo, whose honest models are held against every recipe. Nothing here needs PyTorch.
"""
