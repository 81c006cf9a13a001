"""The models that the header of a GGUF file declares: what it was made of, and what it was converted from.

Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The converter writes them from the card and from what
its user says. Only addresses and ids count: the other keys hold titles without an owner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from analyzers.card.front_matter import models_in
from analyzers.records import Mention

KEY = re.compile(r"general\.(?:base_model\.\d{1,3}|source)\.(?:repo_url|url|huggingface\.repository)")
MOST = 32  # keys that are read
SHOWN = 200  # characters of a value in a quote


def declared_in(headers: Mapping[str, Mapping[str, str]], own: str) -> Iterator[Mention]:
    """Yield the models that the pairs of each file declare, each once; the upload itself, `own`, is none.

    >>> pairs = {"general.base_model.0.repo_url": "https://huggingface.co/org/Model-7B"}
    >>> [m.repo_id for m in declared_in({"model.gguf": pairs}, "me/Model-7B-GGUF")]
    ['org/Model-7B']
    """
    seen = {own.lower()}
    found = ((path, k, v) for path, pairs in headers.items() for k, v in pairs.items() if KEY.fullmatch(k))
    for (path, key, value), _ in zip(found, range(MOST), strict=False):
        for repo_id in models_in(value[:SHOWN]):
            if repo_id.lower() not in seen:
                seen.add(repo_id.lower())
                yield Mention(repo_id, path, "base_model", f"{key}: {value[:SHOWN]}")
