"""Reports of every kind of finding, with the names of real models' length: what alerts are held to."""

from __future__ import annotations

from typing import Any, Final

SUSPECT: Final = "prefeitura-rio/Rio-3.5-Open-397B"
BASE, RELEASE, THIRD = "Qwen/Qwen3.5-397B-A17B", "nex-agi/Nex-N2-Pro-397B", "moonlight-ai/Halcyon-397B"
EXACT: Final = {"reproduced": 1.0, "decisive": 7623, "control": 0.1643, "far": 3001, "near": 1.0, "weights": 17408}
STRONG: Final = EXACT | {"reproduced": 0.9701, "near": 0.99}
NEAR: Final = EXACT | {"reproduced": 0.41, "near": 0.9612}
ORDER: Final = f"a claim; {RELEASE} is not declared, but which weights were public first is not known"


def parent(repo_id: str, coefficient: float | None, said: str = "absent") -> dict[str, Any]:
    """A parent of a report."""
    return {"repo_id": repo_id, "coefficient": coefficient, "declared": said == "declared", "said": said}


def kind(finding: str, family: str | None, parents: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A report that says so much."""
    declared = [p["repo_id"] for p in parents if p["declared"]]
    return {
        "suspect": {"repo_id": SUSPECT, "revision": "d84672d462219b7ee96de9c1ff46e806c933c898"},
        "finding": finding,
        "family": family,
        "alert": True,
        "audience": "public",
        "strength": "exact",
        "exact": True,
        "parents": parents,
        "measured": EXACT,
        "declared": {"parents": declared, "where": dict.fromkeys(declared, "front matter, prose")},
        "order_known": True,
        "why": "a claim",
        "case": "f758dc62cb7e",
    } | changes


def components(finding: str = "unrelated") -> dict[str, Any]:
    """A report on an upload whose text encoder copies a known language model."""
    part = {"name": "text_encoder", "parameters": 7, "finding": "copy", "nearest": BASE, "said": "absent", "why": "so"}
    return kind(finding, None, [], alert=False, audience="reviewers", strength=None, components=[part], measured={})


TWO: Final = [parent(RELEASE, 0.565), parent(BASE, 0.435, "declared")]
NONE_DECLARED: Final = [parent(RELEASE, 0.565), parent(BASE, 0.435)]
NAMED: Final = [parent(RELEASE, 0.565, "named"), parent(BASE, 0.435, "declared")]
ALL: Final = [parent(RELEASE, 0.565, "declared"), parent(BASE, 0.435, "declared")]
LAYERS: Final = [parent(RELEASE, None), parent(BASE, None, "declared")]
OTHERS: Final = {"alert": False, "audience": "reviewers"}
QUIET: Final = {"alert": False, "audience": "none"}
STACKED: Final = {"tensors": 48, "copied": 48, f"from {RELEASE}": 30, f"from {BASE}": 18}

KINDS: Final[dict[str, dict[str, Any]]] = {
    "linear, exact, one declared": kind("blend", "linear", TWO),
    "linear, exact, none declared": kind("blend", "linear", NONE_DECLARED),
    "linear, exact, from scratch": kind("blend", "linear", NONE_DECLARED, declared={"from_scratch": True}),
    "linear, exact, named": kind("blend", "linear", NAMED, **OTHERS),
    "linear, exact, all declared": kind("blend", "linear", ALL, **QUIET),
    "linear, own weights": kind("blend", "linear", TWO, **QUIET),
    "linear, order unknown": kind("blend", "linear", TWO, **OTHERS, why=ORDER, order_known=False),
    "linear, strong": kind("blend", "linear", TWO, strength="strong", exact=False, measured=STRONG),
    "linear, strong by rounding": kind("blend", "linear", TWO, strength="strong", exact=False, measured=NEAR),
    "linear, beyond its parents": kind("blend", "linear", [parent(RELEASE, 1.5), parent(BASE, -0.5, "declared")]),
    "linear, three": kind("blend", "linear", [parent(RELEASE, 0.5), parent(THIRD, 0.3), parent(BASE, 0.2, "declared")]),
    "layerwise": kind("blend", "layerwise", LAYERS, measured={k: v for k, v in EXACT.items() if k != "control"}),
    "sparse": kind(
        "blend", "sparse", LAYERS, strength="strong", exact=False, measured={"decisive": 5120, "covered": 0.973}
    ),
    "stack": kind("blend", "stack", LAYERS, measured=STACKED),
    "copy": kind("copy", None, [parent(RELEASE, 1.0)], measured={"weights": 17408, "equal": 1.0}),
    "copy, touched": kind(
        "copy", None, [parent(RELEASE, 1.0)], strength="strong", exact=None, measured={"weights": 17408, "equal": 0.97}
    ),
    "copy, noise": kind(
        "copy",
        None,
        [parent(RELEASE, 1.0)],
        strength="strong",
        exact=None,
        measured={"weights": 17408, "equal": 0.02, "distance": 0.0012},
    ),
    "copy, declared": kind(
        "copy", None, [parent(RELEASE, 1.0, "declared")], **QUIET, measured={"weights": 17408, "equal": 1.0}
    ),
    "derivative": kind(
        "derivative",
        None,
        [parent(RELEASE, None)],
        strength="indicative",
        exact=None,
        measured={"weights": 17408, "equal": 0.11, "distance": 0.021},
    ),
    "a component": components(),
    "a part that is a blend": kind("inconclusive", None, TWO, **OTHERS, strength=None, measured={"compared": 0.2}),
    "unrelated": kind("unrelated", None, [], **QUIET, strength=None, exact=None, measured={}),
    "inconclusive": kind("inconclusive", None, [], **QUIET, strength=None, exact=None, measured={}),
}
