"""Every threshold in one table. docs/method.md says which experiment set each; `bench/` runs them again."""

RELATED_CORRELATION = 0.1  # median centred correlation of raw weights: chance reaches 0.05, fine-tunes stay above 0.9
ALIKE_CORRELATION = 0.5  # of one tensor: at 256 weights chance stays below 0.35
RELATED_TENSORS = 2  # tensors that must be shared before "related" is said at all
MIN_Z = 5.0  # standard errors by which a parent must help before it is tried; bits decide afterwards
MOVED = (
    0.01  # share of weights in which a model must differ from a base to be tried beside it: deltas of 1e-4 have 0.02
)
MIN_OVERLAP = 0.8  # share of the nearest model's coordinates a candidate parent must have

EXACT_REPRODUCED = 0.995  # share of decisive weights: a blend reaches 0.9998 under its own arithmetic
STRONG_REPRODUCED = 0.95  # a blend with a touch of noise on top; honest models reach 0.45
GREY_REPRODUCED = 0.5  # between this and STRONG_REPRODUCED nothing is claimed
MIN_DECISIVE = 200  # weights; below this an honest sibling's coincidences could add up
MIN_TENSOR_REPRODUCED = 0.8  # in the worst tensor: one recipe must hold for the whole model
MIN_INFORMATIVE_TENSORS = 4  # tensors with decisive weights: a verdict on a model does not rest on its embedding

COPY_TENSORS_EQUAL = 0.9  # share of tensors equal throughout: a copy with a few touched tensors
COPY_TENSORS_HELD = 0.75  # share of the suspect's sampled tensors that the model must have at all
COPY_MIN_WEIGHTS = 2_000  # compared weights before a copy is named
NOISE_TENSORS = 8  # tensors needed to tell noise from training
NOISE_DISPERSION = 0.2  # of the relative difference between tensors: noise 0.09 to 0.2, training from 0.19 up
NOISE_ROW_DEPENDENCE = 1.6  # n r^2 between rows of the difference: noise 0.9 to 1.2, training from 5 up
STRUCTURE_ROW_DEPENDENCE = 1.8  # the same, of what a mix leaves over: storage arithmetic 1.6 at most, training 2 up
NOISE_LEAST = 2e-3  # relative; below it rounding hides what tells noise from a short training, and nothing is claimed
NOISE_DISTANCE = 0.05  # relative; noise beyond this would destroy the model

TRAINED_ON_COEFFICIENT = 0.02  # from 1, of a release's delta in the suspect's: trained on from it 0.01, the same data
# with another seed 0.03 up
TRAINED_ON_NEARNESS = 0.15  # distance to the release over that to the base: trained on 0.11, another seed 0.2 up

DISTINCT_ULPS = 4.0  # by which models must differ on a weight before its being equal to one of them counts
MIN_DISTINCT = 16  # such weights in a tensor before it counts as copied
NEARBY_TENSOR = 0.85  # of a tensor's far weights within an ulp of a mix: blends .87 up, honest models .3 at most
REPRODUCED_TENSOR = 0.9  # the same for decisive weights inside their cells, where few are far

PROMISING = 0.25  # of far or decisive weights that a mix meets before any arithmetic is tried; honest models 0.35
ROUNDED_NEARBY = 0.96  # of far weights within 1.5 ulp: nothing but roundings is left over
STRONG_NEARBY = 0.95  # of far weights within 1.5 ulp: a blend in an arithmetic that is not named here
TOPPED_NEARBY = (
    0.55  # of far weights within 1.5 ulp, where something came on top of a blend: honest models 0.43, own averages 0.53
)
TOPPED_EXPLAINED = 0.97  # of the departure from the nearest parent: honest models 0.93
TOPPED_FAR = (
    0.15  # of all weights far from every parent; where deltas are tiny, training on two models' data adds them up
)
TOPPED_COEFFICIENT = 0.1  # training leans by less than this on models of the like data
NEEDED = 0.85  # a parent without which this share of the far weights is met all the same is not needed

COPIED_TENSORS = 0.9  # of the sampled tensors before a stack is named
MIN_COPIED_TENSORS = 4
PROFILED_TENSORS = 0.85  # of the telling tensors that must be mixed or copied
PARENT_TENSORS = 0.15  # of the explained tensors that need a model before it is called a parent

MIN_KIND = 0.03  # share of a kind of weights before it counts as one
SPARSE_GAIN = 0.03  # of the told weights that a parent must cover beyond what its deltas in other places do
SPARSE_COVERED = 0.92  # of the told weights that all kinds together cover: honest models 0.53, own averages 0.94
MIN_SINGLE = (
    0.15  # weights on one parent's delta alone to those on several; where coefficients are tiny there are next to none
)
SPARSE_BEYOND = 0.72  # of those outside the commonest kind: honest models 0.35, own averages 0.5

SUSPECT_DISPERSION = 0.3  # under both of these a second look decides whether it is noise
SUSPECT_ROW_DEPENDENCE = 2.5
AS_WELL = 0.98  # share of the far weights met that a base must meet in place of a model that hardly moved from it
COLLINEAR = 0.9  # correlation of two parents' deltas from which one of them says nothing that the other does not
