# `make` lists the targets. The environment lives in .venv/ and is renewed when its list changes.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.PHONY: help lab test test-all bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: .venv/.lab ## open the labs in a browser
	@$(BIN)/edgewise serve

test: .venv/.test ## check style and types, run the tests (under 15 minutes on 2 cores)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --ignore tests/browser
	$(BIN)/pytest tests/browser

test-all: .venv/.test ## run the long tests that `make test` leaves out
	$(BIN)/pytest -m long -n 2 --ignore tests/browser
	$(BIN)/pytest -m long tests/browser

bench: .venv/.test ## measure speed, against the peers
	$(BIN)/python -m tests.bench

clean: ## remove the environment and the caches
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.lab: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable .
	@touch $@

.venv/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[test]'
	@touch .venv/.lab $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Edgewise needs Python 3.11 or newer: install it, or name it: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "Python's venv is missing: install it (Debian: apt install python3-venv)."; exit 1; }
