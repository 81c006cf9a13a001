"""The demo's uploads: two known models, and seven uploads of a day that are honest, hidden, copied or broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import numpy as np

from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.models import Delta, card, files, fresh, mixed, repo_of, trained

AGES = (90 * 24, 7 * 24, 8, 7, 6, 5, 4, 3, 1)  # hours since each repository was made
BASE, RELEASE = "aurora-labs/Meridian-1", "tidepool-ai/Meridian-Coder"
HIDDEN = "cidade-azul/Guanabara-1"


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything on the demo's Hub, what the registry knows of it, and what each upload truly is."""

    repos: tuple[LoopbackRepo, ...]
    registry: str  # YAML
    truth: Mapping[str, str]


@cache
def _models(seed: int) -> tuple[tuple[str, Mapping[str, Blob], str], ...]:
    """Return name, files and truth of each repository, the two known models first; scenes share the bytes."""
    rng = np.random.default_rng(seed)
    base = fresh(rng)
    coder_delta = Delta.draw(rng, 0.03)
    coder = trained(base, coder_delta)
    hidden = mixed([coder, base], [0.565, 0.435])
    sibling = trained(base, Delta.draw(rng, 0.03).lean(coder_delta, 0.8))
    uploads = [
        (
            HIDDEN,
            hidden,
            card("Guanabara 1", "Post-trained by our own team.", [BASE]),
            "a blend of release and base that names the base alone",
        ),
        (
            "basalt/Duet",
            mixed([coder, base], [0.4, 0.6]),
            card("Duet", "A linear merge.", [RELEASE, BASE], "merge"),
            "a blend that names both",
        ),
        (
            "finch/Meridian-Py",
            sibling,
            card("Meridian Py", "SFT on public code.", [BASE]),
            "an honest sibling whose delta correlates .8 with the release (least squares would accuse it)",
        ),
        (
            "oakridge/Taiga-1",
            fresh(rng),
            card("Taiga 1", "Trained from scratch."),
            "equal config, trained from nothing",
        ),
        ("rebrand/Phoenix", coder, card("Phoenix", "Built in-house."), "a renamed copy of the release"),
        (
            "quiltworks/Guanabara-Stitch",
            trained(hidden, Delta.draw(rng, 0.008)),
            card("Guanabara Stitch", "Fine-tuned on web code.", [HIDDEN]),
            "an honest fine-tune of the first",
        ),
    ]
    known = [
        (BASE, base, card("Meridian 1", "A base model."), ""),
        (RELEASE, coder, card("Meridian Coder", "For code.", [BASE]), ""),
    ]
    found = [(name, files(weights, readme), what) for name, weights, readme, what in known + uploads]
    broken = _lying(files(base, card("Broken 7B", "Oops.")))
    return (*found, ("murk/Broken-7B", broken, "a header that lies about its length"))


def scene(now: datetime, seed: int = 7) -> Scene:
    """Build the repositories. Known ones are weeks old, the others came within the last hours."""
    models = _models(seed)
    repos = (
        repo_of(name, held, now - timedelta(hours=hours)) for (name, held, _), hours in zip(models, AGES, strict=True)
    )
    return Scene(tuple(repos), _registry(now), {name: what for name, _, what in models if what})


def _lying(honest: Mapping[str, Blob]) -> dict[str, Blob]:
    """Return the files with a first shard whose header claims to be longer than the file."""
    name = next(path for path in honest if path.endswith(".safetensors"))
    data = honest[name].read(0, honest[name].size)
    return {**honest, name: BytesBlob((1 << 40).to_bytes(8, "little") + data[8:])}


def _registry(now: datetime) -> str:
    lines = ["models:"]
    for repo_id, role, hours in ((BASE, "base", AGES[0]), (RELEASE, "release", AGES[1])):
        at = (now - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines += [f"- repo_id: {repo_id}", f"  role: {role}", f"  weights_at: {at}"]
    return "\n".join(lines) + "\n"
