"""`python -m sluice.tinylmi ARGS` is what `docker run <LMI image> ARGS` would be."""

import sys

from sluice.tinylmi.entrypoint import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
