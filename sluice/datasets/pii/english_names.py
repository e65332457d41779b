"""Names in Latin letters: told by what announces them (my name is, Mr., regards), or by a common first or last name."""

import re
from collections.abc import Iterator

from sluice.datasets.pii.name_words import FIRST, LAST, LAST_KOREAN, NOT_NAMES, words

ROMAN_SURNAME = "|".join(sorted(LAST_KOREAN, key=len, reverse=True))
WORD = r"(?:[A-Z]['’])?[A-Z][a-z’'-]*[a-z](?:-[A-Z]?[a-z]+)?"
INITIAL = r"(?:\s[A-Z]\.)?"
NAME = rf"{WORD}(?:{INITIAL}\s(?:(?:de|van|von|der|la|bin|al|O')\s?){{0,2}}{WORD}){{0,2}}"
MY_NAME = re.compile(
    r"(?i:my (?:full |first |last |real |given )?name(?:'s| is|:)|\bname:|name is)\s+(?:(?i:Mr|Mrs|Ms|Dr)\.? )?"
    rf"(?P<it>{NAME}|[a-z]{{3,12}}(?=[.,!?]|\s*$|\s(?:and|from|but)\b))"
)
ALSO = re.compile(
    r"(?i:call me|(?:i am|i'm|is|am) called|known as|named|account holder:?|card ?holder:?|patient:?|contact:?"
    r"|signed,?|attn:?)\s+"
    rf"(?:(?i:Mr|Mrs|Ms|Dr)\.? )?(?P<it>{NAME})"
)
I_AM = re.compile(
    rf"\b(?:[Ii]'m|[Ii] am|[Ii]’m|[Tt]his is|[Ii]t's|[Hh]ere is)\s+(?P<it>{NAME})"
    r"(?=[.,!?;]|\s+(?:from|and|speaking|here|in|at|of|with|calling|writing|again)\b|\s*$)"
)
BY = re.compile(
    r"(?i:(?:requested|submitted|approved|signed|prepared|reported|written|sent|assigned|owner|assignee|employee|manager"
    rf"|attendees?|from|cc|customer|member)(?: by| to)?:)\s*(?P<it>{NAME})"
)
SPEAKING = re.compile(rf"(?P<it>{NAME}) (?:here|speaking|writing)(?=[.,!?:]|\s*$| with| from| again)")
NAME_IS = re.compile(rf"(?i:\bname)(?: \w+){{1,4}}? is (?P<it>{NAME})")
GREETED = re.compile(
    r"(?:^|[.!?] ?)[ \t]{0,8}(?:Hi|Hello|Hey|Dear|Thanks|Thank you|Regards|Best regards|Kind regards|Yours sincerely"
    rf"|Sincerely|Best|Cheers|Yours)(?: again)?,?\s+(?P<it>{NAME})(?=[,.!?:\n-]|\s*$)",
    re.MULTILINE,
)
TITLED_EN = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam)\.?\s+(?P<it>{NAME})")
RELATED_EN = re.compile(
    rf"(?i:\b(?:my|our|his|her|their|the)\s+(?:\w+\s)?(?:husband|wife|partner|son|daughter|mother|father|mom|mum|dad|brother|sister|friend|colleague|coworker|co-worker|"
    rf"manager|boss|supervisor|assistant|neighbou?r|roommate|doctor|teacher|client|patient|landlord|fianc[ée]e?|girlfriend|boyfriend|uncle|aunt|cousin|nephew|niece))"
    rf"(?:'s name is|,| is| named| called|:)?\s+(?P<it>{NAME})"
)
PAIR = re.compile(rf"(?<![A-Za-z])(?=(?P<it>{WORD}{INITIAL} (?:(?:de|van|von|bin|al) )?{WORD}))")
ROMAN = re.compile(
    rf"\b(?P<it>(?:{ROMAN_SURNAME})\s[A-Z][a-z]+(?:-?[a-z]+|\s[A-Z][a-z]+)?|[A-Z][a-z]+(?:-[A-Za-z]?[a-z]+)?\s(?:{ROMAN_SURNAME}))\b"
)
IRISH = re.compile("[A-Z]['’][A-Z]")
ARTICLE = re.compile(r"\b(?:[Tt]he|[Aa]n?|[Oo]ur|[Yy]our|[Tt]his|[Ee]ach)\s$")
NO_SURNAME = ("ing", "tion", "ment", "ity", "ance", "ence", "ness", "ship", "ics")  # how other words end
NO_NAME = words("not the on in at is missing wrong spelled hidden unknown required too also")


def find_names(text: str) -> Iterator[str]:
    for pattern in (MY_NAME, ALSO, I_AM, BY, SPEAKING, NAME_IS, GREETED, TITLED_EN, RELATED_EN, ROMAN):
        for match in pattern.finditer(text):
            if name := trimmed(match["it"]):
                yield name
    for match in PAIR.finditer(text):
        first, *_, last = match["it"].split()
        if first in FIRST or last in LAST:
            fits = first not in NOT_NAMES and last not in NOT_NAMES - LAST
        else:
            fits = not ARTICLE.search(text[: match.start()][-8:]) and a_pair(first, last)
        if fits:
            yield match["it"]


def a_pair(first: str, last: str) -> bool:
    """Whether two words with capital letters are none of those that are often written so."""
    plain = {word if IRISH.match(word) else re.split("['’]", word)[0] for word in (first, last)}  # I'm is I
    return not NOT_NAMES & plain and not any(word.endswith(NO_SURNAME) for word in plain)


def trimmed(name: str) -> str:
    """Returns a name without words at its ends that are none; empty if nothing is left."""
    words = name.removesuffix("'s").removesuffix("’s").split()
    if words[0] in FIRST:
        return " ".join(words)
    while words and words[0] in NOT_NAMES:
        words = words[1:]
    while words and words[-1] in NOT_NAMES:
        words = words[:-1]
    rest = " ".join(words)
    return rest if len(rest) > 1 and rest not in NO_NAME else ""
