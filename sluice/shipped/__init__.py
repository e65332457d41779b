"""The files that travel beside the code: in a checkout as links to where people edit them, in a wheel as copies."""

from pathlib import Path

FOLDER = Path(__file__).parent
CHECKPOINTS = {name: FOLDER.parent / "tinylmi" / "checkpoints" / name for name in ("good", "worse")}
SCHEME = "shipped:"  # `shipped:good` is a checkpoint that comes with Sluice, wherever Sluice is installed


def find_file(name: str) -> Path:
    """Returns where a shipped file or folder lies: `pipeline.yaml`, `stack.yaml`, `steps.txt`, `cases`, `examples`."""
    return FOLDER / name


def find_checkpoint(name: str) -> Path:
    """Returns the folder of a shipped checkpoint; raises KeyError if `name` is none of CHECKPOINTS after SCHEME."""
    return CHECKPOINTS[name.removeprefix(SCHEME)]
