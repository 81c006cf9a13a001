"""A card that a tool wrote is not finished; one with a parent or a sentence of the author's is."""

from __future__ import annotations

import pytest

from analyzers.card.reader import read_card
from analyzers.card.template import is_finished

STUB = """---
library_name: transformers
tags: []
---

# Model Card for Model ID

<!-- Provide a quick summary of what the model is/does. -->

## Model Details

This is the model card of a 🤗 transformers model that has been pushed on the Hub. It was automatically generated.

- **Developed by:** [More Information Needed]
- **Finetuned from model [optional]:** [More Information Needed]

Users should be made aware of the risks, biases and limitations of the model. More information needed for the rest.

Use the code below to get started with the model.

```python
pipe = pipeline("text-generation")
```
"""
TRAINER = """---
library_name: transformers
tags: [generated_from_trainer]
---
# out

This model is a fine-tuned version of [](https://huggingface.co/) on an unknown dataset.
It achieves the following results on the evaluation set:
- Loss: 1.21

The following hyperparameters were used during training:
- learning_rate: 5e-05
"""


@pytest.mark.parametrize(
    "text",
    ["", "---\nlicense: mit\n---\n", "# Ours\n", STUB, TRAINER, "---\ntags: [text]\n---\n# A Name\n\n![](a.png)\n"],
)
def test_what_a_tool_wrote_is_not_finished(text: str) -> None:
    """Empty cards, bare titles and templates say nothing of the author's."""
    assert not is_finished(read_card(text))


@pytest.mark.parametrize(
    "text",
    [
        f"{STUB}\nWe trained this at home.\n",
        TRAINER.replace("[](https://huggingface.co/)", "[a/Base-7B](https://huggingface.co/a/Base-7B)"),
        "---\nbase_model: a/Base-7B\n---\n",
        "# Ours\nPost-trained by our own team.\n",
        "# 我们\n由我们自己的团队完成后训练。\n",
        "# Unser\nVon uns trainiert.\n",
    ],
)
def test_the_authors_own_words_finish_it(text: str) -> None:
    """One sentence or one parent is enough, in any language."""
    assert is_finished(read_card(text))


def test_a_parent_that_only_a_tag_has_is_enough() -> None:
    """The Hub's tags count as the author's."""
    assert is_finished(read_card("", ["base_model:a/Base-7B"]))
