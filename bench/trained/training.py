"""Training of the tiny models with PyTorch: next token, distillation, preferences, rewards, low rank.

The master weights start from stored bfloat16 and are float32, or bfloat16; a checkpoint is what would be stored. After
Hu et al. 2021 (LoRA; with A frozen, Zhang et al. 2023), Rafailov et al. 2023 (DPO), Agarwal et al. 2024 (on-policy
distillation), Shao et al. 2024 (rewards held against those of the group).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.trained.corpus import Corpus, Tokens
from bench.trained.folder import Weights
from bench.trained.networks import Tensors, logits
from bench.trained.recipes import Lora, Part, Run
from bench.trained.shapes import BF16

BASE_BATCH = 8
PROMPT, DRAWN, REDRAW = 24, 32, 25  # tokens of a prompt and of the student's answer; steps between two draws
BETA = 0.1  # of the preference loss
LORA_SCALE = 2.0  # alpha / rank


def single_threaded() -> None:
    """Use one core, so that sums come in one order and the models are the same each time."""
    torch.set_num_threads(1)


def to_tensors(weights: Weights) -> dict[str, Tensor]:
    """Return stored weights as float32 tensors."""
    return {n: torch.from_numpy(w.astype(np.float32)) for n, w in weights.items()}


def to_stored(tensors: Tensors) -> Weights:
    """Return the weights as they would be stored."""
    return {n: t.detach().numpy().astype(BF16) for n, t in tensors.items()}


class Student:
    """The weights under training: all, some, or low-rank adapters on frozen ones."""

    def __init__(self, start: Weights, run: Run) -> None:
        self.frozen = to_tensors(start)
        self.lora = run.lora
        self.down: dict[str, Tensor] = {}
        if run.lora:
            names = [n for n in self.frozen if re.search(r"_proj", n)]
            self.down = {n: _frozen_a(run.lora, i, self.frozen[n]) for i, n in enumerate(names)}
            self.trained = {n: torch.zeros(len(self.frozen[n]), run.lora.rank) for n in names}
        else:
            self.trained = {n: t.clone() for n, t in self.frozen.items() if re.search(run.only, n)}
        for tensor in self.trained.values():
            tensor.requires_grad_()

    def weights(self) -> Tensors:
        """Return the weights as they are used, low-rank ones merged."""
        if not self.lora:
            return {**self.frozen, **self.trained}
        return self.frozen | {n: self.frozen[n] + LORA_SCALE * b @ self.down[n] for n, b in self.trained.items()}

    def round(self) -> None:
        """Round what is trained to bfloat16."""
        with torch.no_grad():
            for tensor in self.trained.values():
                tensor.copy_(tensor.bfloat16())

    def optimizer(self, run: Run) -> Any:
        """Return what steps: AdamW, or plain descent with momentum."""
        if run.momentum_only:
            return torch.optim.SGD(self.trained.values(), lr=run.lr, momentum=0.9)
        return torch.optim.AdamW(self.trained.values(), lr=run.lr, weight_decay=0.01, fused=True)


def _frozen_a(lora: Lora, number: int, weight: Tensor) -> Tensor:
    rng = np.random.default_rng((lora.seed, number))
    bound = math.sqrt(3.0 / weight.shape[1])
    return torch.from_numpy(rng.uniform(-bound, bound, (lora.rank, weight.shape[1])).astype(np.float32))


def train(run: Run, keep: set[int], start: Weights, teachers: Sequence[Weights], corpus: Corpus) -> dict[int, Weights]:
    """Train and return the stored weights after each of the steps to keep (0 is the start)."""
    student = Student(start, run)
    masters = [to_tensors(t) for t in teachers]
    optimizer = student.optimizer(run)
    batches = (
        _on_policy(run, student, corpus) if run.method in ("distil on policy", "reward") else _batches(run, corpus)
    )
    kept = {}
    for step in range(max(keep) + 1):
        if step in keep:
            kept[step] = to_stored(student.weights())
        if step == max(keep):
            break
        for group in optimizer.param_groups:
            group["lr"] = run.lr * (1.0 if run.constant else _schedule(step, run.steps))
        loss = _loss(run, student.weights(), masters, torch.from_numpy(next(batches)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.trained.values(), 1.0)
        optimizer.step()
        if run.stored_master:
            student.round()
    return kept


def _schedule(step: int, steps: int) -> float:
    warm = max(steps // 20, 1)
    return min((step + 1) / warm, 0.55 + 0.45 * math.cos(math.pi * step / steps))


def pretrain(start: Weights, tokens: Tokens, *, steps: int, seed: int, window: int, lr: float = 2e-3) -> Weights:
    """Train the base on random windows of a stream of tokens; float32 master weights, stored at the end."""
    rng = np.random.default_rng(seed)
    student = Student(start, Run((), seed, lr))
    optimizer = student.optimizer(Run((), seed, lr))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * _schedule(step, steps)
        begins = rng.integers(0, len(tokens) - window, BASE_BATCH)
        loss = _next_token(student.weights(), torch.from_numpy(np.stack([tokens[b : b + window] for b in begins])))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.trained.values(), 1.0)
        optimizer.step()
    return to_stored(student.weights())


def next_token_loss(weights: Weights, examples: Tokens) -> float:
    """Return the mean negative log-likelihood of a token, in nats."""
    with torch.no_grad():
        return float(_next_token(to_tensors(weights), torch.from_numpy(examples)))


def _examples(parts: Sequence[Part], corpus: Corpus) -> Tokens:
    return np.concatenate([corpus.halves[p.domain][p.half][: p.count] for p in parts])


def _order(examples: Tokens, seed: int, batch: int) -> Iterator[Tokens]:
    """Yield batches for ever, in an order of the seed's own in each epoch."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(examples))
        yield from (examples[order[i : i + batch]] for i in range(0, len(order) - batch + 1, batch))


def _batches(run: Run, corpus: Corpus) -> Iterator[Tokens]:
    if not run.side_by_side:
        yield from _order(_examples(run.data, corpus), run.seed, run.batch)
    streams = [_order(_examples([p], corpus), run.seed, run.batch) for p in run.data]
    while True:
        yield np.concatenate([next(s) for s in streams])


def _on_policy(run: Run, student: Student, corpus: Corpus) -> Iterator[Tokens]:
    """Yield batches of prompts continued by the student itself, drawn anew every few steps."""
    generator = torch.Generator().manual_seed(run.seed)
    for batch in _order(_examples(run.data, corpus), run.seed, run.batch):
        ids = torch.from_numpy(np.concatenate([batch] * 5))[:, :PROMPT]
        with torch.no_grad():
            weights = student.weights()
            for _ in range(DRAWN):
                chances = logits(weights, ids)[:, -1].softmax(-1)
                ids = torch.cat((ids, torch.multinomial(chances, 1, generator=generator)), 1)
        for _ in range(REDRAW):
            yield ids[torch.randperm(len(ids), generator=generator)[: 2 * run.batch]].numpy()


def _loss(run: Run, w: Tensors, masters: Sequence[Tensors], batch: Tensor) -> Tensor:
    if run.method == "preference":
        return _preference(w, masters[0], batch)
    if run.method == "next token":
        return _next_token(w, batch)
    if run.method == "reward":
        return _reward(w, batch)
    with torch.no_grad():
        taught = torch.stack([logits(m, batch).log_softmax(-1) for m in masters]).logsumexp(0) - math.log(len(masters))
    mine = logits(w, batch).log_softmax(-1)
    if run.method == "distil":
        return functional.kl_div(mine, taught, log_target=True, reduction="sum") / batch.numel()
    return functional.kl_div(taught, mine, log_target=True, reduction="sum") / batch.numel()


def _next_token(w: Tensors, batch: Tensor) -> Tensor:
    return functional.cross_entropy(logits(w, batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def _preference(w: Tensors, reference: Tensors, batch: Tensor) -> Tensor:
    """Prefer each prompt's own continuation to the next example's."""
    swapped = torch.cat((batch[:, :PROMPT], batch.roll(1, 0)[:, PROMPT:]), 1)
    both = torch.cat((batch, swapped))
    with torch.no_grad():
        start = _likelihood(reference, both)
    good, bad = (_likelihood(w, both) - start).chunk(2)
    return -functional.logsigmoid(BETA * (good - bad)).mean()


def _reward(w: Tensors, batch: Tensor) -> Tensor:
    """Reward answers by how few of their tokens repeat an earlier one, held against the others of the batch."""
    answers = batch[:, PROMPT:]
    reward = torch.tensor([len(set(a.tolist())) / len(a) for a in answers])
    advantage = (reward - reward.mean()) / (reward.std() + 1e-4)
    return -(advantage * _likelihood(w, batch)).mean() / answers.shape[1]


def _likelihood(w: Tensors, batch: Tensor) -> Tensor:
    chosen = logits(w, batch[:, :-1]).log_softmax(-1).gather(-1, batch[:, 1:, None])[..., 0]
    return chosen[:, PROMPT - 1 :].sum(-1)
