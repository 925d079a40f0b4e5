# Every target that needs it sets up its own virtual environment first; `make help` lists the targets.

VENV ?= .venv
PYTHON ?= python3
ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install train test slow long lint types pythons mutants notebooks bench check-gpu clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

install: $(STAMP)  ## set up the virtual environment VENV (.venv) with PYTHON (python3)

# The stamp is written last, so an installation that was cut short is done again.
$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
	    { echo 'tfvae needs Python 3.10 to 3.13, but "$(PYTHON)" is not one; set another: make PYTHON=python3.12 ...' >&2; exit 1; }
	@echo 'Installing into $(VENV); this takes a few minutes the first time.'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

train: $(STAMP)  ## train a model; ARGS="..." goes to `tfvae train`
	$(BIN)/tfvae train $(ARGS)

test: $(STAMP)  ## run the fast tests
	$(BIN)/python -m pytest -n 2 $(ARGS)

slow: $(STAMP)  ## run the slow tests
	$(BIN)/python -m pytest -n 2 -m "slow and not long" $(ARGS)

long: $(STAMP)  ## run what CI leaves out: more cases of slow tests and all planted bugs, before a release
	$(BIN)/python -m pytest -n 2 -m long $(ARGS)
	$(BIN)/python tests/mutants/run.py --all

lint: $(STAMP)  ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## check the types
	$(BIN)/mypy

pythons:  ## install, import and train one step on every Python 3.10 to 3.13 of this machine
	$(PYTHON) tools/every_python.py

mutants: $(STAMP)  ## check that the tests notice the planted bugs that have changed; ARGS=--all for all
	$(BIN)/python tests/mutants/run.py $(ARGS)

notebooks: $(STAMP)  ## run the notebooks and keep their outputs
	$(BIN)/python notebooks/build.py

bench: $(STAMP)  ## measure the speed against other frameworks (an hour); ARGS go to each benchmark
	@$(PIP) --constraint constraints.txt --editable '.[bench]'
	for name in dense burda convolutional realnvp likelihood sampling startup memory replicas; do \
	    $(BIN)/python benchmarks/$$name.py $(ARGS) || exit 1; done
	$(BIN)/python benchmarks/step_profile.py
	$(BIN)/python benchmarks/costs.py
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/distributed_cost.py
	$(BIN)/python benchmarks/report.py

check-gpu: $(STAMP)  ## check what works on this machine's GPU, in at most 8 minutes
	@$(PIP) --constraint constraints.txt --editable '.[gpu]'
	$(BIN)/python tools/check_gpu.py $(ARGS)

clean:  ## remove the virtual environment, caches and build outputs
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find tfvae reproduction tests tools notebooks benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
