"""What transformers answers, greedily, for a fixed set of chats: the reference that the numpy engine must equal.

With the `train` group: `python -m sluice.tinylmi.train.reference CHECKPOINT tests/golden/greedy_good.json`.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sluice.tinylmi.train.heldout import MOST, build_questions

PER_GROUP = 2
ENDS = [2, 0]


def select_chats() -> list[list[dict[str, str]]]:
    """The first and the middle question of every held-out group: all kinds, both languages, with history or not."""
    groups: dict[str, list[list[dict[str, str]]]] = defaultdict(list)
    for question in build_questions():
        groups[question.group].append(question.messages)
    return [group[len(group) * i // PER_GROUP] for group in groups.values() for i in range(PER_GROUP)]


def generate_answers(folder: Path) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    text = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    rows = []
    for messages in select_chats():
        prompt = text.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        generated = model.generate(
            torch.tensor([prompt]), max_new_tokens=MOST, do_sample=False, eos_token_id=ENDS, pad_token_id=0
        )
        answer = [token for token in generated[0, len(prompt) :].tolist() if token not in ENDS]
        rows.append({"messages": messages, "prompt_ids": prompt, "answer_ids": answer})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Write what transformers answers, greedily.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in generate_answers(args.folder))
    args.out.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
