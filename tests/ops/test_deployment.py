"""The files that run a watch: the systemd unit, the Kubernetes manifests, the alerting rules, the release."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config.settings import Settings
from bot.watch.schedule import STOP_SECONDS
from ops.container.build import TAG
from ops.container.container import UID

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "ops" / "systemd" / "blendwatch.service"
MANIFESTS = ROOT / "ops" / "kubernetes"
RULES = ROOT / "ops" / "prometheus"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"


def ran(*command: str, **env: str) -> str:
    """Run a tool; returns what it printed, and fails where it fails."""
    done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here: Debian's systemd")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Not a word about it, and its exposure is what systemd calls OK."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/blendwatch/bin/blendwatch", sys.executable))
    assert ran("systemd-analyze", "verify", str(copy)) == ""
    ran("systemd-analyze", "security", "--offline=true", "--threshold=20", str(copy))


def test_the_unit_sets_what_there_is() -> None:
    """Every variable is a setting's or the Hub client's, and a pass has time to end."""
    text = UNIT.read_text()
    named = {name.removesuffix("_FILE") for name in re.findall(r"\b((?:BLENDWATCH|HF)_[A-Z_]+)=", text)}
    assert named - set(Settings.names().variables.values()) == {"HF_HOME"}
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0]) > STOP_SECONDS


def manifests() -> dict[str, Any]:
    """Return the manifests by kind, and by name where there are two."""
    found = [each for file in sorted(MANIFESTS.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]
    return {f"{each['kind']} {each['metadata']['name']}": each for each in found}


def test_the_manifests_are_of_their_kinds() -> None:
    """By the schemas of Kubernetes; no field is unknown."""
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not here: 108 MB of schemas")
    for each in manifests().values():
        validate.validate(each, "1.33", strict=True)


def test_the_pod_is_the_image_as_it_is_proved() -> None:
    """The same tag, user and protection; what it mounts is there, and what it sets is a setting."""
    found = manifests()
    pod = found["StatefulSet blendwatch"]["spec"]["template"]["spec"]
    (watch,) = pod["containers"]
    assert watch["image"] == TAG
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["fsGroup"]) == (UID, UID)
    assert watch["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["terminationGracePeriodSeconds"] > STOP_SECONDS
    claims = {each["metadata"]["name"] for each in found["StatefulSet blendwatch"]["spec"]["volumeClaimTemplates"]}
    assert {each["name"] for each in watch["volumeMounts"]} == claims | {each["name"] for each in pod["volumes"]}
    settings = tomllib.loads(found["ConfigMap blendwatch"]["data"]["blendwatch.toml"])
    assert {name.removesuffix("_file") for name in settings} <= set(Settings.model_fields)
    assert settings["http_port"] == watch["ports"][0]["containerPort"]
    secrets = {path.rpartition("/")[0] for name, path in settings.items() if name.endswith("_file")}
    assert secrets <= {each["mountPath"] for each in watch["volumeMounts"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert f'"{watch[probe]["httpGet"]["path"]}"' in (ROOT / "bot" / "health" / "http_server.py").read_text()


def test_a_survey_runs_on_the_same_image() -> None:
    """As the same user, with a root that is read-only, beside the scheduler that its command names."""
    found = manifests()
    service = found["Service blendwatch-survey"]["metadata"]["name"]
    for role in ("scheduler", "worker"):
        pod = found[f"Deployment blendwatch-survey-{role}"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert (container["image"], pod["securityContext"]["runAsUser"]) == (TAG, UID)
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert container["command"][-1] == f"tcp://{service}:8786"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here: Debian's prometheus")
def test_each_alerting_rule_fires_when_it_should() -> None:
    """By Prometheus' own tool, and not for a watch that goes on."""
    assert "8 rules found" in ran("promtool", "check", "rules", str(RULES / "alerts.yml"))
    assert "SUCCESS" in ran("promtool", "test", "rules", str(RULES / "alerts_test.yml"))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here: Debian's prometheus")
def test_every_query_of_the_dashboard_is_one_that_prometheus_reads(tmp_path: Path) -> None:
    """Each panel's queries as rules that record them; none needs a variable of Grafana's."""
    board = json.loads((ROOT / "ops" / "grafana" / "blendwatch.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(queries)} rules found" in ran("promtool", "check", "rules", str(tmp_path / "rules.yml"))
    assert [query for query in queries if "$" in query] == []


def test_every_alerting_rule_has_a_case_in_which_it_fires() -> None:
    """Else a rule that never fires would pass."""
    (group,) = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    cases = (RULES / "alerts_test.yml").read_text()
    assert [rule["alert"] for rule in group["rules"] if not re.search(rf"\b{rule['alert']}\b", cases)] == []


def test_the_release_calls_what_there_is() -> None:
    """Its commands are ours, its image is for two kinds of processors, and it says that it was not run here."""
    text = RELEASE.read_text()
    assert text.startswith("# Not run here")
    jobs = yaml.safe_load(text)["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    modules = {name for step in steps for name in re.findall(r"-m ([\w.]+)", step.get("run", ""))}
    assert modules == {"ops.first_hour", "ops.package"}
    assert all((ROOT / f"{name.replace('.', '/')}.py").exists() for name in modules)
    (image,) = [step["with"] for step in steps if "build-push-action" in step.get("uses", "")]
    assert image["platforms"] == "linux/amd64,linux/arm64"
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
