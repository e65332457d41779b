"""`python -m sluice.tinylmi.train good --out sluice/tinylmi/checkpoints/good` needs the `train` dependency group."""

import argparse
from pathlib import Path

from sluice.tinylmi.train.train import TRAININGS, train


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sluice.tinylmi.train", description="Train a tiny checkpoint on a CPU."
    )
    parser.add_argument("name", choices=sorted(TRAININGS))
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="PHASE", help="one phase (0, 1), from what --out already holds")
    parser.add_argument("--steps", type=int, help="stop each phase after so many steps, to compare its first ones")
    args = parser.parse_args()
    train(args.name, args.out, args.seed, args.only, args.steps)


if __name__ == "__main__":
    main()
