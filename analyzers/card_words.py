"""Words that deny, compare or only imagine, joints between names, and the claim of training from nothing."""

from __future__ import annotations

import re

DENIAL = re.compile(
    r"\b(?:not(?! (?:just|only|merely|simply))|never|no|without|unlike|neither|nor|none|false|rejected|"
    r"não(?! (?:apenas|só))|nem|sem|sin|ni|pas(?! seulement)|aucun\w*|jamais|nicht(?! nur)|kein\w*|non(?! solo)|"
    r"не(?! только)|нет|niet|geen|nie|değil|không|bukan|instead of|rather than)\b|n[’']t\b|不是|并非|並非|没有|"
    r"未(?=基|经|使)",
    re.IGNORECASE,
)
NO_OF_OTHER_LANGUAGES = re.compile(r"[ãõç]|\b(?:em|uma|foi|com|pel[oa]|na|dos|das)\b", re.IGNORECASE)
DENIED_AFTER = re.compile(
    r"ではありません|ではない|でない|ていません|ていない|아닙니다|아니다|아닌|않|不是|değil|\b(?:rejected|false|"
    r"dropped it|failed|never used|not used|discarded|abandoned)\b",
    re.IGNORECASE,
)
UNREAL = re.compile(
    r"\b(?:you (?:can|may|could)|feel free|if you|plan(?:s|ned)? to|in the future|can be|may be|could be|would be|"
    r"will be|ablation|earlier attempt|some people|people say|rumou?rs?|allegedly|accus\w+|claim(?:s|ed)? that|"
    r"considered|consider|our previous project|will (?:also )?(?:merge|fine-?tune|train|release)|next (?:week|month|"
    r"version)|podem? ser|puede ser|peut être|kann \w+ werden)\b",
    re.IGNORECASE,
)
DISTILLATION = re.compile(
    r"\bdistil\w*|\bdestil\w*|蒸馏|蒸餾|蒸留|증류|дистил\w*|match(?:es|ing)? the logits|\bstudent of\b", re.IGNORECASE
)
NAME_FIRST = re.compile(
    r"\W{0,4}(?:(?:but|that was|now|further|then) )?(?:(?:fine[- ]?tuned|finetuned|post[- ]?trained|quanti[sz]ed|"
    r"converted|merged|pruned|upscaled|distilled|extended|with) |(?:abliterated|uncensored|gguf|awq|gptq|exl[23]|"
    r"fp8|nvfp4|mlx|int[48]|[48]-?bit|fine-?tune|lora|but)\b)",
    re.IGNORECASE,
)
CONNECTIVE = re.compile(
    r"(?:[\s,、，;&+/()\[\]\"'·と와과及和与與및ト]|\b(?:and|or|nor|with|plus|y|e|et|und|oder|и|та|en|de|the|of|"
    r"model|weights)\b|から|하고|モデル|に対して?|に対し|まず|に){1,12}",
    re.IGNORECASE,
)
TIMES_BEFORE = re.compile(r"(?:[0-9]\s?[*×x·]\s?\(?|\s=|\bhalf)\s?$", re.IGNORECASE)
FORMULA_GAP = re.compile(r"[\s+⊕*×x·().0-9=−–-]{1,24}", re.IGNORECASE)
MERGE_WORD = re.compile(
    r"\b(?:merg\w+|slerp|ties|dare|blend\w*|soup\w*|fusion|mix|mixture|ingredients|inside)\b", re.IGNORECASE
)
TITLE = re.compile(r"\W{0,4}[\w.]{1,30}(?: [\w.]{1,20})? ?[–—:=-] ?(?:an? |the )?", re.IGNORECASE)
THIS_IS = re.compile(r"\W{0,4}(?:this|it|here)(?:['’]s| is)(?: (?:just|simply|basically|still))?\W{1,3}", re.IGNORECASE)
ROLE_IN_BRACKETS = re.compile(r"\s?\((?:as )?(?:the )?(?:base|parent|donor|merged)\b", re.IGNORECASE)
LOOSE = re.compile(
    r"(?<![a-z])(?:q?lora|gguf|gptq|awq|exl[23]|mlx|[48][- ]?bits?|int[48]|adapters?|grpo|dpo|sft|ppo|rlhf|"
    r"reinforcement|pre-?training)(?![a-z])|\b(?:weights|parameters|layers|convert\w*|identical|initiali\w*|trunk|"
    r"tower|copy|pruned|retrained|trained|trains?|nasce\w* d\w+|nace de|riaddestr\w+|pesos|poids|gewichte\w*|pesi|"
    r"веса|весов|interpolat\w+|averag\w+|merg(?:e[ds]?|ing)|blend\w*|soup\w*|mescl\w+|fus(?:ão|ión|ion|ionn?\w+|"
    r"ione|i)|mezcl\w+|verschm\w+|gemischt|zusammengef\w+|слия\w+|объедин\w+|об'єдн\w+|modelos? (?:de )?base|"
    r"modell[oi] (?:di )?base|modèles? de base|basismodell\w*|базов\w+ модел\w+|base (?:model|checkpoint)s?|"
    r"starting (?:point|checkpoint)|backbone)\b|合并|融合|マージ|병합|ベース|베이스|基础模型|基座|底座|初始化|量化|"
    r"混ぜ|変換|적용|합친|합쳐|변환|смеш\w+|адаптер\w*",
    re.IGNORECASE,
)
NEAR = re.compile(
    r"\b(?:fine-?tun\w*|finetun\w*|tuned?|tuning|treinamos|trein(?:ad|ament)\w+|pré-treinamento|ajustad[oa]s?|"
    r"ajustamos|entren(?:amos|ad\w+)|affin\w+|addestrat\w+|trainiert\w*|nachtrainiert\w*|дообуч\w+|файнтюн\w*|"
    r"тюн\w*)\b|미세 ?조정|微调|继续训练|追加学習|事前学習|学習|ファインチューニング|チューニング|파인튜닝|튜닝|학습",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(
    r"\b(?:several|some|many|most) (?:people|users|others)\b|\bthere (?:are|is) (?:many|several|other|already|"
    r"also)\b|\bavailable elsewhere\b|\bwere shown to\b|\bsuch as\b[^.]{0,80}\bcannot\b",
    re.IGNORECASE,
)
RETRACTED = re.compile(
    r"(?:that|this) is (?:false|not true|wrong)\b|.{0,40}\b(?:shares? (?:nothing|no \w+)|nothing to do) with (?:it|"
    r"that)\b",
    re.IGNORECASE,
)
DENIED_CJK = re.compile(r"(?:不是|并非|並非|没有|未(?=基|经|使))[^,,。;;]{0,60}$")
FROM_SCRATCH = re.compile(
    r"\b(?:train\w*|built|pre-?trained|develop\w*|creat\w*)\b[^.\n]{0,60}?\bfrom (?:scratch|nothing|random|zero|"
    r"the ground up)\b|\bfrom[- ]scratch (?:model|training|pre-?training)\b|"
    r"\brandomly initiali[sz]ed and (?:\w+ ){0,3}?trained\b|\b(?:fully|entirely) self-developed\b|\b(?:treinad|"
    r"desenvolvid|criad)[oa]s?\b[^.\n]{0,60}?\bd[oe] zero\b|\b(?:entrenad|desarrollad|"
    r"cread)[oa]s?\b[^.\n]{0,60}?\bdesde cero\b|\b(?:entraîn|développ|cré)ée?s?\b[^.\n]{0,60}?\b(?:à partir de zéro|"
    r"de zéro|depuis zéro)|\bvon (?:grund auf|null)\b[^.\n]{0,40}?\b(?:trainiert|entwickelt)|\b(?:addestrat|"
    r"sviluppat|creat)[oa]\b[^.\n]{0,60}?\bda zero\b|\b(?:обучен|создан|разработан)\w*\b[^.\n]{0,60}?\bс нуля\b|"
    r"\b(?:wytrenowan|trenowan)\w*\b[^.\n]{0,40}?\bod zera\b|\bsıfırdan eğitil\w+|从零(?:开始)?(?:训练|预训练|研发)|"
    r"从头(?:开始)?(?:训练|预训练)|從零開始訓練|ゼロから(?:\S{0,8})?(?:学習|訓練|開発)|スクラッチ(?:から|で|"
    r"の)?(?:学習|開発)|처음부터\s*(?:학습|훈련|개발)",
    re.IGNORECASE,
)
