"""Words of descent, comparison and denial, in the languages that cards are written in.

`FORWARD` finds cues that speak of the names after them, `AFTER` matches what may stand right behind a name. A cue is of
a type: "descent" (its weights went in), "direct" (likewise, but only for the very next word), "weak" (likewise, but the
name may be a data set's), "into" (likewise, in a sentence about distillation) or "block" (it is named for another
reason). Where several begin at one place, the first of the list counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Words between two others, each of bounded length and never divided in another way: a run of hyphens could be divided
# in so many ways that no sentence with one would ever be read to its end.
_GAP = r"(?:[ -][\w'’%.-]{1,60}+){0,4}?"
_WIDE = r"(?:[ -][\w'’%.-]{1,60}+){5,10}?"
_SHORT = r"(?:[ -][\w'’-]{1,60}+){0,2}?"


def _any(words: Iterable[str]) -> str:
    return "|".join(words)


_TUNED = (
    r"(?:re-?)?(?:fine[- ]?tun(?:ed?|es|ing)|finetun(?:ed?|es|ing)|post[- ]?train(?:ed|ing|s)?|instruction[- ]tuned|"
    r"further[- ](?:pre-?)?trained|continu(?:ed?|es|al|ally|ing|ous)(?: (?:pre-?)?train(?:ing|ed))?|train(?:ed|ing)|"
    r"adapt(?:ed|ation|ing)?|convert(?:ed)?|conver(?:ted|sion)|quanti[sz](?:ed|ation|ing)|initiali[sz](?:ed|ation)|"
    r"warm[- ]?start(?:ed)?|start(?:ed|ing|s)?|upscaled?|upcycled?|pruned?|abliterated|extended|expanded|created?|"
    r"made|obtained|resharded|re-sharded|exported|dequantized|modified|developed|built|result(?:s|ing)?)"
)
_MIXED = (
    r"(?:merge[sdr]?|merging|blend(?:ed|ing|s)?|mix(?:ed|ture|ing|es)?|combin(?:ation|es|ed|ing)|hybrid|soup(?:ed|"
    r"s)?|interpolat(?:ion|ed|es|ing)|average[ds]?|averaging|slerp|passthrough|task arithmetic|ties|dare|della|"
    r"fusion|fuse[ds]?|franken\w*|model stock|stack(?:ed|ing)?)"
)
_THING = (
    r"(?:version|variant|finetune|fine-tune|fine-tuning|ft|derivative(?: work)?|cop(?:y|ies)|mirror|re-?upload|"
    r"re-?host|clone|fork|quants?|quanti[sz]ations?|conversion|weights|checkpoints?|model files|edition|build|child|"
    r"descendant|q?lora(?: adapters?)?|adapters?|abliteration|gptq|awq|gguf|exl[23]|fp8|nvfp4|mlx|layers?|experts?|"
    r"blocks)"
)
_BASE = (
    r"(?:base|parent|source|merged|constituent|foundation|original|upstream|backbone|root|seed|origin|underlying|"
    r"starting|pre-?trained)"
)
_ARTICLE = (
    r"(?:(?:the|a|an|our|its|weights|of|checkpoints?|models?|base|original|dense|open|official|public|from) ){0,4}"
)

_BLOCK = [
    # said of other things than the weights
    r"\b(?:code|data ?sets?|data|corpus|recipe|pipeline|template|tokenizer|prompts?|benchmark|paper|method|scripts?|"
    r"architecture|design|syntax|format|harness)\b(?: \w+){0,2} (?:is|are|was|were)(?: \w+){0,2}? (?:based|built|"
    r"derived|taken|inspired|adapted|modell?ed)(?: (?:up)?on| from| after)?",
    r"\b(?:tokeni[sz]er|chat[ -]?template|prompt (?:format|template)|vocabulary|vocab|architecture|context length|"
    r"vision (?:encoder|tower)|license|licence|terms)(?: \w+){0,4}? (?:of|from|as|like|by|for|with)\b",
    r"\b(?:data|samples|questions|prompts|ideas?|inspiration|name|tokens|text)\b[^.,]{0,20}? (?:comes?|came|"
    r"stems?) from\b",
    r"\barchitecture (?:follows|resembles|equals)",
    r"\b(?:version|variant|quants?|build|edition|finetune|fine-tune)s? of (?:this|our|the same) model",
    r"\b(?:licen[cs]e|terms) of\b|\bintermediate (?:output|model|step)",
    # teachers and tools
    r"\bdistil\w*" + _GAP + r" (?:from|of|using|with)\b",
    r"\bteachers?\b|\bstudent of\b|\breward model\b|\bjudges?\b|\bsynthetic\b|\bdraft model\b|\bembeddings? of\b",
    r"\b(?:generated|produced|written|curated|annotated|label+ed|answered|translated|judged|scored|ranked|filtered|"
    r"rewritten|synthesi[sz]ed|collected|distilled|verified|graded|rated|deduplicated)"
    + _SHORT
    + r" (?:by|with|using|from)\b",
    r"\b(?:outputs?|samples?|data|traces?|logits|responses?|answers?|generations?|logs|chats?|conversations?|dialogues|"
    r"knowledge|completions)(?: \w+){0,2}? (?:of|from|by|with|between)\b",
    # comparisons
    r"\b(?:outperform\w*|beats?|beating|surpass\w*|exceed\w*|compar(?:ed|ing|e|es|ison|able)\b|versus|vs\b|than\b|"
    r"rivals?\b|competitive|alternative to|inspired by|evaluat(?:ed|ing|e|ion)|benchmark(?:s|ed)?\b|"
    r"improve[sd]? (?:up)?on|improves? over|against\b|unlike\b|on par|parity|replacement for|compatible|in contrast|"
    r"contrary to|beside\b|next to|ahead of|relative to|see also|related (?:models|work)|thanks?\b|acknowledg\w*|"
    r"credits?\b|named after|mentions?\b|recommend\w*|considered|replaces\b|moved away|differs? from|different from|"
    r"independent (?:of|from)|win rate|trailing|behind\b|leaderboard|siblings? of|twice|\bleads\b|trails\b|level of|"
    r"similar (?:to|in|size)|(?:same|equal)(?: \w+){0,3} as|instead of|rather than|neither\b|matche[sd]\b|match\b|"
    r"not affiliated|collection with|feels like|works? (?:\w+ )?with|runs on|requires|next-best|competitors?|"
    r"ours? vs)",
    # pt es fr it de nl ru uk
    r"\b(?:supera\w*|superou|compara\w*|em relação a|à diferença|a diferencia de|en comparación|inspirad\w+|"
    r"melhor\w*|mejor\w*|migliore|dépass\w+|surpass\w+|par rapport|comparée?s?|contrairement|inspirée?s?|"
    r"meilleure?s?|übertr\w+|im vergleich|vergl\w+|besser|schlägt|anders als|im gegensatz|vergelek\w+|beter dan|"
    r"rispetto a|confront\w+|a differenza|ao contrário|превосход\w+|по сравнению|уступа\w+|лучше|в отличие|сравн\w+|"
    r"(?:с)?генерирован\w+|дистиллирован\w+|краще|порівн\w+)",
    r"\b(?:destilad[oa]s?|destilaci[óo]n|destilação|distillée?s?|distillat[oa]|distillato|destilliert\w*)"
    + _GAP
    + r" (?:a partir d\w*|à partir d\w*|d[eoa]s?|da|di|von|aus|del)\b",
    r"\b(?:gerad[oa]s?|generad[oa]s?|générée?s?|erzeugt\w*|generiert\w*|generat[oiea]|produzid[oa]s?|sintétic\w+)"
    + _SHORT
    + r" (?:por|pel[oa]s?|com|con|par|avec|von|mit|da|dal)\b",
    r"\b(?:dados|datos|données|daten|dati|данны\w+)" + _SHORT + r" (?:de|do|da|von|aus|di|от|из)\b",
    r"\b(?:menos|mais|más|mayor|menor|maior|meno|più|plus|moins)\b[^,.]{0,30}?\b(?:que|di)\b",
    # zh ja ko
    "优于|超过|超越|相比|相较|比较|对比|不同于|不如|领先|媲美|蒸馏自|参考了|感谢|致谢|优於|超過|비교|능가|比較|感謝",
]

_DESCENT = [
    r"\bdistill?ed (?:[\w-]+ ){0,6}into\b",
    r"\b(?:based (?:up)?on|built (?:up)?on(?: top of)?|built (?:from|with)|build(?:s|ing)? (?:up)?on|deriv(?:ed|es|"
    r"ing) from|powered by|inherit(?:s|ed|ing)?"
    + _GAP
    + r" from|contains?"
    + _SHORT
    + r" weights of|on top of|starting point(?: is|:| was)?)",
    r"\b(?:layers?|weights|experts|blocks|modules|parameters|backbone)" + _GAP + r" (?:from|of)\b",
    r"\b" + _TUNED + _GAP + r" (?:from|of|into|over|out of)\b",
    r"\b" + _TUNED + _WIDE + r" from\b",
    r"\b" + _MIXED + _GAP + r" (?:of|from|with|between|over|into|using)\b",
    r"\b(?:quants?|quanti[sz](?:ations?|ed))(?:[ -][\w.%-]{1,60}+){0,10}? (?:of|for)\b",
    r"\b(?:base|backbone|foundation|parent) of (?:this|the|our) model (?:is|was)\b|\bweights\b[^.,]{0,40}? (?:are|"
    r"is) (?:those|that|the ones) of\b",
    r"\b(?:comes|came|originates?|stems?|descends?) from\b|\b(?:built|made|created) using\b",
    r"\b(?:merges|blends|combines|interpolates|mixes)\b",
    r"\b" + _THING + _SHORT + r" (?:of|from|for|between)\b",
    r"\b"
    + _BASE
    + r"(?: (?:language )?models?| checkpoints?| weights)(?: (?:\w+ ){0,2}?(?:is|are|was|were|used))?\s*[:=|]?",
    r"\b(?:"
    + _BASE
    + r"|initiali[sz]ation|lineage|ancest(?:ry|ors?)|family tree|genealogy|donors?|hosts?|ingredients?|components?|"
    r"(?:model )?family|from|constituents?|(?:merge )?recipe|stock|(?:merge )?proportions|parents?|starting point|"
    r"experts?)\s*(?:[:=|]|\((?:s|es)\)|\b(?:is|are|was|were)\b(?! (?:based|built)))",
    r"\bmerge[sd]? with\b|\bmodels used\b|\bbase model (?:repository|repo|card|link|id|name)\b",
    r"\bbase_?models?\b|\bmodel_name_or_path\b|\b(?:models merged|merged models)\b",
    r"\b(?:these|following|two|three|four|several) models (?:\w+ )?(?:were|are|have been|was)(?: \w+)? (?:used|"
    r"merged|included|combined)|\bmodels (?:\w+ )?(?:included|used) in (?:the|this) merge",
    r"\b(?:lineage|ancestry|family tree|genealogy|ingredients|parents|merge components|recipe|constituents|"
    r"origins?)$",
    # pt es
    r"\b(?:a|la) base (?:é|es|è|est)\b|\bgrundlage ist\b|\b(?:partons|partimos|partiti|partono|partindo) d\w+",
    r"\b(?:basead[oa]s?|basad[oa]s?|construíd[oa]s?|construid[oa]s?|fundad[oa]s?)"
    + _SHORT
    + r" (?:n[oa]s?|em|en|sobre|a partir d\w*|encima de)\b",
    r"\b(?:derivad[oa]s?|resultad[oa]s?)" + _SHORT + r" d\w+\b|\b(?:a partir d\w+|partiendo de|partindo d\w+)",
    r"\b(?:ajust\w+|afinad\w+|refinad\w+|treinad\w+|pós-treinad\w+|entrenad\w+|postentrenad\w+|inicializad\w+|"
    r"convertid\w+|cuantizad\w+|quantizad\w+|obtid\w+|obtenid\w+|adaptad\w+|continuad\w+)"
    + _GAP
    + r" (?:a partir d\w*|d[eoa]s?|del|sobre|desde)\b",
    r"\b(?:vers[ãõ]\w+|versi[óo]n\w*|variante|cópia|copia|pesos)" + _SHORT + r" (?:d[eoa]s?|del)\b",
    r"\b(?:mescla\w*|mesclad\w+|fus[ãõ]\w+|fusi[óo]n\w*|mistura|mezcla\w*|combinaç\w+|combinaci\w+|junção|união|"
    r"unión|soma)" + _GAP + r" (?:d[eoa]s?|del|entre|com|con)\b",
    r"\bmodel(?:o|os|lo|li)(?: de| di)?[ -]bas[ei]\b|\bmodel(?:os|los|li) (?:pai|padres?|fuente|fonte|originai?s|"
    r"originales|fusionados|mesclados|genitori|fusi|uniti|di partenza)\b",
    # fr
    r"\b(?:basée?s?|fondée?s?|construite?s?|bâtie?s?) (?:sur|à partir d\w*)\b|\b(?:dérivée?s?|issue?s?) d|"
    r"\bà partir d(?:e|u|es|')",
    r"\b(?:affinée?s?|entraînée?s?|entraîné|ajustée?s?|initialisée?s?|quantifiée?s?|convertie?s?|adaptée?s?)"
    + _GAP
    + r" (?:à partir d\w*|sur|d)\b",
    r"\b(?:version|variante|copie|fusion|mélange|combinaison|poids)" + _GAP + r" (?:d[eu]s?\b|d['’]|entre)",
    r"\bmodèles?(?: de base| parents?| sources?| fusionnés| d['’]origine)",
    # de nl pl
    r"\b(?:basier\w*"
    + _SHORT
    + r" auf|aufbauend auf|baut"
    + _SHORT
    + r" auf|ausgehend von|auf (?:der )?(?:basis|grundlage)"
    r"(?: von| des| der)?)\b",
    r"\b(?:fein ?abgestimmt\w*|feinjustiert\w*|nachtrainiert\w*|weiter ?trainiert\w*|trainiert\w*|abgeleitet\w*|"
    r"quantisiert\w*|version|variante|ableger|kopie|feinabstimmung|fine-tuning|finetuning|finetune)"
    + _GAP
    + r" (?:von|vom|aus|auf)\b",
    r"\b(?:verschmelzung|mischung|fusion|merge|kombination|zusammenführung|gewichte)"
    + _GAP
    + r" (?:von|aus|zwischen)\b",
    r"\b(?:basismodell\w*|grundmodell\w*|ausgangsmodell\w*|elternmodell\w*|quellmodell\w*|basismodel\w*)\b",
    r"\b(?:gebaseerd op|afgeleid van|(?:getraind|verfijnd) (?:vanaf|van|op)|(?:dostrojon|wytrenowan)\w+ (?:z|na|od)|"
    r"versie van|samenvoeging van|opart\w+ na|na podstawie|model bazowy|bazuj\w+ na|wersj\w+|dựa trên|mô hình cơ sở|"
    r"tinh chỉnh từ|berbasis|berdasarkan|model dasar|temel model|taban model)",
    # it
    r"\b(?:basat[oaie] su\w*|costruit[oa] su\w*|derivat[oaie] da\w*|a partire da\w*|messa a punto di)\b",
    r"\b(?:addestrat|affinat|ottenut|ottimizzat|inizializzat|quantizzat|adattat|convertit)[oaie]"
    + _GAP
    + r" (?:da\w*|su)\b",
    r"\b(?:versione|variante|copia|fusione|unione|combinazione|miscela|pesi)" + _GAP + r" (?:di|del\w*|tra|fra)\b",
    # ru uk
    r"\b(?:на (?:основе|базе|основі|базі)|основан\w+ на|базиру\w+ на|заснован\w+ на)\b",
    r"\b(?:дообуч\w+|получен\w*|создан\w*|инициализ\w+|квантован\w*|обучен\w*)"
    + _GAP
    + r" (?:из|от|на основе|на базе|поверх)\b",
    r"\b(?:дообучен\w+ верси\w+|квантованн\w+ верси\w+|верси\w+|копи[яюи]|слияни\w+|объединени\w+|смес[ьи]|"
    r"смешени\w+|об'єднання|злиття)\b",
    r"\b(?:базов|исходн|родительск|базова)\w* модел\w*",
    # zh ja ko
    "基于|基於|基座模型|基础模型|基礎模型|底座模型|底模|基模型|父模型|源模型|原始模型|原模型|合并的模型|合并了|"
    "融合了|合并|融合|合併|微调自|源自|派生自|衍生自|蒸馏到|蒸馏至|量化自|微调了|继承自",
    r"ベースモデル|元モデル|親モデル|マージ元|原モデル|ベース\s*(?:[:：]|$)|Task ?Vector|Chat ?Vector|"
    r"以下のモデルを(?:マージ|合成)|マージしたモデル|使用モデル",
    r"베이스 ?모델|기반 ?모델|원본 ?모델|병합 ?모델|부모 ?모델|기본 ?모델",
]

_DIRECT = [
    r"\b\w+-(?:tuned|trained|quanti[sz]ed|pruned|aligned|distilled) ",
    r"\b(?:fine-?tun(?:ed?|es|ing)|finetun(?:ed?|es|ing)|merg(?:ed?|es|ing)|blend(?:ed|ing|s)?|quanti[sz](?:ed|es|"
    r"ing)|prun(?:ed?|es|ing)|post-?train(?:ed|ing)?|abliterat(?:ed?|es|ing)|continu(?:ed?|es|"
    r"ing) (?:the )?(?:pre-?)?train(?:ing)?|upscal(?:ed?|ing)|upcycl(?:ed?|ing)|combin(?:ed?|es|ing)|mix(?:ed|es|"
    r"ing)?|averag(?:ed?|es|ing)|took|taking|takes?|start(?:ed|ing|s)? (?:with|from|off)|adapt(?:ed|ing|s)?|"
    r"convert(?:ed|ing|s)?|froze|souped|dequanti[sz]ed|trained|extended|extends|reuploads?|"
    r"merge|slerp|chose|picked|selected|base|donor|parent|version \d+)[,:]? " + _ARTICLE,
]

_WEAK = [
    r"\b(?:"
    + _TUNED
    + r"|dpo|sft|grpo|rl|rlhf|rlvr|q?lora|ppo|orpo|kto|cpt|runs?|ran|applied)"
    + _SHORT
    + r" (?:on|with|to)\b",
]

BLOCK = re.compile(_any(_BLOCK), re.IGNORECASE)
FORWARD = re.compile(
    rf"(?P<block>{_any(_BLOCK)})|(?P<descent>{_any(_DESCENT)})|(?P<weak>{_any(_WEAK)})|(?P<direct>{_any(_DIRECT)})|"
    r"(?P<into>\binto\b)",
    re.IGNORECASE,
)

_AS_BASE = (
    r"as (?:(?:a|an|the|its|our|my|merge|main|initial|new|solid) ){0,3}(?:base|starting|foundation|"
    r"initiali[sz]ation|parent|backbone|donor|seed)"
)
_AFTER_DESCENT = [
    r"\W{0,6}(?:\w+\W{1,4}){0,5}?" + _AS_BASE,
    r"\W{0,4}(?:were|was|are|have been|has been|got|both)(?: \w+){0,2}? (?:merged|combined|blended|averaged|mixed|"
    r"souped|fused)",
    r"-(?:based|derived|tuned)\b| based\b|\s{1,3}(?:is )?merge[sd]? with\b",
    r" (?:fine-?tuned|finetuned|tuned|taught|adapted|speciali[sz]ed|modified|retrained) (?:to|for|on|with|in|by)\b",
    r"\W{0,4}(?:-+>|→|⟶|=>)| left off\b|,? whose (?:weights|parameters)|,? (?:on|from|without) which (?:it|this|"
    r"the)\b[^.]{0,24}?(?:based|built|fine-?tun|derived|merge|model)",
    r" (?:model )?(?:weights|checkpoints?),? (?:converted|in|re-?sharded|exported|quanti[sz]ed|as|with|stored|"
    r"saved)\b",
    r"(?:\W{1,4}\w+){0,6}?\W{1,4}(?:fein ?abgestimmt|feinjustiert|nachtrainiert|weitertrainiert|verschmolzen|"
    r"zusammengeführt)",
    r" (?:temel alın\w+|(?:\w+ )?ince ayar\w*|tabanlı|üzerine (?:inşa|kurul)\w*)",
    # zh ja ko
    r"[\s)）\]]*+(?:模型)?\s*+(?:的?基础上|的?[^。,,]{0,8}?(?:微调|量化|衍生|派生|合并|融合|变体|剪枝)|为(?:基础|"
    r"基座|底座|底模|骨干|起点)|上(?:继续|做|再)|(?:上)?进行(?:了)?(?:[^,。,]{0,6})?(?:微调|继续|后训练|合并|融合|"
    r"量化|训练)|合并|融合|作为(?:基座|基础|底座))",
    r"[\s)）\]]*+(?:モデル)?(?:を(?:ベース|元|基|もと|土台)|を[^。、]{0,10}マージ|をファインチューニング|を(?:微調整|"
    r"量子化|追加学習|継続|合成|改変)|から(?:派生|継続|作成|初期化|学習)|に(?:対して|対し)[^。]{0,24}(?:学習|"
    r"チューニング|マージ|加算)|の(?:量子化|派生|微調整|ファインチューニング|GGUF|マージ|差分|改変|Chat ?Vector|"
    r"Task ?Vector|レイヤー|重み))",
    r"[\s)）\]]*+(?:모델)?\s*+(?:(?:를|을)?\s*+(?:기반|베이스로|바탕으로|토대로)|(?:를|을)\s*(?:파인튜닝|미세\s*조정|"
    r"병합|양자화|추가\s*학습)|에서\s*(?:파생|시작)|에\s[^.]{0,24}(?:추가\s*학습|사전\s*학습|파인튜닝)|"
    r"의\s*(?:양자화|파생|병합|파인튜닝))",
]
_AFTER_BLOCK = [
    r" (?:wrote|generated|produced|answered|label+ed|annotated|translated)\b",
    r"-generated\b|-style\b|-like\b",
    r"(?:['’]s)?[ -]{1,2}(?:data ?sets?|corpus|corpora|benchmarks?|outputs?|responses?|generations?|answers?|"
    r"traces?|logits|tokeni[sz]er|chat[ -]?template|paper|team|authors|mix(?:es)? on)\b",
    r"\W{0,4}(?:\w+\W{1,3}){0,3}?as (?:(?:the|a|an|our) )?(?:teacher|judge|draft|reward|embedding|reference|"
    r"baseline|critic|verifier|grader)",
    r"(?:\W{1,3}\w+){0,2}?\W{1,3}(?:erzeugt|generiert|erstellt|geschrieben|gegenereerd)",
    r"[\s)）\]]*+(?:模型)?\s*+(?:相比|对比|相当|相同|一样|类似|生成|蒸馏|的(?:数据|输出|分词器|架构|回答)|作为(?:教师|"
    r"老师|评判))",
    r"[\s)）\]]*+(?:より|と同じ|と同様|を上回|と(?:の)?比較|に比べ|と比べ|で生成|が生成|を教師|の(?:データ|出力|"
    r"トークナイザ|回答)|に匹敵|並み)",
    r"[\s)）\]]*+(?:보다|(?:와|과) (?:같은|동일)|(?:와|과)\s*비교|(?:을|를)\s*능가|(?:로|으로)\s*생성|(?:가|"
    r"이)\s*생성|(?:을|를)\s*교사|의\s*(?:데이터|출력))",
]
AFTER = re.compile(rf"(?P<block>{_any(_AFTER_BLOCK)})|(?P<descent>{_any(_AFTER_DESCENT)})", re.IGNORECASE)
