"""`python -m tinylmi.train good --out tinylmi/checkpoints/good` needs the `train` dependency group."""

import argparse
from pathlib import Path

from tinylmi.train.train import TRAININGS, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tinylmi.train", description="Train a tiny checkpoint on a CPU.")
    parser.add_argument("name", choices=sorted(TRAININGS))
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--steps", type=int, help="default: as many as the shipped checkpoint took")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=int, default=0, metavar="STEPS", help="also save on the way")
    args = parser.parse_args()
    train(args.name, args.out, args.steps, args.seed, args.save_every)


if __name__ == "__main__":
    main()
