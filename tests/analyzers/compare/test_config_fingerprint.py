"""A config's fingerprint orders known models, and never hides one."""

from __future__ import annotations

import pytest

from analyzers.compare.config_fingerprint import fingerprint
from analyzers.errors import MalformedConfig
from demo.models import CONFIG


def test_a_nested_config_is_found() -> None:
    """A multimodal wrapper keeps the language model's numbers inside, and they are the same."""
    plain = fingerprint(CONFIG)
    for wrapper in ("text_config", "llm_config", "language_config", "thinker_config"):
        nested = fingerprint({"model_type": "wrapped", wrapper: CONFIG, "vision_config": {"hidden_size": 7}})
        assert nested == plain


@pytest.mark.parametrize("config", [[], [CONFIG], "text", 7, None, True], ids=str)
def test_a_config_is_an_object(config: object) -> None:
    """Anything but a JSON object is malformed."""
    with pytest.raises(MalformedConfig, match=r"config\.json is a"):
        fingerprint(config)


def test_a_changed_model_type_only_orders() -> None:
    """A changed model_type is one difference among others; the rest still compares."""
    assert fingerprint(CONFIG).differs(fingerprint(CONFIG | {"model_type": "novel"})) == ("model_type",)


def test_names_and_versions_do_not_count() -> None:
    """What can be edited freely changes nothing."""
    edited = CONFIG | {"_name_or_path": "x/y", "transformers_version": "9", "architectures": ["NovelForCausalLM"]}
    assert fingerprint(edited) == fingerprint(CONFIG)


def test_families_own_names_are_one() -> None:
    """Each quantity has one name, whatever a family calls it."""
    other = {"model_type": "llama", "n_embd": 128, "n_layer": 4, "n_head": 4, "n_kv_heads": 4, "vocab_size": 512}
    assert fingerprint(other).differs(fingerprint(CONFIG)) == ("intermediate_size",)


def test_an_empty_config_has_a_fingerprint() -> None:
    """A config that says nothing differs from others in all they say."""
    assert fingerprint({}).fields == ()
    assert fingerprint({}).differs(fingerprint({"hidden_size": 1, "vocab_size": 2})) == ("hidden_size", "vocab_size")


def test_hostile_values_are_bounded() -> None:
    """Values of another kind are passed over, and endless ones cut short."""
    found = fingerprint({"hidden_size": [1], "model_type": "x" * 10_000, "text_config": [], "vocab_size": None})
    assert found.fields == (("model_type", "x" * 64),)
