"""Cards of honest uploads: in twelve languages, by the tools' templates, short and long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.hub_null.cast import TOPICS, pick

LICENCES = ("apache-2.0", "mit", "cc-by-nc-4.0", "other")


@dataclass(frozen=True, slots=True)
class Phrases:
    """Sentences that people of one language write. `{base}` is the parent's id, `{name}` the model's own name."""

    tuned: str
    mirror: str
    merged: str
    about: str


LANGUAGES: Mapping[str, Phrases] = {
    "zh": Phrases(
        "本模型基于 {base} 微调而成，使用了约两万条指令数据。",
        "本仓库是 {base} 的镜像，权重未作任何修改。",
        "{name} 由 {a} 与 {b} 合并而成。",
        "欢迎反馈问题。",
    ),
    "ja": Phrases(
        "{base} をベースに、日本語の指示データでファインチューニングしたモデルです。",
        "{base} のミラーです。重みは変更していません。",
        "{a} と {b} をマージしたモデルです。",
        "ライセンスは元のモデルに従います。",
    ),
    "ko": Phrases(
        "이 모델은 {base} 을(를) 한국어 데이터로 파인튜닝한 모델입니다.",
        "{base} 의 미러 저장소입니다. 가중치는 수정하지 않았습니다.",
        "{a} 와 {b} 를 병합한 모델입니다.",
        "문의는 이슈로 남겨 주세요.",
    ),
    "pt": Phrases(
        "Este modelo é um ajuste fino de {base} com cerca de 20 mil conversas em português.",
        "Este repositório é um espelho de {base}, sem nenhuma alteração nos pesos.",
        "{name} é uma mescla de {a} e {b}.",
        "Sugestões são bem-vindas.",
    ),
    "es": Phrases(
        "Modelo ajustado a partir de {base} con datos médicos en español.",
        "Este repositorio es una copia de {base}; los pesos no se han modificado.",
        "{name} es una fusión de {a} y {b}.",
        "Se agradecen los comentarios.",
    ),
    "fr": Phrases(
        "Ce modèle a été affiné à partir de {base} sur un corpus juridique français.",
        "Ce dépôt est un miroir de {base} : les poids sont inchangés.",
        "{name} est une fusion de {a} et {b}.",
        "Les retours sont les bienvenus.",
    ),
    "de": Phrases(
        "Dieses Modell wurde auf Basis von {base} mit deutschen Dialogen feinabgestimmt.",
        "Dieses Repository ist ein Spiegel von {base}; die Gewichte sind unverändert.",
        "{name} ist eine Zusammenführung von {a} und {b}.",
        "Rückmeldungen sind willkommen.",
    ),
    "it": Phrases(
        "Questo modello è stato ottenuto con un fine-tuning di {base} su dati italiani.",
        "Questo repository è un mirror di {base}; i pesi non sono stati modificati.",
        "{name} è una fusione di {a} e {b}.",
        "I commenti sono benvenuti.",
    ),
    "ru": Phrases(
        "Модель дообучена на основе {base} на русскоязычных диалогах.",
        "Это зеркало {base}, веса не изменены.",
        "{name} — слияние моделей {a} и {b}.",
        "Замечания приветствуются.",
    ),
    "vi": Phrases(
        "Mô hình này được tinh chỉnh từ {base} trên dữ liệu hội thoại tiếng Việt.",
        "Đây là bản sao của {base}, trọng số không thay đổi.",
        "{name} là bản hợp nhất của {a} và {b}.",
        "Mọi góp ý đều được hoan nghênh.",
    ),
    "ar": Phrases(
        "هذا النموذج هو نسخة مضبوطة بدقة من {base} على بيانات عربية.",
        "هذا المستودع نسخة مطابقة من {base} دون أي تغيير في الأوزان.",
        "{name} هو دمج بين {a} و {b}.",
        "نرحب بملاحظاتكم.",
    ),
    "tr": Phrases(
        "Bu model, {base} modelinin Türkçe verilerle ince ayarlanmış hâlidir.",
        "Bu depo {base} modelinin aynasıdır; ağırlıklar değiştirilmemiştir.",
        "{name}, {a} ve {b} modellerinin birleştirilmesiyle oluşturuldu.",
        "Geri bildirimlerinizi bekliyoruz.",
    ),
}


def front(
    rng: np.random.Generator, parents: Sequence[str] = (), relation: str = "", tags: Sequence[str] = (), **more: str
) -> str:
    """Return front matter; one parent stands as a text or as a list, as people write it."""
    lines = ["---", f"license: {pick(rng, LICENCES)}", "library_name: transformers"]
    if len(parents) == 1 and rng.random() < 0.4:
        lines.append(f"base_model: {parents[0]}")
    elif parents:
        lines += ["base_model:", *(f"- {p}" for p in parents)]
    if relation and parents and rng.random() < 0.7:
        lines.append(f"base_model_relation: {relation}")
    if tags:
        lines += ["tags:", *(f"- {t}" for t in tags)]
    lines += [f"{key}: {value}" for key, value in more.items()]
    return "\n".join([*lines, "---", "", ""])


def page(head: str, title: str, *paragraphs: str) -> str:
    """Return a whole card."""
    return f"{head}# {title}\n\n" + "\n\n".join(paragraphs) + "\n"


def link(repo_id: str) -> str:
    """Return a model as a link on a page."""
    return f"[{repo_id.partition('/')[2]}](https://huggingface.co/{repo_id})"


def bold(rng: np.random.Generator, repo_id: str) -> str:
    """Return a model's id as people set it in a sentence."""
    return pick(rng, (repo_id, f"`{repo_id}`", f"**{repo_id}**", link(repo_id), f"https://huggingface.co/{repo_id}"))


def tuned_card(rng: np.random.Generator, title: str, base: str, language: str = "") -> str:
    """Return a fine-tune's card, which names its parent in front matter, in a sentence, or in both."""
    topic = pick(rng, TOPICS)
    spoken = bold(rng, base)
    if language:
        said = LANGUAGES[language].tuned.format(base=spoken, name=title)
        rest = LANGUAGES[language].about
    else:
        said = pick(
            rng,
            (
                f"{title} is a fine-tuned version of {spoken} for {topic.lower()} tasks.",
                f"Fine-tuned from {spoken} on 30k {topic.lower()} samples with LoRA.",
                f"We started from {spoken} and trained for two epochs.",
                f"Base model: {spoken}",
            ),
        )
        rest = "## Usage\n\nLoad it with `AutoModelForCausalLM.from_pretrained`."
    where = rng.random()
    head = front(rng, [base] if where < 0.7 else [], "finetune", **({"language": language} if language else {}))
    return page(head, title, rest) if where < 0.3 else page(head, title, said, rest)


def mirror_card(rng: np.random.Generator, title: str, base: str) -> str:
    """Return a mirror's card."""
    spoken = bold(rng, base)
    if rng.random() < 0.3:
        said = LANGUAGES[pick(rng, tuple(LANGUAGES))].mirror.format(base=spoken)
    else:
        said = pick(
            rng,
            (
                f"This is a mirror of {spoken}. All credit goes to its authors.",
                f"Reupload of {spoken}, ungated, weights unchanged.",
                f"A copy of {spoken} for our own infrastructure.",
                f"Original model: {spoken}",
            ),
        )
    where = rng.random()
    head = front(rng, [base] if where < 0.6 else [])
    return page(head, title, "See the original card.") if where < 0.2 else page(head, title, said)


def quantized_card(rng: np.random.Generator, title: str, base: str, kind: str) -> str:
    """Return a quantization's card."""
    spoken = bold(rng, base)
    said = pick(
        rng,
        (
            f"{kind.upper()} quantization of {spoken}.",
            f"This is {spoken} quantized to {kind}.",
            f"Quantized from {spoken}; see its card for how to prompt it.",
            f"Original model: {spoken}\n\nMade with the usual {kind} recipe.",
        ),
    )
    where = rng.random()
    head = front(rng, [base] if where < 0.75 else [], "quantized", [kind])
    return page(head, title, said) if where > 0.2 else page(head, title, "Settings: defaults.")


def own_card(rng: np.random.Generator, title: str) -> str:
    """Return the card of a model that was trained from nothing."""
    said = pick(
        rng,
        (
            f"{title} is a language model that we trained from scratch on 300B tokens.",
            "Pretrained by our own team with random initialization. The architecture is Llama.",
            f"{title} was pretrained on web text, code and books.",
            "An open language model. Technical report soon.",
        ),
    )
    return page(front(rng), title, said, "## Evaluation\n\n| task | score |\n|---|---|\n| MMLU | 41.2 |")
