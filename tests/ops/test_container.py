"""Checks of the container's files without tools that build or run them; ops.container.prove does the rest."""

from __future__ import annotations

import re
import shlex
import tomllib
from fnmatch import fnmatch
from typing import Any

import yaml

from bot.watch.schedule import STOP_SECONDS
from ops.container.build import TAG
from ops.container.container import HARDENED, UID
from ops.container.container import STOP_SECONDS as GIVEN_SECONDS
from ops.container.engine import BASE_NAME
from ops.container.newcomer import documented_command
from tests import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, continuation lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def last_stage() -> dict[str, str]:
    """Return the last instruction of each kind in the last stage."""
    found: dict[str, str] = {}
    for word, rest in instructions():
        found = {"FROM": rest} if word == "FROM" else found | {word: rest}
    return found


def service() -> dict[str, Any]:
    """Return the one service of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["watch"]
    return found


def ignored(path: str) -> bool:
    """Return True if .dockerignore keeps a file out of the build: the last line that names it, or its folder, wins."""
    out = False
    parts = path.split("/")
    inside = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        name = pattern.removeprefix("**/")
        tried = parts if pattern.startswith("**/") else inside
        if any(fnmatch(one, name) for one in tried):
            out = not line.startswith("!")
    return out


def test_both_stages_start_from_one_pinned_tag_that_the_proof_stands_in_for() -> None:
    """No `latest`, nothing untagged, and the proof builds on the name that users build on."""
    bases = {rest.split()[0] for word, rest in instructions() if word == "FROM"}
    assert len(bases) == 1
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+(\.\d+)?-slim-\w+", base)
    assert f"docker.io/library/{base}" == BASE_NAME


def test_dependencies_come_from_the_lock_with_hashes_and_nothing_from_elsewhere() -> None:
    """No ADD (which fetches), no address, and every pip install is by hash or without dependencies."""
    assert {word for word, _ in instructions()} & {"ADD"} == set()
    assert "://" not in (ROOT / "Dockerfile").read_text()
    installs = [
        part for word, rest in instructions() if word == "RUN" for part in rest.split("&&") if "pip install" in part
    ]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "-r requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]


def test_everything_copied_exists_and_reaches_the_builder() -> None:
    """A COPY from the checkout names a path that is there and that .dockerignore lets through."""
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and "--from=" not in rest
        for source in shlex.split(rest)[:-1]
    ]
    assert {"requirements.lock", "pyproject.toml", "LICENSE", "analyzers", "state", "bot", "demo"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored(source), source
        inner = f"{source}/__init__.py"
        assert not (ROOT / inner).exists() or not ignored(inner), inner
    assert not ignored("state/registry/known.yaml")


def test_history_environments_tests_data_and_secrets_stay_out_of_the_build() -> None:
    """The builder is sent only what the image is made of."""
    names = (".git/HEAD", ".venv/bin/python", "tests/test_docs.py", "bot/__pycache__/x.pyc", "secrets/hf_token", ".env")
    assert [name for name in (*names, "registry/ours.yaml", "data/blendwatch.sqlite") if not ignored(name)] == []


def test_the_image_runs_as_a_fixed_number_with_one_volume_and_a_health_check_that_is_a_command() -> None:
    """Non-root in a form an orchestrator can check; exec forms only, so that signals arrive."""
    stage = last_stage()
    assert stage["USER"] == f"{UID}:{UID}"
    assert stage["VOLUME"] == "/data"
    assert stage["CMD"] == '["watch"]'
    assert stage["ENTRYPOINT"] == '["tini", "--", "blendwatch"]'
    assert 'CMD ["blendwatch", "health"]' in stage["HEALTHCHECK"]
    assert "BLENDWATCH_DATA=/data" in stage["ENV"]
    assert "HF_HUB_DISABLE_TELEMETRY=1" in stage["ENV"]
    assert 'org.opencontainers.image.licenses="Apache-2.0"' in stage["LABEL"]


def test_one_version_everywhere() -> None:
    """The project's version is the image's label, the tag that `make image` gives and the one that compose runs."""
    version = PROJECT["version"]
    assert f'org.opencontainers.image.version="{version}"' in last_stage()["LABEL"]
    assert f"blendwatch:{version}" == TAG == service()["image"]


def test_compose_gives_the_watch_what_it_needs_and_no_more() -> None:
    """Read-only, no capabilities, bounded, restarted, and the same user as the image."""
    compose = service()
    assert compose["read_only"] is True
    assert compose["cap_drop"] == ["ALL"]
    assert compose["security_opt"] == ["no-new-privileges:true"]
    assert compose["user"] == f"{UID}:{UID}"
    assert compose["restart"] == "unless-stopped"
    assert {"mem_limit", "cpus", "pids_limit"} <= set(compose)
    assert [mount.partition(":")[0] for mount in compose["tmpfs"]] == ["/tmp"]
    assert "privileged" not in compose
    assert "ports" not in compose
    assert int(compose["stop_grace_period"].removesuffix("s")) == GIVEN_SECONDS > STOP_SECONDS


def test_compose_hands_secrets_over_as_files_and_never_in_the_environment() -> None:
    """Every secret that is declared is mounted, and a setting names its file."""
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text())
    compose = service()
    assert set(compose["secrets"]) == set(whole["secrets"])
    named = {v for k, v in compose["environment"].items() if k.endswith("_FILE")}
    assert named == {f"/run/secrets/{name}" for name in whole["secrets"]}
    assert {"BLENDWATCH_DISCORD_WEBHOOK", "HF_TOKEN"} & set(compose["environment"]) == set()


def test_compose_and_the_guide_mount_data_and_a_registry_that_the_image_reads() -> None:
    """What is mounted as the registry is among the folders that BLENDWATCH_REGISTRY names."""
    stage, compose, words = last_stage(), service(), shlex.split(documented_command())
    bind = next(v for v in compose["volumes"] if isinstance(v, dict))
    assert (bind["type"], bind["read_only"]) == ("bind", True)
    read = re.findall(r"BLENDWATCH_REGISTRY=(\S+)", stage["ENV"])
    assert read == [compose["environment"]["BLENDWATCH_REGISTRY"]]
    assert bind["target"] in read[0].split(":")
    assert any(word.endswith(f":{bind['target']}:ro") for word in words)
    assert "data:/data" in compose["volumes"]
    assert "blendwatch:/data" in words


def test_the_guide_runs_it_as_protected_as_it_is_proved() -> None:
    """The command that a newcomer copies has every protection, and the tag that `make image` gives."""
    words = shlex.split(documented_command())
    assert set(HARDENED) <= set(words)
    assert words[-1] == TAG


def test_the_licence_is_the_one_that_the_project_declares() -> None:
    """The full text lies at the top."""
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
