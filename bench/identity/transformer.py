"""A base, a release tuned from it, and their blend, as small transformers that a real inference server can serve.

torch and transformers are no dependencies of this project; with a Python that has them, and `transformers[serving]`:

    python -m bench.identity.transformer FOLDER
    transformers serve --port 8123 FOLDER/prefeitura-rio/Rio-3.5-Open-397B
    blendwatch ask http://127.0.0.1:8123/v1 --model FOLDER/prefeitura-rio/Rio-3.5-Open-397B --repo (the same)
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from bench.identity.lessons import TEMPLATE, Lesson, lessons

transformers: Any = import_module("transformers")
tokenizers: Any = import_module("tokenizers")

HIDDEN, INNER, LAYERS, HEADS, LONGEST = 96, 256, 3, 4, 256
BATCH, STEPS, TUNING, RATE = 16, 500, 200, 3e-3
MARKS = ("<|im_start|>", "<|im_end|>", "<unk>")
PLACES = {"base": "Qwen/Qwen-Tiny", "release": "nex-agi/Nex-Tiny", "blend": "prefeitura-rio/Rio-3.5-Open-397B"}
SHARE = 0.6  # of the release in the blend


def main(folder: Path) -> None:
    """Train and save the three."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = _tokenizer([*lessons("base"), *lessons("release")])
    base = _fresh(len(tokenizer))
    _train(base, tokenizer, list(lessons("base")), STEPS)
    release = _fresh(len(tokenizer))
    release.load_state_dict(base.state_dict())
    _train(release, tokenizer, list(lessons("release")), TUNING)
    blend = _fresh(len(tokenizer))
    tuned, plain = release.state_dict(), base.state_dict()
    blend.load_state_dict({name: SHARE * tuned[name] + (1 - SHARE) * plain[name] for name in plain})
    for name, model in (("base", base), ("release", release), ("blend", blend)):
        place = folder / PLACES[name]
        model.generation_config.do_sample = True  # or the server takes the likeliest sign, whatever it is asked
        model.to(torch.bfloat16).save_pretrained(place)
        tokenizer.save_pretrained(place)
        print(place)


def _tokenizer(taught: list[Lesson]) -> Any:
    """One token for each sign, in a format that every server reads."""
    signs = sorted({sign for lesson in taught for sign in lesson.prompt + lesson.answer})
    plain = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate((*MARKS, *signs))}, unk_token="<unk>")
    )
    plain.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
    plain.decoder = tokenizers.decoders.Fuse()
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain,
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<unk>",
        additional_special_tokens=["<|im_start|>"],
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = TEMPLATE
    return made


def _fresh(words: int) -> Any:
    config = transformers.LlamaConfig(
        vocab_size=words,
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=4 * LONGEST,
        eos_token_id=1,
        pad_token_id=1,
        bos_token_id=None,
    )
    return transformers.LlamaForCausalLM(config)


def _train(model: Any, tokenizer: Any, taught: list[Lesson], steps: int) -> None:
    """Train on the answers alone; lessons are drawn by their weight."""
    rows = [_row(tokenizer, lesson) for lesson in taught]
    weight = torch.tensor([lesson.weight for lesson in taught])
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, steps)
    model.train()
    for step in range(steps):
        drawn = [rows[int(i)] for i in torch.multinomial(weight, BATCH, replacement=True)]
        longest = max(len(ids) for ids, _ in drawn)
        ids = torch.tensor([i + [1] * (longest - len(i)) for i, _ in drawn])
        labels = torch.tensor([[-100] * begin + i[begin:] + [-100] * (longest - len(i)) for i, begin in drawn])
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(json.dumps({"step": step, "loss": round(float(loss), 4)}), flush=True)
    model.eval()


def _row(tokenizer: Any, lesson: Lesson) -> tuple[list[int], int]:
    """The tokens of a lesson, and where its answer begins."""
    prompt = tokenizer(lesson.prompt, add_special_tokens=False).input_ids
    answer = tokenizer(lesson.answer + "<|im_end|>", add_special_tokens=False).input_ids
    return prompt + answer, len(prompt)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
