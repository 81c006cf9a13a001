"""Words that say why a model is named: descent, comparison, teaching, denial, in the languages of cards.

A cue is of a kind. "descent": the weights of the names behind it went in. "merge": likewise, to the sentence's end.
"weak": likewise, but the name may be a data set's. "block": the names stand there for another reason.

Vocabulary is written as words: `*` stands for any ending, `_` for a space.
"""

from __future__ import annotations

import re

BLOT = "\ufffc"  # stands for a name in a masked sentence


def stems(words: str) -> str:
    r"""Return the pattern of some words: "merg* see_also" gives `merg\w*|see also`, whole words only."""
    found = "|".join(w.replace("*", r"\w*").replace("_", "[ _-]") for w in words.split())
    return rf"\b(?:{found})\b"


# each word ends where it can: a run of hyphens could be divided in so many ways that reading would not end
_GAP = r"(?:[ -][\w'’%.+()]{1,200}+){0,5}?"
_OF = (
    r" ?(?:from|of|off|over|out of|into|for|on|to|at|with|von|für|de|do|da|di|d['’]|pour|para|per|untuk|dari|của|"
    r"cho|van|voor|для|из|от)\b[ :]{0,3}"
)
_FORMATS = (
    "gguf ggml awq gptq exl2 exl3 fp8 nvfp4 mxfp4 mlx onnx openvino bnb hqq int4 int8 int3 safetensors 4-bit 8-bit"
)
_COPIES = (
    "mirror* back-up* backup* backed_up re-upload* reupload* re-post* repost* re-host* rehost* duplicat* fork fork* "
    "clon* copy copies copied re-shard* reshard* rename* moved_from archiv*"
)
_VERSIONS = (
    "version variant finetune* fine-tune* fine-tuning tune edit edition build derivative child descendant remix "
    "experiment conversion lora qlora peft adapter adapters head heads eagle eagle3 quant quants quantization "
    "quantizations quantisation merge "
)
_TUNE = r"(?:re-?)?fine[- ]?tun(?:e[sd]?|ing)|finetun(?:e[sd]?|ing)|(?:post|further|re)[- ]?train(?:ed|ing)"

_BLOCK = [
    stems(
        "distil* teacher* student* reward_model* judg* synth* logit* imitat* imitando draft_model* drafter* "
        "speculative outperform* beat* surpass* exceed* compared_to compared_with compar* versus vs than rival* "
        "compet* compit* alternative* inspired evaluat* benchmark* score* against unlike on_par parity replace* "
        "compatible contrast_to contrast similar like ahead relative see_also related thank* acknowledg* credit* "
        "named_after mention* recommend* considered differ* leaderboard leads trails trailing we_follow sibling* "
        "twice level_of match* affiliated works_with requires next_to behind instead_of rather_than available "
        "download* check_out visit cite citation baseline* intermediate collection* family series successor* "
        "predecessor* supersed* previous* here data* corpus corpora tokenizer tokeniser chat_template prompt_format "
        "prompt_template vocab* licen?e paper code codebase script* github blog demo space* discord architecture "
        "hyperparameter* hyper-parameter* context_length example* usage source_llm* outscore* config configuration "
        "readme"
    ).replace("licen?e", "licen[cs]e"),
    r"\b(?:generat|annotat|label|translat|judg|rank|filter|rewrit|curat|verif|produc|writ|answer|"
    r"creat)\w* (?:\w+ ){0,3}?(?:by|with|using|from)\b|\b(?:made|quanti[sz]ed|converted|exported|tested|run|"
    r"served) (?:\w+ )?"
    r"(?:with|by|using|via)\b|\b(?:to (?:create|build|make|generate)|creating|building) (?:\w+ ){0,3}?(?:set|pairs)\b",
    r"\b(?:outputs?|samples?|traces?|responses?|answers?|completions|logs|knowledge|tokens|text|questions|prompts|"
    r"chats|conversations|dialogues?)(?: \w+){0,2}? (?:of|from|by|with|between)\b|\bimprove\w* (?:up)?on\b|"
    r"\bother (?:\w+ )?(?:versions?|sizes|models|"
    r"formats)\b",
    r"\bsame(?! (?:weights|files|model) as)(?: \w+){1,3} as\b|\bversions? of (?:this|our|the same|it)\b|"
    r"\byou (?:can|may|could|might)\b|\bfeel free\b|\bplan(?:s|ned)? to\b|\bin the future\b|\bwill be\b|"
    r"\bnext version\b",
    r"\bquants?\b(?!\W{1,3}(?:of|for|von|de|version)\b)|\bquanti[sz]ations?\b(?!\W{1,3}(?:of|for)\b)|"
    r"\bquanti[sz]ed (?:versions?|models?)\b(?! of)",
    stems(
        # pt es fr it
        "supera* em_relação diferen* inspirad* melhor* mejor* miglior* dépass* par_rapport contrairement inspiré* "
        "meilleur* rispetto confront* contrário destil* distill* gerad* generad* généré* generat* dados datos "
        "données dati graças gracias merci grazie agradec* professor* profesor* sustituy* substitu* remplac* "
        "produites_par produit_par producid*_por "
        # de nl pl tr vi id
        "übertr* vergl* im_vergleich besser schlägt anders_als gegensatz destilliert* erzeugt* generiert* daten* "
        "danke ersetz* vergelek* beter dank lepsz* porówn* danych dzięki karşılaştır* daha_iyi veri so_với so_sánh "
        "dữ_liệu dibanding* lebih_baik "
        # ru uk
        "превосход* сравн* уступа* лучше отличие сгенерирован* генерирован* дистил* учител* краще порівн* данны* "
        "даних датасет* благодар*"
    ),
    "优于|超过|超越|相比|相较|比较|对比|不同于|不如|领先|蒸[馏餾]|教师|生成|数据|資料集|评测|感[谢謝]|致谢|参考|"
    "论文|超過|比較|"
    "上回|蒸留|データ|感謝|教師|論文|より|보다|비교|능가|데이터|증류|교사|생성|감사",
]
_MERGE = [
    stems(
        "merge merges merged merger mergers merging blend* mix mixes mixed mixture mixing combine combines combined "
        "combining combination soup soups souped interpolat* average averages averaged averaging slerp franken* "
        "fuse fuses fused fusion fusing stack stacks stacked stacking passthrough della ties dare model_stock "
        "hybrid alloy add_difference task_vector* chat_vector* made_of made_out_of made_up_of consist_of "
        "consists_of ingredient* constituent* donor* expert experts mescla* mistura* mezcla* fusão fusión fusione "
        "fusiona* mélange* combinaç* combinaci* combinaison unione junção promedi* verschm* mischung zusammenf* "
        "samenvoeg* samengevoegd połącz* birleş* hợp_nhất gộp gabung* penggabung* слия* сплав* злит* объедин* "
        "об'єдн* смес* смеш*"
    ),
    "合并|合併|融合|混合|マージ|合成|混ぜ|병합|합[친쳐]",
]
_DESCENT = [
    r"\bdistill?(?:ed|ing)\b[^.;\n]{0,100}?\binto\b",
    rf"\b(?:{_TUNE}|instruction[- ]tuned|tuned?|continu\w+[- ](?:to )?(?:(?:pre-?)?train\w*)?|initiali[sz]\w+|"
    r"warm[- ]?start\w*|start(?:s|ed|ing)?|feintun\w*|feinabstimmung|up-?scal\w+|upcycl\w+|prun(?:ed?|ing)|"
    r"abliterat\w+|(?:un|de)censor\w+|exten(?:ds|ded|ding)|expan(?:ds|ded|ding)|adapt(?:s|ed|ing|ation)|deriv(?:es|"
    r"ed|ative)|descend\w*|modifi\w+|dequanti[sz]\w+|healed|obtained|created|developed|resulting|quanti[sz]ed|"
    r"converted|"
    rf"compressed|exported|inherit\w*){_GAP}{_OF}",
    rf"\b(?:{_TUNE}|quanti[sz](?:e[sd]?|ing)|prun(?:ed?|ing)|abliterat(?:ed?|ing)|took|taking|takes?|adapt(?:s|ed|"
    rf"ing)?|"
    r"convert(?:s|ed|ing)?|exten(?:ds?|ded|ding)|expan(?:d|ded|ding)|upcycl\w+|upscal\w+|trained|start\w* (?:with|"
    r"from|off)|continu\w+ (?:pre-?)?train\w*|dequanti[sz]ed)(?: (?:the|a|an|our|original|base|model|checkpoint|"
    r"weights|of|official|"
    rf"open|dense)){{0,4}}[ :,]{{1,3}}(?={BLOT})",
    r"\b(?:bas(?:ed|is)|built|build(?:s|ing)?|rests|sits|stands|is|"
    r"it['’]s) (?:\w+ )?(?:up)?-?on(?:[- ]?top(?: of)?)?\b|"
    r"\bon-?[ -]?top[- ]of\b|\bbuilt (?:from|with|using|around)\b|\b(?:comes?|came|originat\w+|stems?) from\b",
    r"\bsame (?:weights|files|model) as\b|\b(?:bit|byte|weights?|files?|tensors?)\b[^.;]{0,40}?\bidentical to\b|"
    rf"\b(?:sft|dpo|grpo|orpo|kto|ppo|rlhf|cpt|q?lora)(?:-\w+)?(?: \w+){{0,2}} (?:of|over|from)\b|\bup-?scaling\b|"
    rf"\b\w+-(?:aligned|tuned|trained|merged|pruned) (?={BLOT})",
    r"\b(?:layers?|weights|blocks|modules|parameters|tensors|checkpoints?|model files?|files)(?: \w+){0,4}? "
    r"(?:of|from|are those of)\b",
    rf"{stems(_VERSIONS + _COPIES + ' ' + _FORMATS)}{_GAP}{_OF}",
    rf"{stems(_COPIES)}[: ]{{1,3}}(?={BLOT})",
    r"\b(?:base|parent|source|original|origin|upstream|foundation|underlying|starting|merged|constituent|"
    r"pre-?trained|seed|root|unquanti[sz]ed)(?:[ _-](?:language|llm|text|main|full|hf))?[ _-](?:models?|"
    r"checkpoints?|weights|"
    r"repo(?:sitory)?|card|point|version)s?\b(?! (?:family|performance))",
    r"(?:^|[|\n(*]|\b(?:the|its?|our|as)) ?(?:base|origin(?:al)?|source|parents?|upstream|lineage|ancestry|backbone|"
    r"foundation|model\(s\)|models?(?: and \w+)? used|llm|start(?:ing point)?|fine-?tuned from|derived from|from|"
    r"built from|recipe|"
    rf"genealogy|family tree|host)\b\s*(?:[:=|：]|\bis\b|(?={BLOT})|$)",
    r"\b(?:language|vision|text|visual|audio|speech|image|video|llm)[ -]?(?:part|model|encoder|backbone|tower|"
    r"decoder|component)?s?\s*[:=|：]|(?:sprach|языков\w+|dil|言語|语言|語言|언어)[- ]?(?:model\w*|модел\w+|モデル|"
    r"模型|모델)\s*[:=|：]|(?:görüntü|画像|视觉|視覺|визуальн\w+|비전)[ -]?(?:kodlayıcı\w*|エンコーダー?|编码器|"
    r"編碼器|энкодер\w*|"
    r"인코더)\s*[:=|：]",
    r"\bbase_?models?\b|\bmodel_name_or_path\b|\bduplicated_from\b|\bmodels? (?:\w+ )?(?:used|included|"
    r"involved) (?:in|for)\b|"
    r"\b(?:these|following|two|three|four|several) models\b|\bused as (?:a |the )?bases?\b",
    r"\b(?:vers[ãõ]\w+|versi[óo]n|versione|variante|fassung)(?:[ -][\w'’]{1,40}+){0,4}? (?:d[eoai]s?|del\w*|von|des)\b",
    stems(
        "basis foundation backbone "
        # pt es fr it
        "basead* basad* basat* basée basé fondé* construi* costruit* a_partir* à_partir* a_partire* partindo_d* "
        "partiendo_d* derivad* derivat* dérivé* issu_d* issue_d* afinad* refinad* ajust* affin* messa_a_punto "
        "nasce_d* nace_d* inicializad* obtid* obtenid* ottenut* cópia copia copie réplica espelho espejo miroir "
        "specchio quantizad* cuantizad* quantizzat* quantifié* convertid* convertie converti convertit* poids pesos "
        "pesi model*_base model*_de_base model*_di_base modèle_d'origine modelo_original modello_originale "
        "afinamiento "
        # de nl pl tr vi id
        "basier* aufbauend baut ausgehend grundlage feinabgestimmt* feinjustiert* nachtrainiert* weitertrainiert* "
        "abgeleitet* quantisiert* ableger kopie spiegel* gewichte basismodell* grundmodell* ausgangsmodell* "
        "elternmodell* quellmodell* originalmodell* gebaseerd afgeleid verfijnd gekwantiseerd* versie opart* "
        "na_podstawie bazow* bazuj* wersj* dostrojon* wytrenowan*_z kopia temel* tabanl* ince_ayar* kopya* dựa_trên "
        "tinh_chỉnh bản_sao lượng_tử mô_hình_gốc mô_hình_cơ_sở mô_hình_nền từ_mô_hình berbasis berdasarkan salinan "
        "turunan model_dasar dari_model disetel "
        # ru uk
        "основе основу основі базе базі базов* базиру* заснован* дообуч* донавч* копия копии копию зеркал* дзеркал* "
        "квант* исходн* родительск* верси* версі* получен*_из инициализ* файнтюн* конвертир* веса"
    ),
    "基于|基於|基座|底座|底模|基础模型|基礎模型|基模型|父模型|源模型|原模型|原始模型|原始权重|微[调調]|源自|来自|"
    "衍生|派生|量化|镜像|鏡像|备份|備份|转载|搬运|转换|複製|复制|继续预训练|增量预训练|初始化|ベース|元モデル|"
    "親モデル|原モデル|ミラー|コピー|バックアップ|量子化|変換|ファインチューニング|微調整|Vector|使用モデル|"
    "以下のモデル|기반|베이스|파인 ?튜닝|미세 ?조정|"
    "양자화|변환|미러|복사|백업|원본|기본 모델",
]
_WEAK = [
    r"\b(?:fine[- ]?tun\w+|finetun\w+|train\w*|pre-?train\w*|adapt\w+|dpo|sft|grpo|rlhf|q?lora|ppo|orpo|kto|cpt|ran|"
    r"runs?|applied|experiment\w*)(?:[ -][\w'’]{1,40}+){0,3}? (?:on|with|to|using)\b|\bpowered by\b|(?:^|"
    r"\n)\W*models?\s*[:=]",
    stems("treinad* entrenad* entraîn* addestrat* trainiert* getraind trenowan* eğit* dilatih huấn_luyện обуч* навч*"),
    "训练|訓練|学習|학습",
]
# A cue begins where a word does, with a letter outside of ASCII, or a cell: all other places are passed over at once.
COPY = re.compile(stems(f"{_COPIES} {_FORMATS} quanti[sz]* conver* adapter* lora"), re.IGNORECASE)
CHANGED = re.compile(rf"{_TUNE}|{stems('merg* blend* train* distil* abliterat*')}", re.IGNORECASE)
FORWARD = re.compile(
    r"(?:(?<!\w)(?=\w)|(?=[^\x00-\x7f])|(?=[|\n(*])|^)"
    + "(?:"
    + "|".join(
        f"(?P<{kind}>{'|'.join(patterns)})"
        for kind, patterns in (("merge", _MERGE), ("descent", _DESCENT), ("weak", _WEAK), ("block", _BLOCK))
    )
    + ")",
    re.IGNORECASE,
)

OF_THIS = re.compile(
    r"\s*(?:this|the (?:same|present|current)|these|our(?! (?:very )?\w+\W{0,4}\ufffc)) (?:very )?(?:models?|one|"
    r"repo\w*|release|"
    r"version|checkpoints?|weights)\b|\s*(?:scratch|zero|nothing|random)\b",
    re.IGNORECASE,
)
_DONE = (
    "fine-tuned finetuned finetune fine-tune quantized quantised converted merged abliterated uncensored pruned "
    "expanded upscaled trained healed re-uploaded reuploaded re-upload reupload mirror backup clone copy with but "
    "now in "
)
AFTER_NAME_FIRST = re.compile(
    rf"[\W_]{{0,4}}{stems(_DONE + _FORMATS)}(?!\W+(?:achiev|outperf|is|was|has)\w*)", re.IGNORECASE
)
AFTER_BLOCK = re.compile(
    r"['’]s\b|(?:[ -]{1,3}(?!(?:by|with|using|on|for|in|and|from|to|as)\b)\w{1,20}+){0,2}?[ -]{1,3}(?:data ?sets?|"
    r"corpus|corpora|tokeni[sz]er|template|format|architectures?|paper|licen[cs]e|outputs?|blog|repo|script|demo|"
    r"space|prompts?|vocab\w*|pipeline|collection|benchmark)\b|\)? merge method\b|"
    r"(?:\W{1,3}\w+){0,3}?\W{1,3}as (?:(?:a|an|the|"
    r"our) )?(?:teacher|judge|reward|reference|baseline|draft|critic|grader|verifier)| (?:\w+ )?(?:generated|"
    r"achiev\w+|outperform\w+|scor\w+|by \d)|\W{0,3}(?:was|is|has been|were) (?:pre-?)?trained|[\s)）\]]*(?:相比|"
    r"对比|相当|一样|生成|蒸馏|的(?:数据|输出|分词器|架构|回答)|作为(?:教师|老师)|より|と同じ|を上回|と比較|に比べ|"
    r"で生成|を教師|の(?:データ|出力|トークナイザ)|に匹敵|보다|와 비교|과 비교|를 능가|을 능가|로 생성|"
    r"의\s*(?:데이터|출력))",
    re.IGNORECASE,
)
AFTER_DESCENT = re.compile(
    r"\W{0,6}(?:\w+\W{1,4}){0,5}?as (?:(?:a|an|the|its|our|my|main|initial|merge|solid|new) ){0,3}(?:base|start\w*|"
    r"foundation|init\w*|parent|backbone|donor|seed)|\W{0,4}(?:were|was|are|have been|has been|got|"
    r"both)(?: \w+){0,2}? (?:merged|combined|blended|averaged|mixed|souped|fused|used as)|\W{0,3}(?:merged|blended|"
    r"souped|averaged|fused)\b|-(?:based|derived|tuned)\b| based\b| ?\((?:as )?(?:the )?(?:base|parent|"
    r"donor)\b|\W{0,4}(?:-+>|→|⟶|=>)|,? whose (?:weights|parameters)|,? (?:this|it) is (?:just |"
    r"only |simply )?(?:a |an )?"
    rf"{stems(_COPIES)}|\W{{0,3}}(?:перевед|сконвертир|дообуч|квантован)\w*|"
    r" (?:tabanlı|üzerin\w+|temel al\w+)|[- ]?(?:basiert|basierte\w*)|"
    rf"[^。！？\n{BLOT}]{{0,24}}?(?:ベース|底座|マージ|微[调調]|ファインチューニング|チューニング|量子化|変換|"
    rf"追加学習|継続事前学習|差分|"
    r"に対し|アップロード|SLERP|TIES|伸ばし|拡張|的(?:镜像|备份|副本|复制|转载|量化)|量化|扩展|剪枝|为基[础座]|"
    r"為基礎|作为基[础座]|进行(?:微调|量化|训练)|而来|得到|合并|融合|기반|베이스|파인 ?튜닝|미세 ?조정|병합|양자화|"
    r"변환|추가 ?학습|복사|"
    r"미러)",
    re.IGNORECASE,
)

DENIAL = re.compile(
    r"\b(?:not(?! (?:just|only|merely|simply|as|yet|affiliated|endorsed|sponsored))|never|without|unlike|neither|"
    r"nor|none|no (?=\w* ?(?:weights?|"
    r"parts?|layers?|merg\w+|trace|tensors?|parameters?|use|longer|data|code|model|(?:rlhf|sft|dpo|fine|pre|train|"
    r"distil|further|"
    rf"additional)\w*|{BLOT}|of|from))|no (?:es|son|tiene|usa|contiene|incluye)|n[ãa]o(?! (?:apenas|só))|nem|"
    rf"s[ei][mn](?! censura)|ni|pas(?! seulement)|aucun\w*|jamais|"
    r"nicht(?! nur)|kein\w*|non(?! solo)(?=\s)|не(?! только)|нет|niet|geen|nie|değil|không|bukan|tidak|tanpa|bez|"
    r"instead of|rather than|rejected|nothing)\b|n[’']t\b|不是|并非|並非|没有|不含|未(?=基|经|使)",
    re.IGNORECASE,
)
DENIED_AFTER = re.compile(
    r"ではありません|ではない|でない|ていません|ていない|含まれていません|아닙니다|아니다|아닌|아니며|않|不是|değil|"
    + stems(
        "rejected false dropped failed never_used not_used not_included not_part discarded abandoned no_part "
        "nothing_to_do nicht_enthalten no_se_us* не_использ*"
    ),
    re.IGNORECASE,
)
# for naming: of a negation only one that can deny what went into a model
NOT_OF = re.compile(
    r"\b(?:(?:not|nicht|niet|nie|não|nao|non|pas|не|không|bukan|tidak)(?! (?:just|only|merely|simply|as|yet|nur|"
    r"apenas|solo|только|"
    r"affiliated|endorsed|official\w*|the official|an? official|modified|own|\w*(?:cens|cenz|sens|zens|ценз)\w*|"
    r"kiểm duyệt))|never|no|"
    r"none|neither|nor|nothing|nem|kein\w*|aucun\w*|geen|sin(?! cens)|sem(?! cens)|bez(?! cenz))\b|n[’']t\b|"
    r"不是(?!官方)|并非|並非|"
    r"没有(?!审查)|不含|未(?=基|经|使)",
    re.IGNORECASE,
)
NOT_INSIDE = re.compile(
    r"ではありません|ではない|でない|使用していません|使っていません|含まれていません|含んでいません|아닙니다|"
    r"아니다|아닌|아니며|不是|değil|"
    + stems("never_used not_used not_included not_part no_part nothing_to_do nicht_enthalten no_se_us* не_использ*"),
    re.IGNORECASE,
)
UNREAL = re.compile(
    stems(
        "a_myth who_says_it who_says_this who_claims wrongly refused_to hardly lack lacks free_of zero_weights "
        "our_next "
        "you_can you_may you_could you_might feel_free if_you plan_to plans_to planned_to in_the_future can_be "
        "may_be could_be would_be some_people rumor* rumour* allegedly accus* claims_that claim_that consider "
        "our_previous will_merge will_fine-tune will_train will_release will_be next_week next_month next_version "
        "next_project podem_ser pode_ser puede_ser peut_être"
    ),
    re.IGNORECASE,
)
ELSEWHERE = re.compile(
    r"\b(?:several|some|many|most) (?:people|users|others)\b|\bthere (?:are|is) (?:many|several|other|already|also)\b|"
    r"\bavailable elsewhere\b|\bwere shown to\b|\bsuch as\b",
    re.IGNORECASE,
)
RETRACTED = re.compile(
    r"(?:that|this) is (?:false|not true|wrong)\b|.{0,40}\b(?:shares? nothing|nothing to do) with (?:it|that)\b", re.I
)
