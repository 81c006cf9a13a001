"""Words by which cards claim training, merging, data and compute, in the languages of cards."""

from __future__ import annotations

import re
from collections.abc import Mapping


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _cues(pattern: str) -> re.Pattern[str]:
    """Compile what begins at a word's first letter or outside of ASCII: other places cost next to nothing."""
    return _words(rf"(?:(?<!\w)(?=\w)|(?=[^\x00-\x7f]))(?:{pattern})")


_ALONE, _HERE = r"(?<![A-Za-z0-9-])", r"(?![A-Za-z0-9-])"  # not inside of a name: "X-7B-DPO"
_NEAR = r"(?:[^.\n]|\.(?=[0-9])){0,60}?"  # the dot of "a 1.7B model" ends no sentence

TRAINING_METHODS: Mapping[str, re.Pattern[str]] = {
    "on-policy distillation": _cues(
        r"\bon[- ]policy (?:self-|knowledge )?distil\w*|\bdestila\w+ on[- ]policy|\bdistillation (?:on[- ]policy|"
        rf"sur la politique)|{_ALONE}OPD{_HERE}|在线策略蒸馏|オンポリシー蒸留|온폴리시 증류"
    ),
    "sft": _cues(
        rf"{_ALONE}SFT(?:ed)?{_HERE}|\bsupervised[- ]fine[- ]?tun\w*|指令微调|有监督微调|监督微调|"
        rf"教師ありファインチューニング|지도 ?(?:미세 ?조정|파인 ?튜닝)"
    ),
    "dpo": _cues(
        rf"{_ALONE}DPO{_HERE}|{_ALONE}DPO-(?:aligned|tuned|trained)|\bdirect[- ]preference[- ]optimi[sz]ation|"
        rf"\boptimisation directe des préférences|直接偏好优化"
    ),
    "rlhf": _cues(rf"(?<!for ){_ALONE}RLHF{_HERE}|\breinforcement learning (?:from|with) human feedback"),
    "ppo": _cues(rf"{_ALONE}(?-i:PPO){_HERE}|\bproximal policy optimi[sz]ation"),
    "grpo": _cues(rf"{_ALONE}GRPO{_HERE}|\bgroup[- ]relative policy optimi[sz]ation"),
    "orpo": _cues(rf"{_ALONE}ORPO{_HERE}|\bodds[- ]ratio preference optimi[sz]ation"),
    "kto": _cues(rf"{_ALONE}(?-i:KTO){_HERE}|\bkahneman[- ]tversky optimi[sz]ation"),
    "continued pre-training": _cues(
        rf"\bcontinu(?:ed|al|ally|ing|ous|e|es)[\s-]+(?:the )?(?:domain )?pre-?train\w*|"
        rf"\bfurther[\s-]+pre-?train\w*|\bpre-?training (?:was |is )?continued|{_ALONE}CPT{_HERE}|"
        rf"preentrenamiento contin\w+|pré-treinamento contin\w+|pré-entraînement contin\w+|fortgesetzt\w+ (?:pre|"
        rf"vor)-?train\w*|weiter vortrainiert|"
        r"继续预训练|持续预训练|增量预训练|継続的?な?事前学習|추가 사전 ?학습|지속적? ?사전 ?학습|"
        r"дообучен\w+ предобуч\w+|продолж\w+ предобуч\w+"
    ),
}

TRAINED = _cues(
    r"\b(?:post[- ]?trained|fine[- ]?tuned|finetuned|further trained|instruction[- ]tuned|trained on top)\b|"
    r"\bpós-treinad\w+|\bpostentrenad\w+|\bnachtrainiert|\bfeinabgestimmt|\bдообучен\w*|后训练|微调|"
    r"ファインチューニング|파인튜닝"
)

MERGE_METHODS: Mapping[str, re.Pattern[str]] = {
    "dare_ties": _cues(r"\bDARE[- _]TIES\b"),
    "dare_linear": _cues(r"\bDARE[- _]linear\b"),
    "della": _cues(r"\bDELLA\w*"),
    "ties": _cues(r"\bTIES\b"),
    "dare": re.compile(r"\bDARE\b"),
    "nuslerp": _cues(r"\bNuSLERP\b"),
    "slerp": _cues(r"\bSLERP\b"),
    "model_stock": _cues(r"\bmodel[- _]?stock\b|\bstock ?merge\b"),
    "task_arithmetic": _cues(r"\btask[- _]arithmetic\b|\bchat[- ]vector\b"),
    "passthrough": _cues(r"\bpass-?through\b"),
    "breadcrumbs": _cues(r"\bbreadcrumbs\b"),
    "sce": re.compile(r"\bSCE\b"),
    "karcher": _cues(r"\bkarcher\b"),
    "arcee_fusion": _cues(r"\barcee[- _]fusion\b"),
    "linear": _cues(r"\blinear\b"),
}

# neither data, nor metrics, nor parts of a model, nor code are merged models
_OTHERS = (
    r"data|data ?sets?|corp(?:us|ora)|sets?|embeddings?|tokens?|tokeni[sz]ers?|loss(?:es)?|metrics?|runs?|scores?|"
    r"seeds?|splits?|dev|test|train|validation|prompts?|features?|languages?|images?|logits|branch|requests?|"
    r"conflicts?|columns?|cells?|files?|sentences?|entit\w+|tasks?|back|peft|techniques?|methods?|objectives?|"
    r"rewards?|sources"
)
_MODELS = r"(?:models?|weights|checkpoints?|finetunes?|fine-tunes?|tunes|parents|\ufffc)"
NOT_MODELS = _words(rf"\b(?:{_OTHERS})\b")
LORA = _words(r"\b(?:q?lora|adapters?|adaptors?|peft)\b|_lora\b|-lora\b")
OF_MODELS = _words(rf"(?<!\w){_MODELS}(?!\w)|\bmergekit\b")
MERGED = _cues(
    r"(?<!the )\bmerg(?:e|ed|es|ing|ers?)\b(?!kit)|\bsouped\b|\bmodel soups?\b|\bfranken\w*merge|\bslerp\b|"
    r"\bmodel stock\b|\bchat vector\b|"
    rf"\b(?:blend(?:ing|ed|s)?|mix(?:ture|ed|es)?(?![- ](?:precision|quant\w*|bits?|of[- ]experts?))|alloy|hybrid|"
    rf"combin(?:e|es|ed|ing|ation)|averag(?:e|ed|es|ing)|interpolat(?:ed|es|ion|ing)|fus(?:es|"
    rf"ion))\b(?=[^.]{{0,60}}?{_MODELS})|\ufffc[^.]{{0,40}}?\b(?:blended|mixed|combined|averaged|fused|interpolated)\b|"
    r"\b[0-9]{1,2} ?/ ?[0-9]{1,2} (?:mix|blend|merge)\b|\b(?:mescla|fusão|mistura) (?:de|do|da|dos|entre)\b|"
    r"\b(?:fusión|mezcla) (?:de|entre)\b|\b(?:une|par|la) fusion\b|\bfusion d(?:e|es|['’])|zusammengeführt|"
    r"\bverschm\w+|\bfusione (?:di|tra)\b|слияни\w+|объединени\w+ (?:весов|моделей)|合并|融合|合併|マージ|병합|"
    r"birleştir\w+|połączeni\w+|hợp nhất|gabungan"
)
MERGED_HEADING = _words(r"\bmerged models\b|\bmodels merged\b|合并的模型|マージ元|병합 ?모델")
DISTILLED = _cues(
    r"(?<!on-policy )(?<!on policy )(?<![\w-])(?:knowledge[- ])?distil(?:l?ed|lation|ling|ls)(?![\w-]| on[- ]policy|"
    r" col| tower)|\bdistillat[oaie]\b|\bdistillée?s?\b|\bdestil(?!a\w* on[- ]policy)\w*|(?<!在线策略)蒸馏|蒸餾|"
    r"(?<!オンポリシー)蒸留|증류|дистил\w*|\blogits of\b|\bstudent of\b|\bas (?:the|a|an|our) teacher\b|"
    r"\bteacher (?:model )?(?:is|was)\b"
)
OWN_DATA = _cues(
    r"\b(?:our|its|my) own (?:[\w-]+ ){0,3}?(?:data|corpus|corpora|data ?sets?)\b|\b(?:in-house|internal|"
    r"self-(?:built|collected)) (?:[\w-]+ ){0,2}?(?:data|corpus|data ?sets?)\b|"
    r"\bproprietary (?:[\w-]+ ){0,2}?(?:data|corpus|data ?sets?|tokens)\b|\bdata(?: mix| ?sets?)? (?:is|are|was|"
    r"were) (?:proprietary|our own|built in-house)|\b(?:data ?sets?|data|corpus) (?:that |which )?(?:we|"
    r"i) (?:collected|built|wrote|created|made|curated)\b|\b(?:dados|corpus) própri\w+|\bdatos propios|"
    r"\bdonnées propres|\beigene\w* (?:daten\w*|korpus)|\bdati propri|собственн\w+ данн\w+|自有数据|自建数据|"
    r"独自(?:の)?データ|自社データ|자체 (?:구축 )?데이터"
)
OWN_COMPUTE = _cues(
    r"\b(?:our|its|my) own (?:[\w-]+ ){0,3}?(?:cluster|compute|super ?computer|infrastructure|hardware|gpus?|"
    r"servers?|data ?cent(?:er|re)s?)\b|\binfrastructure (?:that is )?owned by us\b|\b(?:sovereign|"
    r"in-house) (?:compute|cluster|infrastructure)\b|\b(?:nosso )?própri[oa] (?:cluster|infraestrutura|"
    r"supercomputador)|\bcluster próprio|\b(?:infraestructura|clúster) propi[oa]|\bpropre (?:cluster|"
    r"infrastructure)|\beigene\w* (?:cluster|rechenzentrum|infrastruktur)|собственн\w+ (?:кластер\w*|"
    r"инфраструктур\w*)|自有(?:算力|集群)|自社(?:クラスタ|計算)|자체 (?:클러스터|인프라)"
)
FROM_SCRATCH = _cues(
    rf"\b(?<!to )(?<!of )(?:(?:pre-?)?train(?:ed|s|ing)?(?! (?:process|pipeline|code|script))|built|develop(?:ed|"
    rf"s)?|creat(?:ed|es))\b{_NEAR}\bfrom[- ](?:scratch|nothing|random|zero|the ground up)\b|"
    r"\b(?:(?:a|an|our|this|is) |is a (?:fully )?)from[- ]scratch (?:\w+ ){0,3}?(?:model|training|pre-?training|"
    r"llm)\b|\bmodels? (?:trained |built )?from scratch\b|\bstart(?:ing|ed|s)? (?:at|from|"
    r"with) random(?:ly)? (?:weights|init)|\bfrom random init\w*|"
    rf"\brandomly initiali[sz]ed and (?:\w+ ){{0,3}}?trained\b|\b(?:fully|entirely) self-developed\b|\b(?:treinad|"
    rf"desenvolvid|criad)[oa]s?\b{_NEAR}\bd[oe] zero\b|\b(?:entrenad|desarrollad|"
    rf"cread)[oa]s?\b{_NEAR}\bdesde cero\b|\b(?:entraîn|développ|cré)ée?s?\b{_NEAR}\b(?:à partir de zéro|de zéro|"
    rf"depuis zéro)|\bvon (?:grund auf|null|scratch)\b{_NEAR}\b(?:\w*trainiert|entwickelt)|\b(?:addestrat|sviluppat|"
    rf"creat)[oa]\b{_NEAR}\bda zero\b|(?:обучен|создан|разработан|навчен)\w*{_NEAR}\bс нуля\b|\b(?:wytrenowan|"
    rf"trenowan)\w*\b{_NEAR}\bod zera\b|\bsıfırdan eğitil\w+|huấn luyện từ đầu|dilatih dari (?:awal|nol)|"
    r"从零(?:开始)?(?:训练|预训练|研发)|从头(?:开始)?(?:训练|预训练)|從零開始訓練|ゼロから(?:\S{0,8})?(?:学習|訓練|"
    r"開発)|スクラッチ(?:から|で|の)?(?:\S{0,6})?(?:学習|開発)|처음부터\s*(?:학습|훈련|개발)"
)
COMPARED = _words(
    r"\b(?:compared (?:to|with)|than|instead of|rather than|alternative|unlike|as opposed to|versus|vs|cheaper|"
    r"avoids?|without|need(?:s|ing)? to|how to|cost of|if you|earlier|predecessor|previous|your|train (?:a|the|"
    r"your))\b|相比|比起|よりも"
)
TRAINS = _words(
    r"train|tun(?:e|ed|ing)|align|optimi[sz]|\brun|\bran\b|appl(?:y|ied)|stage|step|epoch|after|\bwith\b|\bvia\b|"
    r"using|used|follow|then|through|\bpost|reinforc|learn|\bof\b|强化|学習|训练|微调|обуч|학습|적용|trein|entren|"
    r"entraîn|addestr|align|对齐|\+|[-→>]"
)
INSTRUCTION = _words(
    r"^\W*(?:to (?:re)?(?:train|build|fine-?tune|run|use|merge|reproduce)|for (?:training|fine-?tuning)|please|"
    r"you (?:can|may)|see|use|run|how)\b"
)
_KIND = r"(?:method|technique|algorithm|framework|approach|paradigm|procedure|recipe)"
_NEW = r"(?:novel|new|proprietary|original|in-house|unique|custom|own|patented|secret)"
NAMED_METHOD = re.compile(
    rf"\b(?P<first>[A-Z][\w-]{{2,40}}(?: [A-Z][\w-]{{2,40}}){{0,2}}),? (?:is |which is )?(?:our|a|"
    rf"the) (?:\w+ )?{_NEW}\b(?: [\w-]+){{0,4}}? {_KIND}\b|\b{_NEW} (?:[\w-]+ ){{0,4}}?{_KIND},? (?:called|named|"
    rf"dubbed|\() ?(?P<last>[A-Z][\w-]{{2,40}})"
)
SOURCE = _words(r"https?://|\barxiv\b|\bdoi\b|\bgithub\.com|\bpaper\b|\bet al\b|\[\d+\]")
THEN = _words(
    r"\bfollowed by\b|\bthen\b|\bafter(?:wards)?\b|\bsubsequent\w*|\bfinally\b|\bbefore\b|\bseguid[oa]\b|\bdepois\b|"
    r"\bluego\b|\bpuis\b|\bgefolgt\b|\bdanach\b|\bpoi\b|\bзатем\b|然后|随后|之后|その後|이후"
)
OF_ANOTHER = _words(
    r"^\W{0,4}(?:was|is|has been|had been|uses|used|were|are)\b|\b(?:which|whose|itself|that (?:was|is|were))\b"
)
