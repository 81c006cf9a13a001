"""Every threshold in one table. docs/method.md says which experiment set each; `bench/` runs them again."""

RELATED_CORRELATION = 0.1  # median centred correlation of raw weights: chance reaches 0.05, fine-tunes stay above 0.9
RELATED_TENSORS = 2  # tensors that must be shared before "related" is said at all
MIN_OVERLAP = 0.8  # share of the nearest model's coordinates a candidate parent must have

EXACT_REPRODUCED = 0.995  # share of decisive weights: a blend reaches 0.9998 under its own arithmetic
STRONG_REPRODUCED = 0.95  # a blend with a touch of noise on top; honest models reach 0.45
GREY_REPRODUCED = 0.5  # between this and STRONG_REPRODUCED nothing is claimed
MIN_DECISIVE = 200  # weights; below this an honest sibling's coincidences could add up
MIN_TENSOR_REPRODUCED = 0.8  # in the worst tensor: one recipe must hold for the whole model
MIN_INFORMATIVE_TENSORS = 4  # tensors with decisive weights: a verdict on a model does not rest on its embedding

COPY_TENSORS_EQUAL = 0.9  # share of tensors equal throughout: a copy with a few touched tensors
COPY_MIN_WEIGHTS = 2_000  # compared weights before a copy is named
NOISE_TENSORS = 8  # tensors needed to tell noise from training
NOISE_DISPERSION = 0.1  # of the relative difference between tensors: noise 0.05, training from 0.16 up
NOISE_ROW_DEPENDENCE = 2.0  # n r^2 between rows of the difference: noise 1.0 to 1.3, training from 9 up
NOISE_LEAST = 2e-3  # relative; below it rounding hides what tells noise from a short training, and nothing is claimed
NOISE_DISTANCE = 0.05  # relative; noise beyond this would destroy the model

TRAINED_ON_COEFFICIENT = (
    0.93  # of a release's delta in the suspect's: trained on from it 0.95 up, a sibling on the same
)
# data with another seed 0.87, a distillation 0.76
