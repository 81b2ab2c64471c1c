# Two commands do everything: `make demo` and `make test`. Both set up what they need first.
# `make check` is for each commit, `make test` for each change that lands.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PIP := $(BIN)/pip --disable-pip-version-check --quiet

# The tests start hundreds of Pythons; without bytecode each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-monitor check test test-arm64 boot-arm64 boot-compose bench lint format clean

help:
	@echo "make demo         train, convert, run the line, lose the broker, find the drift (about 2 minutes)"
	@echo "make demo-monitor a broker, a simulated fleet and the monitor's pages, until Ctrl-C"
	@echo "make check        lint, type check and the unit tests"
	@echo "make test         lint, type check and every test"
	@echo "make test-arm64   the core, the daemon and flashing on an emulated Raspberry Pi (about 10 minutes)"
	@echo "make boot-arm64   a whole ARM64 device boots in qemu and loses its power (root; about 20 minutes)"
	@echo "make boot-compose the central side in containers: built, run, restarted (root; about 5 minutes)"
	@echo "make bench        ratios of time and memory, written to build/bench.json"
	@echo "make lint         ruff and mypy only"
	@echo "make clean        remove build/ and $(VENV)/"

demo: $(VENV)/.demo
	@$(BIN)/python -m deploy.demo

demo-monitor: $(VENV)/.demo
	@$(BIN)/python -m deploy.demo.fleet $(ARGS)

# Tests of one xdist_group share a worker and what it has set up; the order is that of tests/support/scheduling.py.
PYTEST := $(BIN)/python -m pytest
SPREAD := -n auto --dist loadscope --no-loadscope-reorder

# What failed last time runs first.
check: $(VENV)/.test lint
	@$(PYTEST) $(SPREAD) --realtime=no --failed-first -m "not system and not slow and not thirdparty" $(ARGS)

# What measures time runs after all else, alone. Status 5 of pytest: it was given no test to run.
test: $(VENV)/.test lint
	@status=0; ran=; part() { "$$@"; case $$? in 0) ran=yes ;; 5) ;; *) ran=yes status=1 ;; esac; }; \
	part $(PYTEST) $(SPREAD) --realtime=no $(ARGS); \
	part $(PYTEST) --realtime=only $(ARGS); \
	[ "$$ran" ] || status=5; exit $$status

test-arm64: $(VENV)/.test
	@deploy/setup/packages.sh arm64
	@EDGE_ARM64=all $(PYTEST) $(SPREAD) tests/system/arm64 $(ARGS)
	@$(BIN)/python -m tests.bench arm64

boot-arm64: $(VENV)/.test
	@deploy/setup/packages.sh boot
	@$(BIN)/python -m tests.system.arm64.boot

boot-compose: $(VENV)/.test
	@deploy/setup/packages.sh compose
	@$(BIN)/python -m tests.system.compose

bench: $(VENV)/.test
	@$(BIN)/python -m tests.bench $(ARGS)

# While the types are checked, another core collects the tests: their bytecode is then there for every worker.
lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@said=$$($(BIN)/lint-imports --no-cache) || { echo "$$said"; exit 1; }
	@$(PYTEST) --collect-only >/dev/null 2>&1 & $(BIN)/mypy; status=$$?; wait; exit $$status

format: $(VENV)/.test
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

clean:
	rm -rf build $(VENV)

$(VENV)/.demo: pyproject.toml deploy/setup/packages.sh
	@deploy/setup/packages.sh demo
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Python packages into $(VENV) (TensorFlow is about 600 MB) …"
	@$(PIP) install --editable '.[converter,monitor]'
	@touch $@

# Debian's packages and Python's are fetched side by side. Modules are compiled when first imported: most never are.
$(VENV)/.test: pyproject.toml deploy/setup/packages.sh
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) 2>/dev/null || \
	  { deploy/setup/packages.sh demo && $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing Python packages into $(VENV) (TensorFlow is about 600 MB) …"
	@deploy/setup/packages.sh test & system=$$!; \
	$(PIP) install --no-compile --editable '.[converter,onnx,monitor,test]' && \
	$(PIP) install --no-compile --no-deps tf-keras==2.21.0; python=$$?; \
	wait $$system && exit $$python
	@touch $@
