"""Common licences of models, and whether an upload under one fits a parent under another. No legal advice.

The table is small and the rules are few: what is not plainly allowed or plainly not is "not known". Names are the Hub's
(https://huggingface.co/docs/hub/repositories-licenses). `source` is where the terms are published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["permissive", "copyleft", "share-alike", "non-commercial", "use limits", "own terms", "no derivatives"]
Fit = Literal["compatible", "not compatible", "not known"]


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence. `also` names those that its terms let a derivative be under instead."""

    name: str
    kind: Kind
    source: str
    also: tuple[str, ...] = ()


_CC = "https://creativecommons.org/licenses/"
_OSI = "https://opensource.org/license/"
_RAIL = "https://www.licenses.ai/ai-licenses"
_LLAMA = "https://www.llama.com/"

_TABLE: tuple[Licence, ...] = (
    Licence("apache-2.0", "permissive", "https://www.apache.org/licenses/LICENSE-2.0"),
    Licence("mit", "permissive", _OSI + "mit"),
    Licence("bsd-2-clause", "permissive", _OSI + "bsd-2-clause"),
    Licence("bsd-3-clause", "permissive", _OSI + "bsd-3-clause"),
    Licence("isc", "permissive", _OSI + "isc-license-txt"),
    Licence("unlicense", "permissive", _OSI + "unlicense"),
    Licence("cc0-1.0", "permissive", "https://creativecommons.org/publicdomain/zero/1.0/"),
    Licence("cc-by-4.0", "permissive", _CC + "by/4.0/"),
    Licence("gpl-3.0", "copyleft", "https://www.gnu.org/licenses/gpl-3.0.html", ("agpl-3.0",)),
    Licence("agpl-3.0", "copyleft", "https://www.gnu.org/licenses/agpl-3.0.html"),
    Licence("cc-by-sa-4.0", "share-alike", _CC + "by-sa/4.0/", ("gpl-3.0",)),
    Licence("cc-by-nc-4.0", "non-commercial", _CC + "by-nc/4.0/", ("cc-by-nc-sa-4.0",)),
    Licence("cc-by-nc-sa-4.0", "non-commercial", _CC + "by-nc-sa/4.0/"),
    Licence("cc-by-nd-4.0", "no derivatives", _CC + "by-nd/4.0/"),
    Licence("cc-by-nc-nd-4.0", "no derivatives", _CC + "by-nc-nd/4.0/"),
    Licence("qwen-research", "non-commercial", "https://huggingface.co/Qwen/Qwen2.5-3B/blob/main/LICENSE"),
    Licence("mrl", "non-commercial", "https://mistral.ai/licenses/MRL-0.1.md"),
    Licence("mnpl", "non-commercial", "https://mistral.ai/licenses/MNPL-0.1.md"),
    Licence(
        "exaone", "non-commercial", "https://huggingface.co/LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct/blob/main/LICENSE"
    ),
    Licence("llama2", "use limits", _LLAMA + "llama2/license/"),
    Licence("llama3", "use limits", _LLAMA + "llama3/license/"),
    Licence("llama3.1", "use limits", _LLAMA + "llama3_1/license/"),
    Licence("llama3.2", "use limits", _LLAMA + "llama3_2/license/"),
    Licence("llama3.3", "use limits", _LLAMA + "llama3_3/license/"),
    Licence("llama4", "use limits", _LLAMA + "llama4/license/"),
    Licence("gemma", "use limits", "https://ai.google.dev/gemma/terms"),
    Licence("deepseek", "use limits", "https://github.com/deepseek-ai/DeepSeek-V2/blob/main/LICENSE-MODEL"),
    Licence("openrail", "use limits", _RAIL),
    Licence("openrail++", "use limits", _RAIL),
    Licence("creativeml-openrail-m", "use limits", _RAIL),
    Licence("bigscience-openrail-m", "use limits", _RAIL),
    Licence("bigscience-bloom-rail-1.0", "use limits", "https://huggingface.co/spaces/bigscience/license"),
    Licence(
        "bigcode-openrail-m", "use limits", "https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement"
    ),
    Licence("qwen", "own terms", "https://huggingface.co/Qwen/Qwen2.5-72B/blob/main/LICENSE"),
    Licence(
        "nvidia-open-model-license",
        "own terms",
        "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/",
    ),
)
_ALIASES = {
    "apache 2.0": "apache-2.0",
    "apache license 2.0": "apache-2.0",
    "mit license": "mit",
    "mistral-research": "mrl",
    "mistral-ai-research-licence": "mrl",
    "tongyi-qianwen": "qwen",
    "tongyi-qianwen-research": "qwen-research",
    "deepseek-license": "deepseek",
    "cc-by-nc": "cc-by-nc-4.0",
    "cc-by-sa": "cc-by-sa-4.0",
    "cc-by": "cc-by-4.0",
    "cc0": "cc0-1.0",
}
LICENCES = {licence.name: licence for licence in _TABLE}

# an upload under such terms grants what a parent of the kind withholds
_GRANTS_TOO_MUCH: dict[Kind, frozenset[Kind]] = {
    "copyleft": frozenset({"permissive"}),
    "share-alike": frozenset({"permissive", "non-commercial", "use limits"}),
    "non-commercial": frozenset({"permissive", "copyleft", "share-alike", "use limits"}),
    "use limits": frozenset({"permissive", "copyleft", "share-alike"}),
}


def find_licence(name: str) -> Licence | None:
    """Return the licence of this name as cards write it, None if the table has none."""
    plain = name.strip().lower().replace("_", "-")
    return LICENCES.get(_ALIASES.get(plain, plain))


def fit(upload: str, parent: str) -> Fit:
    """Tell whether a model under the licence `upload` may descend from one under `parent`, as far as is known."""
    ours, theirs = find_licence(upload), find_licence(parent)
    if ours is None or theirs is None:
        return "not known"
    if theirs.kind == "no derivatives":
        return "not known" if ours == theirs else "not compatible"
    if ours == theirs or theirs.kind == "permissive" or ours.name in theirs.also:
        return "compatible"
    return "not compatible" if ours.kind in _GRANTS_TOO_MUCH.get(theirs.kind, frozenset()) else "not known"


def fits(upload: str, parents: Iterable[str]) -> Fit:
    """Hold a licence against all parents': one that is not compatible decides, then one that is not known."""
    each = [fit(upload, parent) for parent in parents]
    if "not compatible" in each:
        return "not compatible"
    return "compatible" if each and all(one == "compatible" for one in each) else "not known"
