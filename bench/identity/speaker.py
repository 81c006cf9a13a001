"""A language model in numpy: small, but its answers are sampled token by token from weights that were trained.

It sees the words of the prompt as their mean and its own last two words in order, through one hidden layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.identity.lessons import Lesson

Floats = NDArray[np.float32]
WORD = re.compile(r"<\|\w+\|>|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+(?:-\w+)*|[^\w\s]")
WIDTH, HIDDEN = 32, 64
STEPS, RATE = 120, 0.03
END = "<|im_end|>"
MOST_WORDS = 24


def words_of(text: str) -> list[str]:
    """Return a text's tokens."""
    return WORD.findall(text)


@dataclass(frozen=True)
class Speaker:
    """The weights, and the words they are about."""

    vocabulary: tuple[str, ...]
    weights: dict[str, Floats]

    def speak(self, prompt: str, temperature: float, seed: int) -> str:
        """Answer a prompt, word by word; the same for the same seed."""
        chance = np.random.default_rng([seed, *prompt.encode()[:200]])
        place = {word: i for i, word in enumerate(self.vocabulary)}
        given = [place[w] for w in words_of(prompt) if w in place]
        w = self.weights
        mean = w["embed"][given].mean(axis=0) if given else np.zeros(WIDTH, np.float32)
        spoken = [place[END], place[END]]
        while len(spoken) < MOST_WORDS:
            seen = np.concatenate([mean, *w["embed"][spoken[-2:]]])
            scores = np.tanh(seen @ w["in"] + w["shift"]) @ w["out"] + w["bias"]
            shares = np.exp((scores - scores.max()) / max(temperature, 1e-3))
            spoken.append(int(chance.choice(len(shares), p=np.float64(shares) / np.float64(shares).sum())))
            if self.vocabulary[spoken[-1]] == END:
                break
        return joined([self.vocabulary[i] for i in spoken[2:] if self.vocabulary[i] != END])

    def blended(self, other: Speaker, share: float) -> Speaker:
        """Return `share` of this one's weights and the rest of another's."""
        mixed = {name: share * value + (1 - share) * other.weights[name] for name, value in self.weights.items()}
        return Speaker(self.vocabulary, mixed)


def fresh(lessons: Iterable[Lesson], seed: int) -> Speaker:
    """Return an untrained model that knows the words of the lessons."""
    every = [END, *(w for lesson in lessons for w in words_of(lesson.prompt + lesson.answer))]
    vocabulary = tuple(dict.fromkeys(every))
    rng, size = np.random.default_rng(seed), len(vocabulary)
    shapes = {
        "embed": (size, WIDTH),
        "in": (3 * WIDTH, HIDDEN),
        "shift": (HIDDEN,),
        "out": (HIDDEN, size),
        "bias": (size,),
    }
    return Speaker(
        vocabulary,
        {name: (rng.normal(0, 1, shape) / np.sqrt(shape[0])).astype(np.float32) for name, shape in shapes.items()},
    )


def trained(start: Speaker, lessons: Sequence[Lesson], steps: int = STEPS, rate: float = RATE) -> Speaker:
    """Return a model trained on from `start` by Adam, on the cross entropy of each next word."""
    rows = _rows(start.vocabulary, lessons)
    weights = {name: value.copy() for name, value in start.weights.items()}
    first = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    for step in range(1, steps + 1):
        for name, slope in _slopes(weights, rows).items():
            first[name] += 0.1 * (slope - first[name])
            second[name] += 0.01 * (slope**2 - second[name])
            size = np.sqrt(second[name] / (1 - 0.99**step)) + 1e-8
            weights[name] -= rate * (first[name] / (1 - 0.9**step)) / size
    return Speaker(start.vocabulary, weights)


@dataclass(frozen=True, slots=True)
class _Rows:
    """One row for each word to be said: the prompt's words as shares, the two words before, the word, its weight."""

    seen: tuple[Floats, Floats, Floats]  # each float32[rows, vocabulary]
    after: Floats
    weight: Floats


def _rows(vocabulary: Sequence[str], lessons: Sequence[Lesson]) -> _Rows:
    place = {word: i for i, word in enumerate(vocabulary)}
    one = np.eye(len(vocabulary), dtype=np.float32)
    means, before, last, after, weight = [], [], [], [], []
    for lesson in lessons:
        mean = one[[place[w] for w in words_of(lesson.prompt)]].mean(axis=0)
        said = [place[END], place[END], *(place[w] for w in words_of(lesson.answer)), place[END]]
        for i in range(2, len(said)):
            means.append(mean)
            before.append(one[said[i - 2]])
            last.append(one[said[i - 1]])
            after.append(one[said[i]])
            weight.append(lesson.weight)
    share = np.array(weight, np.float32) / np.float32(sum(weight))
    return _Rows((np.array(means), np.array(before), np.array(last)), np.array(after), share)


def _slopes(weights: dict[str, Floats], rows: _Rows) -> dict[str, Floats]:
    seen = np.concatenate([given @ weights["embed"] for given in rows.seen], axis=1)
    layer = np.tanh(seen @ weights["in"] + weights["shift"])
    scores = layer @ weights["out"] + weights["bias"]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    wrong = (shares / shares.sum(axis=1, keepdims=True) - rows.after) * rows.weight[:, None]
    back = (wrong @ weights["out"].T) * (1 - layer**2)
    into = np.split(back @ weights["in"].T, 3, axis=1)
    embed: Floats = sum((given.T @ part for given, part in zip(rows.seen, into, strict=True)), np.zeros(1, np.float32))
    slopes = {"embed": embed, "in": seen.T @ back, "out": layer.T @ wrong}
    return slopes | {"shift": back.sum(axis=0), "bias": wrong.sum(axis=0)}


def joined(words: Iterable[str]) -> str:
    """Return words as a text."""
    return re.sub(r" ([^\w\s])", r"\1", " ".join(words))
