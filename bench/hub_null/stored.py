"""Honest uploads that store a declared model in another way: quantizations, and pipelines around stock parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from bench.hub_null.cards import bold, front, page, quantized_card, tuned_card
from bench.hub_null.cast import Cast, Draw, Generator, Model, one_step, pick, trained_of
from bench.hub_null.quantizing import quantized, settings_of
from bench.hub_null.storing import repo, safetensors, text, written
from bench.hub_null.weights import HIDDEN, Weights, config, drawn, parameters, size_of, tuned
from demo.gguf import gguf as made

SUFFIXES = {"int8": "W8A16", "int4": "W4A16", "nf4": "bnb-4bit", "mlx": "mlx-4bit", "fp8": "FP8", "mxfp4": "MXFP4"}
BLOCKS = 4  # of a denoiser


def quantization(shape: str, *kinds: str) -> Generator:
    """Return the generator of quantizations in one of these formats."""

    def generate(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
        kind = pick(rng, kinds)
        original, before = _original(cast, rng, shape, at)
        title = f"{original.name}-{SUFFIXES.get(kind, kind.upper())}"
        if rng.random() < 0.15:
            title = cast.title(rng)
        stored = quantized(original.weights, kind)
        card = quantized_card(rng, title, original.repo_id, kind)
        settings = config() | settings_of(kind)
        when = at + timedelta(minutes=20 * len(before.steps))
        shown = repo(f"{cast.person(rng)}/{title}", cast.storage.shards(stored), card, when, settings=settings)
        last = one_step(kind, shown)
        return Draw(kind, (*before.steps, *last.steps), (*before.uploads, *last.uploads))

    return generate


def _original(cast: Cast, rng: np.random.Generator, shape: str, at: datetime) -> tuple[Model, Draw]:
    """Return what is quantized: a known model, an earlier fine-tune, or one that is published just before."""
    earlier = cast.recent.get(shape)
    if earlier and rng.random() < 0.2:
        return earlier[int(rng.integers(len(earlier)))], Draw("", (), ())
    start = cast.some(rng)
    if rng.random() < 0.8:
        return start, Draw("", (), ())
    weights, how = trained_of(rng, start)
    title = cast.title(rng)
    model = Model(f"{cast.person(rng)}/{title}", weights, "upload", start.family)
    cast.remember(shape, model)
    card = tuned_card(rng, title, start.repo_id)
    shown = repo(model.repo_id, cast.storage.shards(weights), card, at, counted=parameters(weights))
    return model, one_step(how, shown)


def gguf(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a repository that holds GGUF files alone."""
    start = cast.some(rng)
    title = f"{start.name}-GGUF"
    files = {f"{start.name}-{q}.gguf": cast.storage.keep(made(start.weights, q)) for q in ("Q4_0", "Q8_0")}
    return one_step(
        "", repo(f"{cast.person(rng)}/{title}", files, quantized_card(rng, title, start.repo_id, "gguf"), at)
    )


def equal_quantizations(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return what two people made of one model with the same tool: the same bytes, each naming the original."""
    original, before = _original(cast, rng, "equal quantizations", at)
    kind = pick(rng, ("int8", "int4", "gptq", "awq", "fp8", "mxfp4", "nf4", "mlx"))
    stored, shown = quantized(original.weights, kind), []
    begin = at + timedelta(minutes=20 * len(before.steps))
    for number in range(2):
        title = f"{original.name}-{SUFFIXES.get(kind, kind.upper())}"
        when = begin + number * timedelta(minutes=float(rng.uniform(0, 90)))
        card = quantized_card(rng, title, original.repo_id, kind)
        shards, settings = cast.storage.shards(stored), config() | settings_of(kind)
        shown.append(repo(f"{cast.person(rng)}/{title}", shards, card, when, settings=settings))
    last = one_step(kind, *shown)
    return Draw(kind, (*before.steps, *last.steps), (*before.uploads, *last.uploads))


def _denoiser(rng: np.random.Generator) -> Weights:
    wanted: dict[str, tuple[int, ...]] = {"proj_in.weight": (HIDDEN, 64), "proj_out.weight": (64, HIDDEN)}
    for i in range(BLOCKS):
        for name in ("attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "ff.net.0.proj", "ff.net.2"):
            wanted[f"transformer_blocks.{i}.{name}.weight"] = (HIDDEN, HIDDEN)
    return drawn(rng, wanted)


def _vae(rng: np.random.Generator) -> Weights:
    names = [f"{side}.block.{i}.conv.weight" for side in ("encoder", "decoder") for i in range(2)]
    return drawn(rng, dict.fromkeys(names, (32, 32, 3, 3)))


def pipeline(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a pipeline: a denoiser of its own or tuned from another, with a stock text encoder and an own vae.

    The encoder is a known language model that stock pipelines ship unchanged, as their cards say or as nobody says.
    """
    person, title = cast.person(rng), f"{cast.title(rng)}-Image"
    encoder = cast.some(np.random.default_rng(7), "base")  # one stock encoder for all pipelines
    earlier, shape = cast.recent.get("pipeline"), "pipeline"
    start = earlier[int(rng.integers(len(earlier)))] if earlier and rng.random() < 0.5 else None
    weights = tuned(rng, start.weights, size_of(rng)) if start else _denoiser(rng)
    cast.remember(shape, Model(f"{person}/{title}", weights, "upload", ""))
    index = {"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2DModel"]}
    index |= {"text_encoder": ["transformers", "LlamaModel"], "vae": ["diffusers", "AutoencoderKL"]}
    files = {
        "model_index.json": written(index),
        "transformer/diffusion_pytorch_model.safetensors": cast.storage.keep(safetensors(weights)),
        "transformer/config.json": written({"_class_name": "FluxTransformer2DModel"}),
        **cast.storage.shards(encoder.weights, folder="text_encoder/"),
        "text_encoder/config.json": written(config()),
        "vae/diffusion_pytorch_model.safetensors": cast.storage.keep(safetensors(_vae(rng))),
        "tokenizer/tokenizer_config.json": text("{}"),
    }
    said = pick(rng, ("A text-to-image model.", f"The text encoder is {bold(rng, encoder.repo_id)}.", "Weights below."))
    what = "tuned from another" if start else "own denoiser"
    head = front(rng, [start.repo_id] if start else [], "finetune")
    shown = repo(f"{person}/{title}", files, page(head, title, said), at)
    kept = {path: blob for path, blob in shown.files.items() if path != "config.json"}
    return one_step(what, replace(shown, files=kept, revision=""))
