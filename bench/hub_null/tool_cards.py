"""Cards that training and merging tools write by themselves, in the shapes of their templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from bench.hub_null.cards import link, page


def _front(base: str, library: str, tags: tuple[str, ...]) -> str:
    lines = ["---", f"library_name: {library}", f"base_model: {base}", "tags:", *(f"- {t}" for t in tags)]
    return "\n".join([*lines, "---", "", ""])


def _trainer(rng: np.random.Generator, title: str, base: str) -> str:
    rate = f"{rng.uniform(1e-6, 3e-4):.1e}"
    return page(
        _front(base, "transformers", ("generated_from_trainer",)) + "<!-- Generated automatically. -->\n\n",
        title,
        f"This model is a fine-tuned version of [{base}](https://huggingface.co/{base}) on the None dataset.",
        f"It achieves the following results on the evaluation set:\n- Loss: {rng.uniform(0.4, 2):.4f}",
        "## Model description\n\nMore information needed",
        f"## Training procedure\n\n- learning_rate: {rate}\n- seed: 42\n- num_epochs: 3",
    )


def _unsloth(_: np.random.Generator, title: str, base: str) -> str:
    return page(
        _front(base, "transformers", ("text-generation-inference", "unsloth", "llama", "trl")),
        "Uploaded model",
        f"- **Developed by:** {title}\n- **License:** apache-2.0\n- **Finetuned from model :** {base}",
        "This llama model was trained 2x faster with [Unsloth](https://github.com/unslothai/unsloth) and TRL.",
    )


def _axolotl(rng: np.random.Generator, title: str, base: str) -> str:
    recipe = f"base_model: {base}\nload_in_8bit: false\ndatasets:\n  - path: people/instructions\n    type: alpaca"
    see = "<details><summary>See axolotl config</summary>"
    return page(
        "---\nlibrary_name: peft\ntags:\n- axolotl\n---\n\n"
        if rng.random() < 0.3
        else _front(base, "peft", ("axolotl",)),
        title,
        f"{see}\n\naxolotl version: `0.9.2`\n```yaml\n{recipe}\nlearning_rate: 0.0002\n```\n\n</details>",
        f"This model is a fine-tuned version of {link(base)} on the people/instructions dataset.",
    )


def _llama_factory(rng: np.random.Generator, title: str, base: str) -> str:
    head = _front(base, "transformers", ("llama-factory", "full", "generated_from_trainer"))
    return page(
        head.replace("---\n", "---\nlicense: other\n", 1),
        title,
        f"This model is a fine-tuned version of [{base}](https://huggingface.co/{base}) on the identity dataset.",
        f"### Training hyperparameters\n\n- learning_rate: 1e-05\n- train_batch_size: {int(rng.integers(1, 9))}",
    )


def _autotrain(_: np.random.Generator, title: str, base: str) -> str:
    return page(
        _front(base, "transformers", ("autotrain", "text-generation-inference", "text-generation")),
        "Model Trained Using AutoTrain",
        "This model was trained using AutoTrain.",
        f'# Usage\n\n```python\nmodel_path = "{title}"\n```',
    )


def _trl(_: np.random.Generator, title: str, base: str) -> str:
    return page(
        _front(base, "transformers", ("generated_from_trainer", "trl", "sft")),
        f"Model Card for {title}",
        f"This model is a fine-tuned version of [{base}](https://huggingface.co/{base}).\n"
        "It has been trained using [TRL](https://github.com/huggingface/trl).",
        "## Training procedure\n\nThis model was trained with SFT.",
    )


TOOLS: Mapping[str, Callable[[np.random.Generator, str, str], str]] = {
    "Trainer": _trainer,
    "Unsloth": _unsloth,
    "axolotl": _axolotl,
    "LLaMA-Factory": _llama_factory,
    "AutoTrain": _autotrain,
    "TRL": _trl,
}


def mergekit_card(title: str, method: str, recipe: str, parents: list[str], base: str) -> str:
    """Return the card that mergekit writes."""
    listed = "\n".join(f"* [{p}](https://huggingface.co/{p})" for p in parents)
    named = "\n".join(f"- {p}" for p in dict.fromkeys((base, *parents)) if p)
    using = f" using [{base}](https://huggingface.co/{base}) as a base" if base else ""
    return page(
        f"---\nbase_model:\n{named}\nlibrary_name: transformers\ntags:\n- mergekit\n- merge\n---\n",
        title,
        "This is a merge of pre-trained language models created using [mergekit](https://github.com/cg123/mergekit).",
        f"## Merge Details\n### Merge Method\n\nThis model was merged using the {method} merge method{using}.",
        f"### Models Merged\n\nThe following models were included in the merge:\n{listed}",
        f"### Configuration\n\nThe following YAML configuration was used to produce it:\n\n```yaml\n{recipe}```",
    )
