"""Korean particles: 직원은, 직원이 and 직원을 are one word when a case asks for that.

The list is of case particles and the commonest auxiliary ones; what is left of a word must have two syllables, since
one-syllable stems look like other words.
"""

import re

PARTICLES = (
    *("에서는", "에게서", "으로는", "까지는", "부터는", "이라고", "에서", "에게", "께서", "한테", "으로"),
    *("까지", "부터", "보다", "처럼", "마다", "이나", "이란", "은", "는", "이", "가", "을", "를", "과", "와"),
    *("의", "에", "로", "도", "만", "나"),
)
ANY = "|".join(PARTICLES)
WORD = re.compile(rf"(?P<stem>[가-힣]{{2,}}?)(?:{ANY})?")


def stem(word: str) -> str:
    """The word without its particle; as it is if there is none, or too little would be left."""
    match = WORD.fullmatch(word)
    return match["stem"] if match else word


def pattern(text: str) -> re.Pattern[str]:
    """Finds the text whatever particles its Hangul words have."""
    words = [stem(word) for word in text.split()]
    loose = [re.escape(word) + (f"(?:{ANY})?" if re.fullmatch(r"[가-힣]+", word) else "") for word in words]
    return re.compile(r"\s+".join(loose))
