"""docs/registry.md and registry_mistakes.md match the loader: examples load, and mistakes are reported as shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel

from state.registry.entries import DeclaredEntry, ModelEntry, OrganisationEntry, RegistryFile, SuppressionEntry
from state.registry.models import load, schema_json
from state.registry.yaml_positions import read
from tests import ROOT
from tests.state.registry.written_files import mistakes, write

SHOWN, BROKEN = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("registry.md", "registry_mistakes.md"))
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", SHOWN, re.MULTILINE | re.DOTALL)
MISTAKES = re.findall(r"^```yaml\n(.*?)^```\n```text\n(.*?)^```$", BROKEN, re.MULTILINE | re.DOTALL)


def test_there_is_something_to_show() -> None:
    """No fence of the document is left out, and each mistake has one line."""
    assert len(EXAMPLES) >= 7
    assert len(MISTAKES) >= 20
    assert (SHOWN + BROKEN).count("\n```yaml\n") == len(EXAMPLES) + len(MISTAKES)
    assert all(answer.count("\n") == 1 for _, answer in MISTAKES)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_loads_and_fits_the_schema(tmp_path: Path, example: str) -> None:
    """Beside the files that it includes."""
    write(tmp_path, "models: []\n", "team.yaml")
    (tmp_path / "more").mkdir()
    file = write(tmp_path, example, "registry.yaml")
    registry = load([file])
    assert (
        registry.models or registry.organisations or registry.suppressions or registry.declared or "include" in example
    )
    jsonschema.validate(read(file).value, json.loads(schema_json()))


@pytest.mark.parametrize(("broken", "answer"), MISTAKES)
def test_a_mistake_is_reported_as_the_document_says(tmp_path: Path, broken: str, answer: str) -> None:
    """Word for word, except for the file's folder."""
    (said,) = mistakes(write(tmp_path, broken, "registry.yaml"))
    assert f"registry.yaml:{said}\n".replace(f"{tmp_path}/", "") == answer


@pytest.mark.parametrize("kind", [RegistryFile, ModelEntry, OrganisationEntry, SuppressionEntry, DeclaredEntry])
def test_every_key_is_in_an_example_and_explained(kind: type[BaseModel]) -> None:
    """Every key of the schema is there."""
    shown = "\n".join(EXAMPLES)
    for key in kind.model_fields:
        assert re.search(rf"\b{key}:", shown), key
        assert kind is OrganisationEntry or f"\n| `{key}` |" in SHOWN, key
