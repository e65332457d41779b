"""What was probably meant by a word that is not known."""

from collections.abc import Sequence


def suggestion(word: str, known: Sequence[str]) -> str:
    import difflib  # only a mistake needs it, and start-up counts

    close = difflib.get_close_matches(word, known, 1)
    return f"Did you mean `{close[0]}`?" if close else f"It takes {', '.join(known)}."
