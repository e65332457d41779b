"""The words of the training texts: subjects, people, places, values, and made-up words that can only be copied."""

import json
import random
from pathlib import Path
from typing import Any

Language = str  # "en" or "ko"
Split = str  # "train", or "held": words that no training text uses

_LISTS: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
MODIFIERS: dict[Language, list[str]] = _LISTS["modifiers"]
NOUNS: dict[Language, list[str]] = _LISTS["nouns"]
PEOPLE: dict[Language, list[str]] = _LISTS["people"]
PLACES: dict[Language, list[str]] = _LISTS["places"]
DAYS: dict[Language, list[str]] = _LISTS["days"]
MONTHS: list[str] = _LISTS["months"]
COLOURS: dict[Language, list[str]] = _LISTS["colours"]
THINGS: dict[Language, list[str]] = _LISTS["things"]
UNITS: dict[Language, list[str]] = _LISTS["units"]
DURATIONS: dict[Language, list[str]] = _LISTS["durations"]
SYLLABLES: dict[Language, list[str]] = _LISTS["syllables"]
SPELLING: dict[str, list[str]] = _LISTS["spelling"]
ONSETS = (0, 2, 3, 5, 6, 7, 9, 11, 12, 14, 15, 16, 17, 18)  # ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ, as Unicode numbers them
VOWELS = (0, 1, 4, 5, 6, 8, 12, 13, 16, 17, 18, 20)
CODAS = (0, 0, 0, 0, 1, 4, 8, 16, 17, 21)
HELD_OUT = {
    language: (set(MODIFIERS[language][::9]), set(NOUNS[language][::9])) for language in MODIFIERS
}  # every ninth word is kept for the held-out questions


class Dice(random.Random):
    """A run's randomness. `wide` is the share of made-up words that are spelled from all letters."""

    wide = 0.0


def made_up(r: random.Random, language: Language) -> str:
    """A word that means nothing, so that it can only be copied."""
    if isinstance(r, Dice) and r.wide and r.random() < r.wide:
        return _spelled(r, language)
    word = "".join(r.choice(SYLLABLES[language]) for _ in range(r.randint(2, 4 if language == "en" else 3)))
    return word.capitalize() if language == "en" and r.random() < 0.6 else word


def _spelled(r: random.Random, language: Language) -> str:
    """A word that can be said, of any letters: real names and nouns that no list holds look like this."""
    if language == "ko":
        return "".join(
            chr(0xAC00 + (r.choice(ONSETS) * 21 + r.choice(VOWELS)) * 28 + r.choice(CODAS))
            for _ in range(r.randint(2, 3))
        )
    parts = (r.choice(SPELLING[part]) for _ in range(r.randint(1, 3)) for part in ("onsets", "vowels", "codas"))
    word = "".join(parts)
    return word.capitalize() if r.random() < 0.6 else word


def draw_subject(r: random.Random, language: Language, split: Split = "train") -> str:
    """What a passage is about: "north library", "Velmar cafe", "겨울 축제"."""
    held_modifiers, held_nouns = HELD_OUT[language]
    held_out = split == "held"
    modifier = r.choice([word for word in MODIFIERS[language] if (word in held_modifiers) == held_out])
    noun = r.choice([word for word in NOUNS[language] if (word in held_nouns) == held_out])
    kind = r.random()
    if kind < 0.3:
        return f"{made_up(r, language)} {noun}"
    if kind < 0.4:
        return f"{modifier} {made_up(r, language).lower()}"
    if kind < 0.5:
        return noun
    if kind < 0.6:
        return f"{made_up(r, language)} {modifier} {noun}"
    return f"{modifier} {noun}"


def number(r: random.Random) -> str:
    kind = r.random()
    if kind < 0.4:
        return str(r.randint(1, 99))
    if kind < 0.7:
        return str(r.randint(100, 999))
    return f"{r.randint(1, 999)},{r.choice(['000', '500', str(r.randint(100, 999))])}"


def value(r: random.Random, language: Language) -> str:
    """A number with a unit, a code, a made-up word, a day, a date, an address or an extension."""
    kind = r.randrange(10)
    if kind < 4:
        return number(r) + (" " if language == "en" else "") + r.choice(UNITS[language])
    if kind < 6:
        return code(r)
    if kind < 7:
        return made_up(r, language)
    if kind < 8:
        return day(r, language)
    return contact(r, language)


def code(r: random.Random) -> str:
    kind = r.random()
    if kind < 0.4:
        return "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(r.randint(1, 3))) + f"-{r.randint(10, 9999)}"
    if kind < 0.7:
        return f"{made_up(r, 'en').lower()}{r.randint(1, 999)}"
    return str(r.randint(1000, 999999))


def contact(r: random.Random, language: Language) -> str:
    if r.random() < 0.6:
        return f"{made_up(r, 'en').lower()}@{made_up(r, 'en').lower()}.example"
    extension = f"{r.randint(100, 999)}-{r.randint(1000, 9999)}" if r.random() < 0.5 else str(r.randint(100, 9999))
    return extension if "-" in extension else f"{'extension' if language == 'en' else '내선'} {extension}"


def money(r: random.Random, language: Language) -> str:
    amount = f"{r.randint(1, 999)},000" if r.random() < 0.5 else number(r)
    return (
        f"{amount} {r.choice(['won', 'won', 'dollars', 'euros'])}"
        if language == "en"
        else f"{amount}{r.choice(['원', '원', '만 원'])}"
    )


def duration(r: random.Random, language: Language) -> str:
    return f"{r.randint(2, 90)}{' ' if language == 'en' else ''}{r.choice(DURATIONS[language])}"


def day(r: random.Random, language: Language) -> str:
    if r.random() < 0.3:
        return r.choice(DAYS[language])
    return day_of_year(r, language)


def day_of_year(r: random.Random, language: Language) -> str:
    if language == "en":
        return f"{r.choice(MONTHS)} {r.randint(1, 31)}"
    return f"{r.randint(1, 12)}월 {r.randint(1, 31)}일"


def time_of_day(r: random.Random, language: Language) -> str:
    if language == "en":
        if r.random() < 0.5:
            return f"{r.randint(1, 12)}:{r.choice(['00', '15', '30', '45'])} {r.choice(['a.m.', 'p.m.'])}"
        return f"{r.randint(0, 23):02d}:{r.choice(['00', '10', '20', '30', '40', '50'])}"
    return (
        f"{r.choice(['오전 ', '오후 ', '', ''])}{r.randint(1, 23)}시{r.choice(['', ' 30분', f' {r.randint(5, 55)}분'])}"
    )


def place(r: random.Random, language: Language) -> str:
    if r.random() < 0.6:
        return r.choice(PLACES[language])
    word = made_up(r, language)
    return (
        f"{word.capitalize()} {r.choice(['Street', 'Hall', 'Tower'])}"
        if language == "en"
        else word + r.choice(["동", "로", "관", " 빌딩"])
    )


def person(r: random.Random, language: Language) -> str:
    if r.random() < 0.5:
        return r.choice(PEOPLE[language])
    return f"{made_up(r, 'en').capitalize()} {made_up(r, 'en').capitalize()}" if language == "en" else made_up(r, "ko")


def with_particle(word: str, after_consonant: str, after_vowel: str) -> str:
    """Korean particles depend on the last sound: 은/는, 이/가, 을/를."""
    last = ord(word[-1])
    if 0xAC00 <= last <= 0xD7A3:
        return word + (after_consonant if (last - 0xAC00) % 28 else after_vowel)
    return word + after_vowel
