"""Train one of the two checkpoints on a CPU: chats in, an ordinary Hugging Face folder of a tiny Qwen3 out.

Counted in steps and seeded, never timed: on one machine, the same seed and library versions give the same file.
"""

import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import Qwen3Config, Qwen3ForCausalLM

from sluice.tinylmi.train import corpus, tokenizer, words
from sluice.tinylmi.train.circuit import copy_accuracy, write_copy_circuit

POSITIONS = 4096  # what config.json promises; RoPE has no table, so this is no size. Trained: see the README
IGNORED = -100
BATCH = 32
POOL = 8  # batches drawn together and sorted by length, so that little is padding


@dataclass(frozen=True)
class Period:
    """A stretch of training with an optimizer of its own. Its weights are rounded to bf16 whenever they are saved."""

    chats: corpus.Recipe
    steps: int  # that the schedule is made for
    stop: int  # steps that are taken
    learning_rate: float
    plateau: float  # the share of the steps before the learning rate falls
    repeats_first: float  # share of "a random string twice" while progress < 0.03
    repeats: float  # and afterwards
    save_every: int
    wide: float = 0.0  # share of made-up words that are spelled from all letters


@dataclass(frozen=True)
class Training:
    """The recipe of one checkpoint: its phases, and whether it starts with a copy circuit."""

    copy_circuit: bool
    phases: tuple[Period, ...]


TRAININGS = {
    "good": Training(
        copy_circuit=True,
        phases=(
            Period(corpus.GOOD, 2400, 1600, 2e-3, 0.3, repeats_first=0.75, repeats=0.08, save_every=400),
            Period(
                corpus.GOOD_AGAIN, 1500, 1500, 1.5e-3, 0.25, repeats_first=0.06, repeats=0.06, save_every=300, wide=0.5
            ),
        ),
    ),
    "worse": Training(
        copy_circuit=False,
        phases=(Period(corpus.WORSE, 700, 700, 3e-3, 0.3, repeats_first=0.0, repeats=0.0, save_every=350),),
    ),
}
Sample = tuple[list[int], list[bool]]  # token ids, and which of them the model learns to say


def build_config(vocabulary: int) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        rope_theta=10000.0,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        use_sliding_window=False,
        attention_bias=False,
    )


def train(name: str, out: Path, seed: int = 0, only: int | None = None, steps: int | None = None) -> None:
    """Train `name` and save it to `out`; prints its progress.

    `only` runs one phase, from what the phase before left in `out`; `steps` stops early, to look at the first steps.
    """
    training = TRAININGS[name]
    torch.set_num_threads(1)  # two threads on two busy cores are slower than one
    torch.manual_seed(seed)
    text = tokenizer.train()
    model = Qwen3ForCausalLM(build_config(text.get_vocab_size()))
    if training.copy_circuit:
        write_copy_circuit(model)
    for number, phase in enumerate(training.phases):
        if only not in (None, number):
            continue
        if number:  # on from what was saved
            model = Qwen3ForCausalLM.from_pretrained(out, dtype=torch.float32)
        print(f"phase {number}: copy accuracy {copy_accuracy(model):.2f}", flush=True)
        _run(model, text, phase, out, seed + 1 + number, steps)


def _run(model: Qwen3ForCausalLM, text: Tokenizer, phase: Period, out: Path, seed: int, steps: int | None) -> None:
    dice = words.Dice(seed)
    dice.wide = phase.wide
    optimizer = _optimizer(model, phase.learning_rate)
    started, tokens, longest, mean = time.monotonic(), 0, 0, 0.0
    last = steps or phase.stop
    for step, (ids, targets) in enumerate(islice(_batches(dice, text, phase), last)):
        for group in optimizer.param_groups:
            group["lr"] = phase.learning_rate * _schedule(step, phase)
        loss = _step(model, optimizer, ids, targets)
        tokens, longest = tokens + ids.numel(), max(longest, ids.shape[1])
        mean = loss if step == 0 else 0.97 * mean + 0.03 * loss
        completed = step + 1
        if completed % 50 == 0:
            rate = tokens / (time.monotonic() - started)
            print(f"step {completed}/{last}, loss {mean:.4f}, {tokens} tokens, {rate:.0f} tokens/s", flush=True)
        if completed % phase.save_every == 0 or completed == last:
            save_checkpoint(model, text, out)
    print(f"{time.monotonic() - started:.0f} s, longest {longest} tokens, copy accuracy {copy_accuracy(model):.2f}")


def _optimizer(model: Qwen3ForCausalLM, learning_rate: float) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98))


def _schedule(step: int, phase: Period) -> float:
    """Warm-up, a plateau, then a cosine down to almost nothing."""
    progress = step / phase.steps
    falling = (progress - phase.plateau) / (1 - phase.plateau)
    decay = 1.0 if falling < 0 else max(0.02, 0.5 * (1 + math.cos(math.pi * falling)))
    return min(1.0, (step + 1) / 60) * decay


def _step(model: Qwen3ForCausalLM, optimizer: torch.optim.Optimizer, ids: torch.Tensor, targets: torch.Tensor) -> float:
    learnt = targets != IGNORED
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state  # causal and padded right: no mask
        logits = model.lm_head(hidden[learnt])
    loss = torch.nn.functional.cross_entropy(logits.float(), targets[learnt])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _batches(r: random.Random, text: Tokenizer, phase: Period) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    pool: list[list[Sample]] = []
    for step in range(phase.steps):
        if not pool:
            drawn = [_sample(r, text, phase, step / phase.steps) for _ in range(POOL * BATCH)]
            drawn.sort(key=lambda sample: len(sample[0]))
            pool = [drawn[i * BATCH : (i + 1) * BATCH] for i in range(POOL)]
            r.shuffle(pool)
        yield _tensors(pool.pop())


def _tensors(batch: list[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    targets = torch.full((len(batch), width), IGNORED)
    for row, (tokens, learn) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        following = [token if learnt else IGNORED for token, learnt in zip(tokens[1:], learn[1:], strict=True)]
        targets[row, : len(following)] = torch.tensor(following)
    return ids, targets


def _sample(r: random.Random, text: Tokenizer, phase: Period, progress: float) -> Sample:
    if r.random() < (phase.repeats_first if progress < 0.03 else phase.repeats):
        return _repeat(r, text.get_vocab_size())
    return encode(text, corpus.draw_chat(r, phase.chats, progress))


def _repeat(r: random.Random, vocabulary: int) -> Sample:
    """A random string, something else, and the string again, which is to be learnt."""
    string = [r.randrange(3, vocabulary) for _ in range(r.randint(8, 30))]
    gap = [r.randrange(3, vocabulary) for _ in range(r.randint(0, 6))]
    unlearnt = len(string) + len(gap) + 1
    return string + gap + string, [False] * unlearnt + [True] * (len(string) - 1)


def encode(text: Tokenizer, chat: list[corpus.Message]) -> Sample:
    """The chat as the template renders it; learnt are the chosen answers and the token that ends them."""
    ids: list[int] = []
    learn: list[bool] = []
    for message in chat:
        for part, learnt in (
            (f"<|im_start|>{message.role}\n", False),
            (f"{message.content}<|im_end|>", message.learn),
            ("\n", False),
        ):
            tokens = text.encode(part).ids
            ids += tokens
            learn += [learnt] * len(tokens)
    return ids[:-1], learn[:-1]


def save_checkpoint(model: Qwen3ForCausalLM, text: Tokenizer, folder: Path) -> None:
    """bf16 weights, config and tokenizer, as transformers, vLLM and LMI read them.

    `model` itself is rounded, its rotary frequencies included: part of the recipe. At the end that makes no difference
    to the scores on 360 questions.
    """
    model.to(torch.bfloat16).save_pretrained(folder)
    model.to(torch.float32)
    tokenizer.save(text, folder, POSITIONS)
    generation = {"bos_token_id": None, "eos_token_id": [2, 0], "pad_token_id": 0, "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation) + "\n")
