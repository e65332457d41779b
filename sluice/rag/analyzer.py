"""Text as search tokens, the same for passages and questions: Korean as 1- and 2-grams, English as light stems."""

import re
import unicodedata

# Asking words, grammar and greetings do not say which passage answers; with them, small talk would find some.
_ENGLISH = """
a an the this that these those there here it its is are was were be been am do does did done have has had having i
me my mine we us our ours you your yours he him his she her they them their who whom whose what which when where why
how and or but nor so if then than as at by for from in into of off on onto out over to too up with without about
can could may might must shall should will would not no yes any some each per all much many more most very just also
please tell get got let know want need say give show s t d m ll re ve don isn aren doesn didn won hello hi hey thank
thanks bye okay ok sorry joke help good nice
"""
_KOREAN = """
무엇 무엇을 무슨 뭐 뭐야 뭐예요 뭔가 뭔지 언제 어디 어디서 어디에 어디로 어떤 어떻게 어때 얼마 얼마나 누구 누가 왜 몇
어느 그리고 그러면 그럼 그런데 혹시 제가 저는 저희 우리 나는 내가 너는 당신 이것 그것 저것 그건 이건 그거 이거 대해
대해서 대한 관해 관한 관련 좀 다시 또 더 안 못 수 것 때 알려 알려줘 가르쳐 설명 설명해 말해 줘 주세요 부탁 부탁해
궁금 싶어 있는 없는 있어 없어 되는 되어 되면 하는 해야 하면 하려면 해도 할 한 될 안녕 안녕하세요 감사 감사합니다
고마워 고맙습니다 반가워 반갑습니다 수고 네 예 응 아니요 그래 좋아 알겠습니다 알겠어 농담 하나 심심해 심심하다 지내
잘 해
"""
# Polite and asking endings stick to the last noun or verb stem; the longest that fits is cut before n-grams are made.
_KOREAN_ENDINGS = """
인가요 은가요 는가요 한가요 가요 나요 까요 을까요 습니까 입니까 합니까 됩니까 이에요 예요 이야 인지 는지 은지 할지
하세요 해주세요 세요 해줘 하나요 하려면 해야 되나요 습니다 합니다 됩니다 입니다 어요 아요 여요 해요 돼요 에요 지요 죠
요 니
"""
# The longest that fits is cut, so "ments" stands before "s".
_ENGLISH_ENDINGS = {"ments": "", "ment": "", "ings": "", "ing": "", "ies": "y", "ied": "y", "es": "", "ed": "", "s": ""}
STOP = frozenset(_ENGLISH.split())
STOP_KO = frozenset(_KOREAN.split())
_ENDINGS = tuple(sorted(_KOREAN_ENDINGS.split(), key=len, reverse=True))
_SUFFIXES = tuple(_ENGLISH_ENDINGS)
_RUN = re.compile(r"[가-힣]+|[^\W_가-힣]+")
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def normal(text: str) -> str:
    """One spelling for search: composed, full-width letters and digits made plain, lower case, 12,000 as 12000."""
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())


def tokens(text: str) -> list[str]:
    """What is indexed and searched for, in the order of the text."""
    words: list[str] = []
    for run in _RUN.findall(normal(text)):
        words += _korean(run, (1, 2)) if "가" <= run[0] <= "힣" else _other(run)
    return words


def content(text: str) -> list[str]:
    """Only the tokens that carry meaning on their own: a single Korean syllable of a longer word is found anywhere."""
    words: list[str] = []
    for run in _RUN.findall(normal(text)):
        words += _korean(run, (2,)) if "가" <= run[0] <= "힣" else _other(run)
    return words


def bare(text: str) -> str:
    """The text in whole words, without asking words and endings: what an embedder of characters should see."""
    tokens: list[str] = []
    for run in _RUN.findall(normal(text)):
        if "가" <= run[0] <= "힣":
            tokens += [_bare(run)] if _korean(run, (1,)) else []
        else:
            tokens += _other(run)[:1]
    return " ".join(tokens)


def _korean(run: str, sizes: tuple[int, ...]) -> list[str]:
    word = _bare(run)
    if run in STOP_KO or word in STOP_KO:
        return []
    return [word] if len(word) == 1 else _grams(word, sizes)


def _bare(run: str) -> str:
    """A run of syllables without its polite or asking ending."""
    for ending in _ENDINGS if run.endswith(_ENDINGS) else ():
        if run.endswith(ending) and len(run) > len(ending):
            return run[: -len(ending)]
    return run


def _other(run: str) -> list[str]:
    if _CJK.search(run):
        return _grams(run, (1, 2))
    pieces = _PIECE.findall(run)
    if len(pieces) > 1:  # g5, 10kg, a4: the whole, and its parts
        return [run, *(piece for piece in pieces if len(piece) > 1 or piece.isdigit())]
    if run in STOP:
        return []
    return [stem(run) if run.isalpha() else run]


def _grams(run: str, sizes: tuple[int, ...]) -> list[str]:
    return [run[at : at + size] for size in sizes for at in range(len(run) - size + 1)]


def stem(word: str) -> str:
    """Light: plural, -ing, -ed, -ment and a last e. Good enough to meet, never meant to be read."""
    for ending in _SUFFIXES if word.endswith(_SUFFIXES) and not word.endswith("ss") else ():
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + _ENGLISH_ENDINGS[ending]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word
