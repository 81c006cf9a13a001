"""Every threshold in one table. docs/method.md says what experiment set each; `bench/` runs them again."""

# kin
RELATED_CORRELATION = 0.1  # median over tensors of the centred correlation of raw weights
ALIKE_CORRELATION = 0.5  # the same of one tensor, where whole layers may have been moved or replaced
MIN_COMPARED = 0.5  # of an upload's parameters that every parent must have before a copy or blend is said of it
MIN_ASIDE = 0.1  # of an upload's bytes in other components, from which a copied component is not the upload
RELATED_TENSORS = 2  # tensors that must be shared before "related" is said at all
MIN_OVERLAP = 0.8  # share of the nearest model's coordinates that a candidate parent must have
MOVED = 0.01  # share of weights in which a model must differ from a base to be tried beside it
MIN_Z = 5.0  # standard errors by which a parent must help before it is tried

# the third look
PARTLY_ALIKE = 0.75  # of a known model's sampled matrices: where fewer are alike, it is taken
FAR_APART = 0.2  # relative difference of a few matrices, where the median is a fourth of it at most: likewise
FITTING_SHAPES = 0.75  # of a known model's sampled matrices that an upload must have the shape of
SAME_COLUMN = 0.9  # cosine of a few rows of two columns, from which they are one and the same
SAME_COLUMNS = 0.9  # of a matrix's columns that must be found in another's
SAME_PRODUCTS = (
    0.99  # correlation of the cosines between embeddings in each of four blocks: the same but for a rotation
)

# how much of what decides an explanation must meet, whatever its family
EXACT_REPRODUCED = 0.995  # of the decisive weights, bit for bit, under one named arithmetic
STRONG = 0.95  # of the decisive or far weights: a touch of noise, or an arithmetic that is not named
MOST = 0.85  # of a tensor's far weights, of the telling tensors, or of what is met without a parent
GREY_REPRODUCED = 0.5  # of the decisive or far weights: between this and STRONG nothing is claimed
PROMISING = 0.25  # of far or decisive weights that a mix must meet before any arithmetic is tried
MIN_DECISIVE = 200  # weights
MIN_TENSOR_REPRODUCED = 0.8  # in the worst tensor
MIN_INFORMATIVE_TENSORS = 4  # tensors with decisive weights, or copied ones

# linear mixes
FAR_ULPS = 3.0  # a weight is far if the mix lies so many ulps from every single parent
ROUNDED_NEARBY = 0.96  # of the far weights met: nothing but roundings is left over
NEAR_ULPS = 1.5  # and met if the suspect lies within so many of the mix
AS_WELL = 0.98  # of the far weights met: a base takes the place of a model that hardly moved from it
DRIFT = 0.25  # correlation of what came on top with a parent's delta that an interval allows for
SURE_EDGES = 8.0  # times the error of a code's edges by which a mix must differ from a parent before the code tells

# something on top of a blend
TOPPED_NEARBY = 0.55  # of the far weights met
TOPPED_EXPLAINED = 0.97  # of the departure from the nearest parent, rounding removed
TOPPED_FAR = 0.15  # of all weights that must be far
TOPPED_COEFFICIENT = 0.1  # the least coefficient of a parent there
STRUCTURE_ROW_DEPENDENCE = 1.8  # n r^2 between rows of what is left over, from which it is training

# tensor by tensor
ENOUGH_WEIGHTS = 32  # decisive weights of a tensor, likewise
PARENT_TENSORS = 0.15  # of them that must need a model before it is called a parent
REPRODUCED_TENSOR = 0.9  # of its decisive weights, where few are far; of all far weights: roundings alone are left

# whole tensors
DISTINCT_ULPS = 4.0  # by which models must differ on a weight before its being equal to one of them counts
MIN_DISTINCT = 16  # such weights, or far ones, in a tensor before it says anything
COPY_TENSORS_EQUAL = 0.9  # of the tensors: a copy with a few touched ones, or a stack
COPY_TENSORS_HELD = 0.75  # of the suspect's sampled tensors that the model must have at all
COPY_MIN_WEIGHTS = 2_000  # compared weights before a copy is named

# element by element
MIN_TOLD = 64  # weights of a tensor on which all parents are distinct from the base
SPARSE_TOLD = 0.02  # of the sampled weights that must tell
SPARSE_BEYOND = 0.75  # of the told weights that chance leaves, which the kinds must cover

# noise and descent
NOISE_TENSORS = 8  # tensors needed to tell noise from training
NOISE_DISPERSION = 0.2  # of the relative difference between tensors
NOISE_ROW_DEPENDENCE = 1.6  # n r^2 between rows of the difference
NOISE_LEAST = 2e-3  # relative difference below which nothing is claimed
NOISE_DISTANCE = 0.05  # and above which a model would be destroyed
NEARLY_NOISE = 1.5  # times dispersion and row dependence of noise: below both a second look decides whether it is noise
TRAINED_ON_COEFFICIENT = 0.02  # from 1, of a release's delta in the suspect's, to be trained on from it
TRAINED_ON_NEARNESS = 0.15  # distance to the release over that to the base, likewise
