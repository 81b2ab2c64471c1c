# Two commands do everything: `make demo` and `make test`. Both set up what they need first.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo demo-monitor test bench lint format clean

help:
	@echo "make demo    train, convert, run the line, lose the broker, find the drift (about 2 minutes)"
	@echo "make demo-monitor   a broker, a simulated fleet and the monitor's pages, until Ctrl-C"
	@echo "make test    lint, type check and every test"
	@echo "make bench   ratios of time and memory, written to build/bench.json"
	@echo "make lint    ruff and mypy only"
	@echo "make clean   remove build/ and $(VENV)/"

demo: $(VENV)/.demo
	@$(BIN)/python -m converter.demo

demo-monitor: $(VENV)/.demo
	@$(BIN)/python -m converter.demo.fleet $(ARGS)

test: $(VENV)/.test lint
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

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
