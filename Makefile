# Everything a person needs is a target here; `make` alone lists them.

PYTHON ?= python3
TORCH_VERSION = 2.13.0
# Where torch's wheel comes from. Empty: pip's own index, which on Linux gives a CUDA
# build of several GB. To get the small CPU build, pass the CPU wheel index that
# PyTorch's installation page names: make install TORCH_INDEX_URL=...
TORCH_INDEX_URL ?=
PYTEST_ARGS ?=

VENV = .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
CUDA_NOTE = note: this torch is a CUDA build of several GB and Fedstill runs on the \
CPU; see TORCH_INDEX_URL in the Makefile.

# The sizes here are small: one thread a process is fastest and gives the same bytes
# on every machine.
export OMP_NUM_THREADS = 1
# Nothing that we start reports home or installs packages behind your back.
export FLWR_TELEMETRY_ENABLED = 0
export FLWR_DISABLE_UPDATE_CHECK = 1
export FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION = 1
export RAY_USAGE_STATS_ENABLED = 0

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long check

help: ## List these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Install into .venv, once; needs Python 3.11 or newer.

demo: install ## Ten private sites, three architectures, one report: about half a minute.
	@output=runs/demo; n=1; \
	while [ -e "$$output" ]; do n=$$((n + 1)); output=runs/demo-$$n; done; \
	$(BIN)/fedstill simulate digits-demo --output "$$output"

test: check ## All checks, then all tests but the long ones.
	$(BIN)/pytest -m "not deploy and not long" $(PYTEST_ARGS)
	$(BIN)/pytest -m "deploy and not long"

test-long: install ## More random kills, and the figures on Fashion-MNIST if it is there.
	$(BIN)/pytest -m long $(PYTEST_ARGS)

check: install ## Format, lint, types and import layers; changes nothing.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# torch first and alone, so that its index serves nothing else; the build tools are in
# the environment by then, so that the second step builds with pinned versions too.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed: make install PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==$(TORCH_VERSION) \
	$(if $(TORCH_INDEX_URL),--index-url $(TORCH_INDEX_URL),-c constraints.txt)
	$(BIN)/python -m pip install --quiet setuptools -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt \
	-e ".[simulations,dev]"
	@$(BIN)/python -c 'import torch; torch.version.cuda and print("$(CUDA_NOTE)")'
	@touch $@
