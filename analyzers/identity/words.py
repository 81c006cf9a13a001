"""The words by which an answer claims a name, denies it, or only mentions it, in ten languages.

English, Chinese, Portuguese, Spanish, French, German, Italian, Japanese, Korean and Russian. One table for all: an
answer often mixes languages, and a language need not be recognised first. Every expression matches in linear time.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Cue(Enum):
    """The effect of a word on the names after it."""

    SELF = "the speaker is the subject, and a name may follow: I am"
    SUBJECT = "the speaker is the subject, and how it came to be may follow: I was"
    MAKER = "where the subject comes from, or what it is called: made by, named"
    DENY = "what follows is denied: not"
    OTHER = "what follows is compared or talked about: like, about, if"
    CONTRAST = "what follows is the truth after all: but"
    RESET = "the sentence speaks of doing something else: I can"


_CREATED = (
    r"(?:made|created|developed|built|trained|designed|released|produced|powered|provided|engineered|maintained|owned|"
    r"launched|operated|fine-?tuned|brought to you)"
)
_CRIADO = (
    r"(?:cri|desenvolv|trein|lanç|mant|produz|constru|projet|desarroll|entren|cre|diseñ)(?:ad|id|íd)[oa]s?|"
    r"feit[oa]|hech[oa]"
)
_CREE = r"(?:créé|développé|entraîné|conçu|construit|formé|lancé|mis au point)e?"
_CREATO = r"(?:creat|sviluppat|addestrat|realizzat|progettat|costruit)[oa]"

WORDS: Final[dict[Cue, str]] = {
    Cue.SELF: (
        r"\b(?:i am|i['’]m|im|(?:the|my) (?:full |real |exact |own )?name(?: of (?:the|this) model)?(?: is|['’]s)?|"
        r"(?:you (?:can|may) )?(?:just )?call me|"
        r"i go by|i identify as|i (?:run|am running|am based) on|"
        r"you(?: are|['’]re) (?:talking|speaking|chatting) (?:to|with)|"
        r"my (?:creators?|makers?|developers?|name and maker)(?: is| are| at)?)\b|"
        r"^\W*(?:this is|it['’]s|it is|name\s*:|as(?=[^,.]{2,80}, i\b))|"
        r"\b(?:eu sou|sou|me chamo|chamo-me|meu nome(?: é)?|pode me chamar de|soy|me llamo|mi nombre(?: es)?|"
        r"puedes llamarme|je suis|je m['’]appelle|mon nom est|appelez-moi|ich bin|ich heiße|mein name ist|"
        r"sono|mi chiamo|il mio nome è|меня зовут|мо[её] имя|мо[йи] (?:создател[ьи]|разработчик\w?))\b|"
        r"\bя\s*[—–-]|\bя\s+(?=[a-z«\"])|"
        r"我是|我叫|我的名字(?:是|叫)?|我名叫|我被称为|[你您]可以叫我|本人是|"
        r"(?:私|わたし|わたくし|僕|ぼく)(?:の名前)?は|"
        r"名前は|(?:私|わたし)を[\u3040-\u9fff]{1,8}のは|(?:저는|나는|제 이름은|내 이름은|저의 이름은)"
    ),
    Cue.SUBJECT: (
        r"\b(?:i was|i have been|i['’]ve been|as an? (?=[^,.]{2,80}, i\b)|eu fui|fui|j['’]ai été|ich wurde|"
        r"sono stat[oa]|я был[аи]?|меня|this (?:model|assistant|ai)|(?:^|\W)my \w+)\b|我由|我被|作为"
    ),
    Cue.MAKER: (
        rf"\b{_CREATED}(?: and {_CREATED})?(?: (?!on|using|with)\w+){{0,3}}? (?:by|at|from)\b|"
        r"\b(?:named|called|known as)\b|"
        r"\b(?:based|built) on\b|\bproduct of\b|\b(?:model|assistant|chatbot|ai|system|i['’]m|am) (?:by|from|of)\b|"
        rf"\b(?:{_CRIADO})(?: \w+){{0,3}}? (?:pel[ao]s?|por|na|no|em|en)\b|"
        r"\b(?:chamad[oa]|llamad[oa]|conhecid[oa] como|"
        rf"conocid[oa] como|baseado em|basado en)\b|\b{_CREE}(?: \w+){{0,3}}? (?:par|chez)\b|\bnommée?\b|\bappelée?\b|"
        rf"\bvon\b|\bnamens\b|\b{_CREATO}(?: \w+){{0,3}}? (?:da|dal|dalla|dai|dagli)\b|\bchiamat[oa]\b|"
        r"\b(?:созда|разработа|обуч)\w+|\bкомпани\w+|\bот\b|"
        r"由|来自|开发|训练|研发|推出|打造|创建|创造|研制|发布|名为|叫做|開発|訓練|作成|作られ|という|개발|만든|만들|훈련|제작"
    ),
    Cue.DENY: (
        r"\b(?:not|never|neither|nor|cannot|no (?:relation|connection|affiliation|link|ties|evidence|proof|reason))\b|"
        r"\b\w{1,12}n['’]t\b|"
        r"\b(?:não|nao|nem|no (?:soy|me llamo|fui|es|estoy|tengo)|ni|pas|nicht|keine?|non|не|ни)\b|"
        r"不是|并非|並非|并不|不叫|没有|而非|绝非"
    ),
    Cue.OTHER: (
        r"\b(?:like|unlike|similar(?:ly)? to|such as|than|compar\w+|versus|vs|differ\w*|distinct from|about|regarding|"
        r"e\.g|for example|for instance|including|compet\w+|alternatives? to|inspired by|confused? (?:with|for)|"
        r"as if|if|"
        r"whether|pretend\w*|imagin\w+|rather than|instead of|mistaken for|other (?:ai )?(?:models|assistants)|"
        r"(?:people|users|some|others|you|many) (?:think|say|ask|believe|claim|call)|role-?play\w*)\b|"
        r"\b(?:como|parecid[oa]|semelhante|similar|diferente(?:mente)?|ao contrário|al contrario|a diferencia|sobre|"
        r"comme|contrairement|semblable|différente?|tel(?:le)?s? que|à la différence|wie|ähnlich|anders|"
        r"im (?:gegensatz|unterschied)|als ob|wenn|über|come|simile|divers[oa]|a differenza|"
        r"как|похож\w*|подобно|вроде|в отличие|если|про)\b|"
        r"像|类似|例如|比如|诸如|相比|不同于|区别于|有别于|关于|如果|假如|假装|是否|もし|만약"
    ),
    Cue.CONTRAST: (
        r"\b(?:but|actually|in fact|however|sondern|aber|sino|pero|mais plutôt|mais|mas sim|mas|ma|bensì|но)\b|"
        r",\s*а\b|而是|但是|其实"
    ),
    Cue.RESET: (
        r"\b(?:i (?:can|could|will|would|may|might|know|use|used|have(?! been)|do|think|learn\w*|see|am able|"
        r"compete|work|understand|respect|believe)|"
        r"posso|puedo|je peux|ich kann|я (?:могу|знаю))\b|我(?:可以|能|会|知道|认为)"
    ),
}

CUES: Final = {cue: re.compile(words, re.IGNORECASE) for cue, words in WORDS.items()}

# right after a name
CLAIMED_AFTER: Final = re.compile(
    r"\W{0,3}(?:is (?:my name|what (?:i['’]m|i am) called|who i am)|here\b|at your service|"
    r"(?:(?:that|who|which) )?(?:has |have )?(?:\w+ and )?(?:created|made|developed|trained|built|designed) me\b|"
    r"(?:me (?:criou|desenvolveu|treinou|creó|desarrolló|entrenó)|m['’]a (?:créée?|développée?|entraînée?)|"
    r"hat mich|mi ha|è il mio nome|ist mein name|é o meu nome|es mi nombre|est mon nom)\b|"
    r"と申します|といいます|と言います|と呼ばれ|라고 합니다|(?:开发|训练|创造|研发)了我)",
    re.IGNORECASE,
)
DENIED_AFTER: Final = re.compile(
    r"[\"'”’»」』]?\s?(?:(?:では|じゃ|でも)(?:ありません|ない|なく)|(?:이|가|은|는)? ?아[니닙]|"
    r"(?:did not|didn['’]t|has not|hasn['’]t|had nothing)\b|is not my\b|isn['’]t my\b)",
    re.IGNORECASE,
)
OTHER_AFTER: Final = re.compile(
    r"[\"'”’»」』]?\s?(?:のよう|とは|と(?:違|異|比|同)|に似|より|について|を(?!搭載|基|ベース)|"
    r"처럼|같은|와 |과 |보다|에 대해|을 |를 |一样|不同|(?:is|was|are|were|es|é|ist|est|has|can|这样|等)\b)",
    re.IGNORECASE,
)

# after a name that a sentence begins with: it introduces itself
INTRODUCED: Final = re.compile(
    rf"[\"'*”’]{{0,3}}(?:$|,\s(?:an?\s[^,.]{{0,60}},?\s)?{_CREATED}\s(?:and\s\w+\s)?by\b)", re.IGNORECASE
)
# between a cue and its name: words that make the name something else than what the speaker is
FAR: Final = re.compile(
    r"\b(?:to|with|for|able|glad|happy|here|using|use|can|who|para|pour|für|per|avec|con|com|mit|capaz)\b|[;:.!?]\s",
    re.IGNORECASE,
)
# between two names of one list
CHAIN: Final = re.compile(
    r"[\s,、，/&(（\[\"'“”‘’«»「」『』+-]*"
    r"(?:(?:and|or|nor|und|oder|noch|et|ou|ni|e|y|o|i|и|ни|или|和|或|与|および|と|및|aka|a\.k\.a\.)\s?)?"
    r"(?:\s?(?:the|an?|o|a|el|la|le|il|der|die|das|by|team|lab|group|model)\s){0,2}[\s(（\[\"'“”‘’«»「」『』]*"
)
SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
QUESTION: Final = re.compile(r"[?？]\W*$")
BOUNDARY: Final = re.compile(r"[,;:，；：、()（）—–]")
WIDE: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # one such sign is about a word
