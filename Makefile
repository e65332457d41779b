# `make` lists what there is. Every target sets up what it needs.
# With another Python than the first that is found: `make test PYTHON=/path/to/python3.13 VENV=.venv-3.13`.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
NAME ?= start
KEEP ?=

# An environment keeps the Python that it was made with, so naming another one would change nothing, unnoticed.
ifneq ($(and $(PYTHON),$(wildcard $(BIN)/python),$(filter-out clean help,$(or $(MAKECMDGOALS),help))),)
ifneq ($(shell $(BIN)/python --version),$(shell $(PYTHON) --version))
$(error $(VENV) was not made with PYTHON=$(PYTHON). Name another folder for that, such as VENV=.venv-other, or run `make clean`)
endif
endif

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.demo ## a virtual environment with everything that the demo needs

demo: $(VENV)/.demo ## the whole release on this machine: register, evaluate, gate, deploy, chat (KEEP=1 leaves it running)
	@$(BIN)/sluice demo $(if $(KEEP),--keep)

test: $(VENV)/.dev .venv-awscli/.done ## all tests: no network, no GPU, no AWS account
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

browser: $(VENV)/.dev ## the pages in a real browser (Chromium must be installed)
	$(BIN)/python -m pytest -q -m browser tests/evaluation/test_reports_in_browser.py

wheel: $(VENV)/.dev ## the demo out of a wheel, in an empty folder
	$(BIN)/python -m pytest -q -m slow tests/packaging

check: lint test ## everything that CI holds against a change

lint: $(VENV)/.dev ## style, types, the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## one benchmark, NAME=start (README.md there lists them); ends with one line of JSON
	@$(BIN)/python -m benchmarks.$(NAME)

train: ## trains the two tiny checkpoints anew (an environment of its own with torch; about half an hour)
	sh requirements/venv .venv-train train
	.venv-train/bin/python -m sluice.tinylmi.train good --out build/checkpoints/good
	.venv-train/bin/python -m sluice.tinylmi.train worse --out build/checkpoints/worse

clean: ## removes what was built and the local state (stops the local AWS first)
	-@if [ -x $(BIN)/sluice ]; then $(BIN)/sluice local down; fi
	rm -rf $(VENV) $(wildcard .venv-3.*) .venv-awscli .venv-train .sluice build *.egg-info

$(VENV)/.demo: requirements/build.txt requirements/demo.txt pyproject.toml
	@sh requirements/venv $(VENV) build demo
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.txt
	@sh requirements/venv $(VENV) dev
	@touch $@

# The aws CLI pins botocore, so it cannot share the environment. One test shows that it works against the local AWS.
.venv-awscli/.done: requirements/awscli.txt
	@sh requirements/venv .venv-awscli awscli
	@touch $@

.PHONY: help setup demo test browser wheel check lint bench train clean
