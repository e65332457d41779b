"""How much of what is planted into chats the redaction finds, by kind and language, and how often it takes too much.

    python -m benchmarks.redaction

A secret counts as found if it does not stand in the text any more; of a name, neither does any part of two letters or
more. `over` is the share of harmless sentences that came out changed.
"""

import argparse
import json
from collections import defaultdict

from benchmarks import planted
from sluice.datasets.pii.redaction import redact

SEED, EACH = 20261120, 25


def is_redacted(one: planted.Planted) -> bool:
    (text,) = redact([one.text]).texts
    if one.secret in text:
        return False
    if not one.kind.startswith("name"):
        return True
    parts = one.secret.split() if " " in one.secret else [one.secret[1:]]
    return not any(part in text for part in parts if len(part) > 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--missed",
        type=int,
        default=0,
        metavar="N",
        help="Show N sentences that the patterns were adjusted on, and miss.",
    )
    remaining = parser.parse_args().missed
    counted: dict[tuple[str, str, bool], list[bool]] = defaultdict(list)
    for one in planted.plant_sentences(SEED, EACH):
        result = is_redacted(one)
        counted[one.kind, one.language, one.held_out].append(result)
        if not result and not one.held_out and remaining > 0:
            remaining -= 1
            print(f"  missed: {redact([one.text]).texts[0]!r} <- {one.text!r}")
    changed = [text for text in planted.read_harmless() if redact([text]).texts != (text,)]
    print(f"{'kind':22} {'language':9} {'adjusted on':>11} {'held out':>9}")
    whole: dict[str, list[bool]] = defaultdict(list)
    for kind, language in dict.fromkeys((kind, language) for kind, language, _ in counted):
        adjusted, held_out = (counted[kind, language, which] for which in (False, True))
        print(f"{kind:22} {language:9} {share(adjusted):11.3f} {share(held_out):9.3f}")
        if "not announced" not in kind:
            whole[language] += held_out
            whole["all"] += held_out
        else:
            whole["not announced"] += held_out
    for text in changed:
        print(f"  changed without need: {redact([text]).texts[0]!r}")
    recalls = {f"recall_{name.replace(' ', '_')}": round(share(results), 4) for name, results in whole.items()}
    print(
        json.dumps(
            {
                **recalls,
                "planted": sum(map(len, counted.values())),
                "over": round(len(changed) / len(planted.read_harmless()), 4),
            }
        )
    )


def share(results: list[bool]) -> float:
    return sum(results) / len(results) if results else 0.0


if __name__ == "__main__":
    main()
