"""Text that every machine with Python has: its standard library, in domains, as tokens of a small byte-pair code.

Byte-pair encoding after Sennrich et al. 2016, learnt on the most frequent words; characters beyond ASCII become '?'.
"""

from __future__ import annotations

import re
import sysconfig
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int64]

DOMAINS: Mapping[str, Sequence[str]] = {
    "network": ("asyncio", "email", "http", "urllib", "xmlrpc", "wsgiref"),
    "data": ("_pydecimal.py", "collections", "datetime.py", "enum.py", "fractions.py", "json", "pickle.py", "random.py",
             "sqlite3", "statistics.py", "tomllib", "zoneinfo"),
    "manual": ("pydoc_data",),
    "system": ("concurrent", "ctypes", "importlib", "logging", "multiprocessing", "subprocess.py", "unittest"),
    "markup": ("argparse.py", "configparser.py", "difflib.py", "html", "optparse.py", "pathlib.py", "re", "tarfile.py",
               "textwrap.py", "xml"),
}  # fmt: skip
VOCABULARY = 512
WINDOW = 97  # tokens of one example: 96 predictions
EXAMPLES = 400  # of one half of a domain's fine-tuning text
LEARNT_ON = 5_000  # most frequent words
WORD = re.compile(r" ?[A-Za-z]+|\n *| ?[^\sA-Za-z]+|\s+")


class TooLittleText(RuntimeError):
    """The standard library of this machine lacks what a domain is made of."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokens: one stream for the base, and two halves of examples, int64[EXAMPLES, WINDOW], for each domain."""

    base: Tokens
    halves: Mapping[str, tuple[Tokens, Tokens]]


def corpus() -> Corpus:
    """Read, learn the code, encode. The base never sees the text that its fine-tunes are trained on."""
    texts = {domain: _text(parts) for domain, parts in DOMAINS.items()}
    merges = learn(Counter(w for t in texts.values() for w in WORD.findall(t)), VOCABULARY)
    code = Code(merges)
    halves, rest = {}, []
    for domain, text in texts.items():
        tokens = code.encode(text)
        need = 2 * EXAMPLES * WINDOW
        if len(tokens) < 2 * need:
            raise TooLittleText(f"the standard library has {len(tokens):,} tokens of '{domain}', {2 * need:,} needed")
        examples = tokens[:need].reshape(2, EXAMPLES, WINDOW)
        halves[domain] = (examples[0], examples[1])
        rest.append(tokens[need:])
    return Corpus(np.concatenate(rest), halves)


def _text(parts: Sequence[str]) -> str:
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [
        p for part in parts for p in ([root / part] if part.endswith(".py") else sorted((root / part).rglob("*.py")))
    ]
    texts = [p.read_text(encoding="utf-8", errors="replace") for p in files if p.is_file()]
    return re.sub(r"[^\n -~]", "?", "\n".join(texts).expandtabs(4))


def alphabet() -> list[str]:
    """Return every character that a text may hold: newline and printable ASCII."""
    return ["\n", *map(chr, range(32, 127))]


def learn(words: Counter[str], size: int) -> list[tuple[str, str]]:
    """Return the merges, in order, that grow the alphabet to `size` tokens."""
    spelt = [(list(word), count) for word, count in words.most_common(LEARNT_ON)]
    merges: list[tuple[str, str]] = []
    while len(alphabet()) + len(merges) < size:
        pairs: Counter[tuple[str, str]] = Counter()
        for symbols, count in spelt:
            for pair in pairwise(symbols):
                pairs[pair] += count
        if not pairs:
            break
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        spelt = [(join(symbols, best), count) for symbols, count in spelt]
    return merges


def join(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """Return the symbols with every occurrence of the pair as one."""
    if pair[0] not in symbols:
        return symbols
    out: list[str] = []
    i = 0
    while i < len(symbols):
        if symbols[i] == pair[0] and symbols[i + 1 : i + 2] == [pair[1]]:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


class Code:
    """A byte-pair code: text to tokens."""

    def __init__(self, merges: Sequence[tuple[str, str]]) -> None:
        self.merges = merges
        self.vocabulary = {s: i for i, s in enumerate([*alphabet(), *(a + b for a, b in merges)])}
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> Tokens:
        """Return the tokens of a text of alphabet characters."""
        return np.array([t for word in WORD.findall(text) for t in self._word(word)], dtype=np.int64)

    def _word(self, word: str) -> list[int]:
        if word not in self._known:
            symbols = list(word)
            for pair in self.merges:
                symbols = join(symbols, pair)
            self._known[word] = [self.vocabulary[s] for s in symbols]
        return self._known[word]
