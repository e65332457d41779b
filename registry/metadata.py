"""What a model package's CustomerMetadataProperties may hold: 256 characters: letters, digits, a few marks."""

import unicodedata
from collections.abc import Mapping

from sluice.wording import one_line

LONGEST = 256
MARKS = frozenset("_.:/=+-@ ")
SPELT = {"%": " percent", "&": " and ", "<": " below ", ">": " above ", "'": "", '"': "", ",": " -", ";": " -"}


def clean(properties: Mapping[str, str | None]) -> dict[str, str]:
    """Return the same properties as the service takes them; what is empty is left out."""
    cleaned = {key: clean_text(value) for key, value in properties.items() if value}
    return {key: value for key, value in cleaned.items() if value}


def clean_text(value: str) -> str:
    """Spell out or drop what the charset lacks; shorten at the end, visibly."""
    composed = unicodedata.normalize("NFC", value)
    allowed = "".join(SPELT.get(mark, mark if mark in MARKS or mark.isalnum() else " ") for mark in composed)
    return one_line(allowed, LONGEST)
