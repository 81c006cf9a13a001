"""Words by which cards claim training, merging, data and compute, in the languages that cards are written in."""

from __future__ import annotations

import re
from collections.abc import Mapping


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


TRAINING_METHODS: Mapping[str, re.Pattern[str]] = {
    "on-policy distillation": _words(
        r"\bon[- ]policy (?:self-|knowledge )?distil\w*|\bdestila\w+ on[- ]policy|\bdistillation (?:on[- ]policy|"
        r"sur la politique)|(?<![A-Za-z0-9])OPD(?![A-Za-z0-9])|在线策略蒸馏|オンポリシー蒸留|온폴리시 증류"
    ),
    "sft": _words(
        r"(?<![A-Za-z0-9])SFT(?![A-Za-z0-9])|\bsupervised fine[- ]?tun\w*|指令微调|有监督微调|"
        r"教師ありファインチューニング|지도 미세 ?조정"
    ),
    "dpo": _words(r"(?<![A-Za-z0-9])DPO(?![A-Za-z0-9])|\bdirect preference optimi[sz]ation"),
    "rlhf": _words(r"(?<![A-Za-z0-9])RLHF(?![A-Za-z0-9])|\breinforcement learning (?:from|with) human feedback"),
    "ppo": _words(r"(?<![A-Za-z0-9])PPO(?![A-Za-z0-9])|\bproximal policy optimi[sz]ation"),
    "grpo": _words(r"(?<![A-Za-z0-9])GRPO(?![A-Za-z0-9])|\bgroup[- ]relative policy optimi[sz]ation"),
    "orpo": _words(r"(?<![A-Za-z0-9])ORPO(?![A-Za-z0-9])"),
    "kto": _words(r"(?<![A-Za-z0-9])KTO(?![A-Za-z0-9])"),
    "continued pre-training": _words(
        r"\bcontinu(?:ed|al|ally|ing|ous)\s+(?:the )?pre-?train\w*|(?<![A-Za-z0-9])CPT(?![A-Za-z0-9])|"
        r"\bcontinuamos el preentrenamiento|继续预训练|継続事前学習|継続的な?事前学習|추가 사전 ?학습"
    ),
}

TRAINED = _words(
    r"\b(?:post[- ]?trained|fine[- ]?tuned|finetuned|further trained|instruction[- ]tuned|trained on top)\b|"
    r"\bpós-treinad\w+|\bpostentrenad\w+|\bnachtrainiert|\bfeinabgestimmt|\bдообучен\w*|后训练|微调|"
    r"ファインチューニング|파인튜닝"
)

MERGE_METHODS: Mapping[str, re.Pattern[str]] = {
    "dare_ties": _words(r"\bDARE[- _]TIES\b"),
    "dare_linear": _words(r"\bDARE[- _]linear\b"),
    "della": _words(r"\bDELLA\w*"),
    "ties": _words(r"\bTIES\b"),
    "dare": re.compile(r"\bDARE\b"),
    "nuslerp": _words(r"\bNuSLERP\b"),
    "slerp": _words(r"\bSLERP\b"),
    "model_stock": _words(r"\bmodel[- _]?stock\b|\bstock ?merge\b"),
    "task_arithmetic": _words(r"\btask[- _]arithmetic\b|\bchat[- ]vector\b"),
    "passthrough": _words(r"\bpass-?through\b"),
    "breadcrumbs": _words(r"\bbreadcrumbs\b"),
    "sce": re.compile(r"\bSCE\b"),
    "karcher": _words(r"\bkarcher\b"),
    "arcee_fusion": _words(r"\barcee[- _]fusion\b"),
    "linear": _words(r"\blinear\b"),
}

MERGED = _words(
    r"(?<!adapter was )(?<!adapters were )(?<!lora was )\bmerg(?:e|ed|es|ing)\b(?! (?:back|request|conflict|"
    r"with peft))(?!kit)|\bsouped\b|\bmodel soups?\b|\bfranken\w*merge|\bslerp\b|\bmodel stock\b|\bchat vector\b|"
    r"\bblend(?:ing|ed)?\b(?=[^.]{1,120}\b(?:and|into|with)\b)|\bmixed (?:with|by|using) (?:ties|dare|slerp|"
    r"della)\b|\bcombination of\b|\b(?:mescla|fusão|mistura) (?:de|do|da|dos)\b|\b(?:fusión|mezcla) de\b|\b(?:une|"
    r"par) fusion\b|\bfusion d(?:e|es)\b|zusammengeführt|\baverag(?:e|ed|ing) (?:the|of|them|both)\b|\bin the mix\b|"
    r"\bverschmelzung|\bfusione di\b|слияние|объединение (?:весов|моделей)|合并|融合|合併|マージ|병합"
)
MERGED_HEADING = _words(r"\bmerged models\b|\bmodels merged\b|合并的模型|マージ元|병합 ?모델")
DISTILLED = _words(
    r"(?<!on-policy )(?<!on policy )(?<!self-)\bdistil(?!la\w* on[- ]policy)\w*|\bdestil(?!a\w* on[- ]policy)\w*|"
    r"(?<!在线策略)蒸馏|蒸餾|(?<!オンポリシー)蒸留|증류|дистил\w*|\blogits of\b|\bstudent of\b|\bas (?:the|a|an|"
    r"our) teacher\b"
)
OWN_DATA = _words(
    r"\b(?:our|its) own (?:[\w-]+ ){0,3}?(?:data|corpus|corpora|data ?sets?)\b|\bin-house (?:[\w-]+ ){0,2}?(?:data|"
    r"corpus|data ?sets?)\b|\bproprietary (?:[\w-]+ ){0,2}?(?:data|corpus|data ?sets?|tokens)\b|\bdata(?: mix|"
    r" ?sets?)? (?:is|are|was|were) (?:proprietary|our own|built in-house)|\b(?:data ?sets?|data|corpus) (?:that |"
    r"which )?we (?:collected|built|wrote|created|made)\b|\b(?:dados|corpus) própri\w+|\bdatos propios|"
    r"\bdonnées propres|\beigene\w* (?:daten\w*|korpus)|\bdati propri|собственн\w+ данн\w+|自有数据|自建数据|"
    r"独自(?:の)?データ|自社データ|자체 (?:구축 )?데이터"
)
OWN_COMPUTE = _words(
    r"\b(?:our|its) own (?:[\w-]+ ){0,3}?(?:cluster|compute|super ?computer|infrastructure|hardware|gpus?|servers?|"
    r"data ?cent(?:er|re)s?)\b|\binfrastructure (?:that is )?owned by us\b|\b(?:sovereign|in-house) (?:compute|"
    r"cluster|infrastructure)\b|\b(?:nosso )?própri[oa] (?:cluster|infraestrutura|supercomputador)|"
    r"\bcluster próprio|\b(?:infraestructura|clúster) propi[oa]|\bpropre (?:cluster|infrastructure)|"
    r"\beigene\w* (?:cluster|rechenzentrum|infrastruktur)|собственн\w+ (?:кластер\w*|инфраструктур\w*)|自有(?:算力|"
    r"集群)|自社(?:クラスタ|計算)|자체 (?:클러스터|인프라)"
)
_KIND = r"(?:method|technique|algorithm|framework|approach|paradigm|procedure|recipe)"
_NEW = r"(?:novel|new|proprietary|original|in-house|unique|custom|own|patented|secret)"
NAMED_METHOD = re.compile(
    rf"\b(?P<first>[A-Z][\w-]{{2,40}}(?: [A-Z][\w-]{{2,40}}){{0,2}}),? (?:is |which is )?(?:our|a|"
    rf"the) (?:\w+ )?{_NEW}\b"
    rf"(?: [\w-]+){{0,4}}? {_KIND}\b|"
    rf"\b{_NEW} (?:[\w-]+ ){{0,4}}?{_KIND},? (?:called|named|dubbed|\() ?(?P<last>[A-Z][\w-]{{2,40}})"
)
SOURCE = _words(r"https?://|\barxiv\b|\bdoi\b|\bgithub\.com|\bpaper\b|\bet al\b|\[\d+\]")
THEN = _words(
    r"\bfollowed by\b|\bthen\b|\bafter(?:wards)?\b|\bsubsequent\w*|\bfinally\b|\bbefore\b|\bseguid[oa]\b|\bdepois\b|"
    r"\bluego\b|\bpuis\b|\bgefolgt\b|\bdanach\b|\bpoi\b|\bзатем\b|然后|随后|之后|その後|이후"
)
OF_ANOTHER = _words(
    r"^\W{0,4}(?:was|is|has been|had been|uses|used|were|are)\b|\b(?:which|whose|itself|that (?:was|is|were))\b"
)
