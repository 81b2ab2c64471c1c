# Two commands do everything: `make demo` and `make test`. Both set up what they need first.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo demo-monitor test test-arm64 boot-arm64 boot-compose bench lint format clean

help:
	@echo "make demo         train, convert, run the line, lose the broker, find the drift (about 2 minutes)"
	@echo "make demo-monitor a broker, a simulated fleet and the monitor's pages, until Ctrl-C"
	@echo "make test         lint, type check and every test"
	@echo "make test-arm64   the core, the daemon and flashing on an emulated Raspberry Pi (about 10 minutes)"
	@echo "make boot-arm64   a whole ARM64 device boots in qemu and loses its power (root; about 20 minutes)"
	@echo "make boot-compose the central side in containers: built, run, restarted (root; about 5 minutes)"
	@echo "make bench        ratios of time and memory, written to build/bench.json"
	@echo "make lint         ruff and mypy only"
	@echo "make clean        remove build/ and $(VENV)/"

demo: $(VENV)/.demo
	@$(BIN)/python -m converter.demo

demo-monitor: $(VENV)/.demo
	@$(BIN)/python -m converter.demo.fleet $(ARGS)

test: $(VENV)/.test lint
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

test-arm64: $(VENV)/.test
	@deploy/setup/packages.sh arm64
	@EDGE_ARM64=all $(BIN)/python -m pytest -n auto --dist worksteal tests/system/arm64 $(ARGS)
	@$(BIN)/python -m tests.bench arm64

boot-arm64: $(VENV)/.test
	@deploy/setup/packages.sh boot
	@$(BIN)/python -m tests.system.arm64.boot

boot-compose: $(VENV)/.test
	@deploy/setup/packages.sh compose
	@$(BIN)/python -m tests.system.compose

bench: $(VENV)/.test
	@$(BIN)/python -m tests.bench $(ARGS)

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

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

$(VENV)/.test: pyproject.toml deploy/setup/packages.sh
	@deploy/setup/packages.sh test
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Python packages into $(VENV) (TensorFlow is about 600 MB) …"
	@$(PIP) install --editable '.[converter,onnx,monitor,test]'
	@$(PIP) install --no-deps tf-keras==2.21.0
	@touch $@
