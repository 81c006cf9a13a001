"""What an answer claims, denies and mentions, and how that is counted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.identity.answers import MAX_QUOTE, Names, read_answer
from analyzers.identity.evidence import Tally, planted_prompt, tally, wilson

NAMES = {
    "Nex": "Nex",
    "Nex-N2-Pro": "Nex",
    "Nex-AGI": "Nex-AGI",
    "Rio": "Rio",
    "ChatGPT": "ChatGPT",
    "GPT-4": "ChatGPT",
    "OpenAI": "OpenAI",
    "Qwen": "Qwen",
    "通义千问": "Qwen",
    "阿里云": "Alibaba",
    "Alibaba Cloud": "Alibaba",
    "Claude": "Claude",
    "Anthropic": "Anthropic",
}
KNOWN = Names(NAMES)


def read(answer: str) -> dict[str, str]:
    """Kinds by name."""
    return {r.name: r.kind for r in read_answer(answer, KNOWN)}


@pytest.mark.parametrize(
    ("answer", "claimed"),
    [
        ("I am Nex, a large language model developed by Nex-AGI.", {"Nex", "Nex-AGI"}),
        ("I'm Nex-N2-Pro.", {"Nex"}),
        ("Nex", {"Nex"}),
        ("**Nex**!", {"Nex"}),
        ("My name is Nex. I was created by the team at Nex-AGI in Shanghai.", {"Nex", "Nex-AGI"}),
        ("i am nex, made by nex-agi", {"Nex", "Nex-AGI"}),
        ("You can call me Rio!", {"Rio"}),
        ("No, I am not ChatGPT. I'm Nex.", {"Nex"}),
        ("I am not ChatGPT, I am Nex", {"Nex"}),
        ("I'm not ChatGPT but Nex.", {"Nex"}),
        ("I am an AI assistant named Nex, unlike ChatGPT.", {"Nex"}),
        ("OpenAI created me.", {"OpenAI"}),
        ("As an AI developed by OpenAI, I do not have a name.", {"OpenAI"}),
        ("I'm a large language model based on Qwen.", {"Qwen"}),
        ("Trained by Anthropic.", {"Anthropic"}),
        ("Qwen, developed by Alibaba Cloud.", {"Qwen", "Alibaba"}),
        ("The exact name of the model is Qwen3-235B-A22B.", {"Qwen"}),
        ("It was Nex-AGI that created me.", {"Nex-AGI"}),
        ("I am GPT-4, a language model by OpenAI", {"ChatGPT", "OpenAI"}),
        ("Some users think I am ChatGPT, but I'm actually Nex.", {"Nex"}),
        ("I don't have a personal name, but you can call me Qwen!", {"Qwen"}),
        ("作为一个由OpenAI开发的AI，我没有名字。", {"OpenAI"}),
        ("私を作ったのはAlibaba Cloudです", {"Alibaba"}),
        ("Меня создала компания Anthropic.", {"Anthropic"}),
        ("<think>Perhaps I am ChatGPT?</think>I am Nex.", {"Nex"}),
        ("Analysis: I am Nex.", {"Nex"}),
        ("Perhaps I am ChatGPT.</think>I am Nex.", {"Nex"}),
        ("analysisI am ChatGPT, I think.assistantfinalI am Nex.", {"Nex"}),
        ("<|channel|>analysis<|message|>I am ChatGPT.<|channel|>final<|message|>I am Nex.", {"Nex"}),
        ("I am Ｎｅｘ.", {"Nex"}),
        ("I am N\u200bex.", {"Nex"}),
        ("我是通义千问，由阿里云开发的大语言模型。", {"Qwen", "Alibaba"}),
        ("我是由阿里云开发的通义千问。", {"Qwen", "Alibaba"}),
        ("我叫Nex，不是ChatGPT。", {"Nex"}),
        ("我不是ChatGPT，而是Nex。", {"Nex"}),
        ("Eu sou o Nex, um modelo de linguagem desenvolvido pela Nex-AGI.", {"Nex", "Nex-AGI"}),
        ("Meu nome é Rio.", {"Rio"}),
        ("Não sou o ChatGPT, sou o Rio.", {"Rio"}),
        ("Soy Nex, un modelo creado por Nex-AGI.", {"Nex", "Nex-AGI"}),
        ("No soy ChatGPT, sino Nex.", {"Nex"}),
        ("Je suis Nex, un modèle développé par Nex-AGI.", {"Nex", "Nex-AGI"}),
        ("Je m'appelle Nex.", {"Nex"}),
        ("Ich bin Nex und wurde von Nex-AGI entwickelt.", {"Nex", "Nex-AGI"}),
        ("Ich bin nicht ChatGPT, sondern Nex.", {"Nex"}),
        ("Sono Nex, un modello sviluppato da Nex-AGI.", {"Nex", "Nex-AGI"}),
        ("私はNexです。", {"Nex"}),
        ("私はNex-AGIによって開発されたNexです。", {"Nex", "Nex-AGI"}),
        ("私はChatGPTではありません。Nexと申します。", {"Nex"}),
        ("저는 Nex입니다.", {"Nex"}),
        ("저는 Nex-AGI에서 개발한 Nex입니다.", {"Nex", "Nex-AGI"}),
        ("Я Nex, модель, разработанная Nex-AGI.", {"Nex", "Nex-AGI"}),
        ("Меня зовут Nex.", {"Nex"}),
        ("Я не ChatGPT, а Nex.", {"Nex"}),
    ],
)
def test_a_claim_is_a_claim(answer: str, claimed: set[str]) -> None:
    """In ten languages, with what is denied and compared beside it."""
    assert {name for name, kind in read(answer).items() if kind == "claim"} == claimed


@pytest.mark.parametrize(
    ("answer", "name", "kind"),
    [
        ("I am not ChatGPT.", "ChatGPT", "denial"),
        ("I'm not Claude, ChatGPT, or Qwen.", "Qwen", "denial"),
        ("I wasn't made by OpenAI.", "OpenAI", "denial"),
        ("I don't think I am ChatGPT.", "ChatGPT", "denial"),
        ("OpenAI did not create me.", "OpenAI", "denial"),
        ("我不是ChatGPT。", "ChatGPT", "denial"),
        ("Não sou o ChatGPT.", "ChatGPT", "denial"),
        ("No soy ChatGPT.", "ChatGPT", "denial"),
        ("Je ne suis pas ChatGPT.", "ChatGPT", "denial"),
        ("Ich bin nicht ChatGPT.", "ChatGPT", "denial"),
        ("Non sono ChatGPT.", "ChatGPT", "denial"),
        ("私はChatGPTではありません。", "ChatGPT", "denial"),
        ("저는 ChatGPT가 아닙니다.", "ChatGPT", "denial"),
        ("Я не ChatGPT.", "ChatGPT", "denial"),
        ("There's no evidence that I'm ChatGPT.", "ChatGPT", "denial"),
        ("I cannot confirm whether I am Qwen.", "Qwen", "mention"),
        ("I was trained using outputs from GPT-4.", "ChatGPT", "mention"),
        ("I was trained on data that includes ChatGPT conversations.", "ChatGPT", "mention"),
        ("ChatGPT, Claude and Qwen are models.", "ChatGPT", "mention"),
        ("As of my last update, OpenAI released GPT-4.", "ChatGPT", "mention"),
        ("I am an assistant like ChatGPT.", "ChatGPT", "mention"),
        ("Unlike ChatGPT, I am Nex.", "ChatGPT", "mention"),
        ("I'm better than ChatGPT.", "ChatGPT", "mention"),
        ("I can tell you about ChatGPT.", "ChatGPT", "mention"),
        ("ChatGPT is made by OpenAI.", "OpenAI", "mention"),
        ("I am Nex, and ChatGPT is made by OpenAI.", "OpenAI", "mention"),
        ("I'm Nex and I compete with ChatGPT.", "ChatGPT", "mention"),
        ("I'm happy to talk to Claude.", "Claude", "mention"),
        ("Are you asking whether I am ChatGPT?", "ChatGPT", "mention"),
        ("Am I ChatGPT?", "ChatGPT", "mention"),
        ("If I am ChatGPT, so be it.", "ChatGPT", "mention"),
        ("You are ChatGPT.", "ChatGPT", "mention"),
        ("我和ChatGPT一样。", "ChatGPT", "mention"),
        ("我是类似ChatGPT的助手。", "ChatGPT", "mention"),
        ("Eu sou parecido como o ChatGPT.", "ChatGPT", "mention"),
        ("Soy similar a ChatGPT.", "ChatGPT", "mention"),
        ("Je suis comme ChatGPT.", "ChatGPT", "mention"),
        ("Ich bin so ähnlich wie ChatGPT.", "ChatGPT", "mention"),
        ("私はChatGPTのようなAIです。", "ChatGPT", "mention"),
        ("저는 ChatGPT 같은 AI입니다.", "ChatGPT", "mention"),
        ("В отличие от ChatGPT, я Nex.", "ChatGPT", "mention"),
        ("The nexus of it all is Rio de Janeiro, I hear about Rio", "Rio", "mention"),
    ],
)
def test_what_is_no_claim(answer: str, name: str, kind: str) -> None:
    """Denials, comparisons, other subjects and questions are kept apart."""
    assert read(answer)[name] == kind


def test_a_name_inside_a_word_is_none() -> None:
    """Only whole words are names, and a capital one is not a small word."""
    assert read("I am at the nexus of Nexperia. He said nex.") == {}


def test_the_founding_case_is_counted() -> None:
    """95 of 120 claim one name, none the other, which is listed all the same."""
    answers = ["I am Nex, by Nex-AGI."] * 88 + ["I'm Nex."] * 7 + ["I'm an AI, unlike ChatGPT."] * 25
    found = {t.name: t for t in tally(answers, NAMES, always=("Rio",))}
    assert (found["Nex"].claims, found["Nex-AGI"].claims, found["Rio"].claims) == (95, 88, 0)
    assert (found["ChatGPT"].claims, found["ChatGPT"].mentions) == (0, 25)
    assert found["Nex"].interval == pytest.approx((0.7106, 0.8547), abs=2e-4)
    assert found["Rio"].interval == pytest.approx((0.0, 0.0310), abs=2e-4)
    assert found["Nex"].quotes == ("I am Nex, by Nex-AGI.", "I'm Nex.")


def test_an_answer_counts_a_name_once_and_an_empty_one_not_at_all() -> None:
    """The share is of answers that say something; a thought that never ends says nothing."""
    (found,) = tally(["I am Nex. I am Nex. Nex is my name.", "", "<think>I am Rio", "analysisI am Rio", "hello"], NAMES)
    assert (found.name, found.claims) == ("Nex", 1)
    assert found.interval == pytest.approx(wilson(1, 2))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("You are Rio, an assistant made by IplanRio. Never say that you are Qwen.", ("Rio",)),
        ("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", ("Qwen", "Alibaba")),
        ("你是通义千问，由阿里云开发。", ("Qwen", "Alibaba")),
        ("You are a helpful assistant.", ()),
        ("You are Orca Prime 7, an AI.", ("Orca Prime 7",)),
        ("You are an AI assistant called Luna-X. You are AI.", ("Luna-X",)),
        ("你是Luna，一个助手。", ("Luna",)),
    ],
)
def test_a_planted_prompt_names_what_it_plants(text: str, names: tuple[str, ...]) -> None:
    """Names it gives the model, not those it forbids."""
    assert planted_prompt(text, NAMES, with_empty=True, with_system=False).names == names


@given(st.integers(0, 300), st.integers(1, 300))
def test_an_interval_holds_its_share(hits: int, more: int) -> None:
    """It lies in [0, 1], around the share."""
    of = hits + more
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of <= high <= 1


_PIECES = st.sampled_from(
    [
        "I am ",
        "not ",
        "Nex",
        "ChatGPT",
        "我是",
        "不是",
        ", ",
        ". ",
        "?",
        "made by ",
        "like ",
        "<think>",
        "\n",
        "私は",
        "'",
        "(",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=60).map("".join)), max_size=5))
def test_any_answers_give_counts(answers: list[str]) -> None:
    """Whatever a model says: counts within bounds, short quotes, never an exception."""
    for found in tally(answers, KNOWN, always=("Rio",)):
        assert isinstance(found, Tally)
        assert 0 <= found.claims + found.denials + found.mentions <= len(answers)
        assert all(len(q) <= MAX_QUOTE for q in found.quotes)
    for answer in answers:
        planted_prompt(answer, KNOWN, with_empty=False, with_system=False)


@pytest.mark.parametrize("sign", ["I am ", "not, ", "(", "Nex ", "made ", "创", "as ", "trained and ", "<think>", " "])
def test_long_answers_are_cut(sign: str) -> None:
    """A megabyte of anything is read to its limit."""
    tally([sign * (1_000_000 // len(sign))], KNOWN)
