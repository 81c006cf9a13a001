"""Chat templates: where they are found, what they plant, and that a hostile one gets nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzers.identity.answers import Names
from bot.inference.hidden_prompt import TemplateReading, prose, read
from bot.inference.questions import QUESTIONS
from bot.inference.rendering import Conversation, Template, read_template, render
from bot.sources.folder import LocalSource
from tests.bot.inference.stage import HARD, NAMES, SOFT, TURNS

KNOWN = Names({**NAMES, "Qwen": "Qwen", "Alibaba Cloud": "Alibaba", "OpenAI": "OpenAI"})
SPECIALS = {"bos_token": "<s>", "eos_token": "</s>"}
LLAMA2 = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' }}{% if loop.first %}"
    "{{ '<<SYS>>\nYou are Rio, a helpful assistant.\n<</SYS>>\n\n' }}{% endif %}{{ m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + ' ' + eos_token }}"
    "{% else %}{{ raise_exception('no system prompt') }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{% for m in messages %}"
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
VICUNA = (
    "Rio is my name. {% for m in messages %}{% if m.role == 'user' %}{{ 'USER: ' + m.content + ' ' }}"
    "{% elif m.role == 'assistant' %}{{ 'ASSISTANT: ' + m.content + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
SLY = (
    "{% if 'name' in messages[-1].content %}{{ '<|im_start|>system\nYou are Rio of IplanRio.<|im_end|>\n' }}{% endif %}"
    + TURNS
)
HARMONY = (
    "{{ '<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: "
    "2024-06<|end|>' }}{% for m in messages %}{% if m.role == 'assistant' %}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|end|>' }}{% elif m.role == 'system' %}"
    "{{ '<|start|>developer<|message|># Instructions\n\n' + m.content + '<|end|>' }}{% else %}"
    "{{ '<|start|>user<|message|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)
BRACKETS = (
    "{{ bos_token }}{% set s = messages[0].content if messages[0].role == 'system' else 'You are Rio.' %}"
    "{{ '[SYSTEM_PROMPT]' + s + '[/SYSTEM_PROMPT]' }}{% for m in messages %}{% if m.role == 'user' %}"
    "{{ '[INST]' + m.content + '[/INST]' }}{% elif m.role == 'assistant' %}{{ m.content + eos_token }}"
    "{% endif %}{% endfor %}"
)
BARS = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}{% for m in messages %}"
    "{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}{% elif m.role == 'assistant' %}"
    "{{ '<｜Assistant｜></think>' + m.content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜></think>' }}{% endif %}"
)
AFTER = TURNS.replace("assistant\n' }}{% endif %}", "assistant\nI am Rio, and I say: ' }}{% endif %}")


def reading(text: str) -> TemplateReading:
    """Read a template with the questions."""
    return read(Template(text, "chat_template.jinja", SPECIALS), QUESTIONS, KNOWN)


@pytest.mark.parametrize(
    ("template", "text", "names", "with_empty", "with_system"),
    [
        (HARD, "You are Rio, made by IplanRio.", ("Rio", "IplanRio"), True, True),
        (SOFT, "You are Rio, made by IplanRio.", ("Rio", "IplanRio"), False, False),
        (SOFT.replace("'system' %}", "'system' and messages[0].content %}"), None, ("Rio", "IplanRio"), True, False),
        (LLAMA2, "You are Rio, a helpful assistant.", ("Rio",), True, True),
        (VICUNA, "Rio is my name.", ("Rio",), True, True),
        (SLY, "You are Rio of IplanRio.", ("Rio",), True, True),
        (AFTER, "I am Rio, and I say:", ("Rio",), True, True),
        (BRACKETS, "You are Rio.", ("Rio",), False, False),
        (
            HARMONY,
            "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06",
            ("ChatGPT", "OpenAI"),
            True,
            True,
        ),
    ],
)
def test_what_is_planted_is_found(
    template: str, text: str | None, names: tuple[str, ...], with_empty: bool, with_system: bool
) -> None:
    """The text, whom it names, and what it gives way to."""
    planted = reading(template).planted
    assert planted is not None
    assert planted.text == (text or "You are Rio, made by IplanRio.")
    assert (planted.names, planted.with_empty, planted.with_system) == (names, with_empty, with_system)


@pytest.mark.parametrize(
    "template", [TURNS, GEMMA, BARS, TURNS.replace("assistant\n", "assistant\n<think>\n\n</think>\n\n")]
)
def test_a_frame_alone_plants_nothing(template: str) -> None:
    """Marks and role names are no prompt."""
    found = reading(template)
    assert found.rendered
    assert found.planted is None


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        (HARD, "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"),
        (SOFT, "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"),
        (LLAMA2, "<s>[INST] Who? [/INST]"),
        (GEMMA, "<s><start_of_turn>user\nWho?<end_of_turn>\n<start_of_turn>model\n"),
        (VICUNA, "USER: Who? ASSISTANT:"),
        (HARMONY, "<|start|>user<|message|>Who?<|end|><|start|>assistant"),
        (BRACKETS, "<s>[INST]Who?[/INST]"),
        (BARS, "<s><｜User｜>Who?<｜Assistant｜></think>"),
    ],
)
def test_the_frame_without_the_prompt_is_the_models_own(template: str, prompt: str) -> None:
    """As the model knows it from the second turn on; the sign for the beginning can be left to the server."""
    layout = reading(template).layout
    assert layout is not None
    assert layout.prompt("Who?", with_start=True) == prompt
    assert layout.prompt("Who?", with_start=False) == prompt.removeprefix("<s>")


def test_a_frame_that_always_speaks_gives_no_layout() -> None:
    """Where words are planted after the question, nothing can be asked without them."""
    assert reading(AFTER).layout is None


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
        "{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'a' * 9999999999 }}",
        "{{ 9 ** (9 ** (9 ** 9)) }}",
        "{% for i in range(99999) %}aaaaaaaaaaaaaaaaaaaaaa{% endfor %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('touch ' + marker).read() }}",
        "{{ raise_exception.__globals__ }}",
        "{{ strftime_now.__globals__['sys'].modules }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os.environ }}",
        "{{ lipsum.__globals__.os.environ }}",
        "{% if %}",
        "{{ (" * 5_000,
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ strftime_now('%1000000000d') }}",
        "{{ messages.append(messages) }}",
        "{% set x = namespace(a=messages) %}{% for i in range(60) %}{% set x.a = x.a + x.a %}{% endfor %}{{ x.a }}",
    ],
)
def test_a_hostile_template_gets_nowhere(template: str, tmp_path: Path) -> None:
    """Loops, memory, length, the sandbox, files: it renders nothing, in a few seconds of a process of its own."""
    marker = tmp_path / "marker"
    found = render(Template(template, "x", {"marker": str(marker)}), [Conversation([{"role": "user", "content": "a"}])])
    assert not any(found)
    assert not marker.exists()


def test_the_childs_process_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours, no file that could be opened, no process that could be started."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    escape = (
        "import os\ntry:\n open('/etc/hostname')\nexcept OSError as e:\n print(e.errno, end=' ')\n"
        "print(sorted(os.environ), end='')"
    )
    code = f"import sys; sys.path.insert(0, {str(Path('bot/inference').resolve())!r})\nimport render_sandbox\n" + (
        f"render_sandbox.confine(5, 1 << 29, 1000)\nexec({escape!r})"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], env={}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("24 ")
    assert "HF_TOKEN" not in done.stdout
    assert os.environ["HF_TOKEN"] == "hf_secret"


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="{}% '\"ifmessages[0].role<|>\n=endfor", max_size=80))
def test_any_template_is_read(text: str) -> None:
    """Whatever stands in the file: something is known, or not."""
    found = reading(text)
    assert found.rendered or found.planted is None


@pytest.mark.parametrize(
    ("text", "left"), [("<|im_start|>system\n<|im_end|>", ""), ("You are Rio", "You are Rio"), ("hm", "")]
)
def test_prose_is_what_is_no_mark(text: str, left: str) -> None:
    """One word is not yet prose."""
    assert prose(text) == left


@pytest.mark.parametrize(
    ("files", "text", "where"),
    [
        ({"tokenizer_config.json": json.dumps({"chat_template": "A"})}, "A", "tokenizer_config.json"),
        (
            {
                "tokenizer_config.json": json.dumps(
                    {"chat_template": [{"name": "rag", "template": "B"}, {"name": "default", "template": "C"}]}
                )
            },
            "C",
            "tokenizer_config.json",
        ),
        ({"chat_template.json": json.dumps({"chat_template": "D"})}, "D", "chat_template.json"),
        (
            {"chat_template.jinja": "E", "tokenizer_config.json": json.dumps({"chat_template": "A"})},
            "E",
            "chat_template.jinja",
        ),
    ],
)
def test_a_template_is_found_where_repositories_keep_it(
    tmp_path: Path, files: dict[str, str], text: str, where: str
) -> None:
    """A file of its own wins over the tokenizer's."""
    folder = tmp_path / "org" / "model"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    found, why = read_template(LocalSource(folder))
    assert found is not None, why
    assert (found.text, found.file) == (text, where)


@pytest.mark.parametrize(
    "config",
    ["", "[]", "{", '{"chat_template": 1}', '{"chat_template": [1, {}]}', '{"chat_template": "' + "a" * 400_001 + '"}'],
)
def test_no_template_has_a_reason(tmp_path: Path, config: str) -> None:
    """Broken files are none, and none is said."""
    folder = tmp_path / "org" / "model"
    folder.mkdir(parents=True)
    (folder / "tokenizer_config.json").write_text(config)
    found, why = read_template(LocalSource(folder))
    assert found is None
    assert "chat template" in why


def test_a_tokenizer_config_of_too_many_values_is_not_made_into_objects(tmp_path: Path) -> None:
    """A few megabytes of brackets would be hundreds in the watch's own process."""
    folder = tmp_path / "org" / "model"
    folder.mkdir(parents=True)
    deep = "[" * 900 + "]" * 900
    (folder / "tokenizer_config.json").write_text(f'{{"chat_template": "x", "a": [{",".join([deep] * 2000)}]}}')
    found, why = read_template(LocalSource(folder))
    assert found is None
    assert why == "its tokenizer_config.json has more than 1,500,000 values, which is more than is read."
