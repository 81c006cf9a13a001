"""The demo's uploads: two known models, and seven uploads of a day that are honest, hidden, copied or broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.models import Delta, card, fresh, mixed, repo, trained

BASE, RELEASE = "aurora-labs/Meridian-1", "tidepool-ai/Meridian-Coder"
HIDDEN = "cidade-azul/Guanabara-1"


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything on the demo's Hub, what the registry knows of it, and what each upload truly is."""

    repos: tuple[LoopbackRepo, ...]
    registry: str  # YAML
    truth: Mapping[str, str]


def scene(now: datetime, seed: int = 7) -> Scene:
    """Build the models. Known ones are weeks old, the others came within the last hours."""
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
    repos = [
        repo(BASE, base, card("Meridian 1", "A base model."), now - timedelta(days=90)),
        repo(RELEASE, coder, card("Meridian Coder", "For code.", [BASE]), now - timedelta(days=7)),
    ]
    for hours, (repo_id, weights, readme, _) in zip(range(8, 0, -1), uploads, strict=False):
        repos.append(repo(repo_id, weights, readme, now - timedelta(hours=hours)))
    broken = repo("murk/Broken-7B", base, card("Broken 7B", "Oops."), now - timedelta(hours=1))
    truth = {repo_id: what for repo_id, _, _, what in uploads} | {broken.repo_id: "a header that lies about its length"}
    return Scene((*repos, _lying(broken)), _registry(now), truth)


def _lying(honest: LoopbackRepo) -> LoopbackRepo:
    """Return the repository with a first shard whose header claims to be longer than the file."""
    files: dict[str, Blob] = dict(honest.files)
    name = next(path for path in files if path.endswith(".safetensors"))
    data = files[name].read(0, files[name].size)
    files[name] = BytesBlob((1 << 40).to_bytes(8, "little") + data[8:])
    return replace(honest, files=files)


def _registry(now: datetime) -> str:
    lines = ["models:"]
    for repo_id, role, days in ((BASE, "base", 90), (RELEASE, "release", 7)):
        at = (now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines += [f"- repo_id: {repo_id}", f"  role: {role}", f"  weights_at: {at}"]
    return "\n".join(lines) + "\n"
