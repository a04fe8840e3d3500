# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make demo    sets up .venv, writes an illustrated report with no key and no network, prints its path
#   make test    sets up .venv, runs the tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --constraint constraints.txt
PLUGINS := $(sort $(wildcard plugins/*))
PACKAGES := pyproject.toml constraints.txt $(PLUGINS:%=%/pyproject.toml)
EDITABLE := $(PLUGINS:%=-e ./%)
WORKERS ?= auto

.PHONY: demo test lint bench clean

demo: $(VENV)/.runtime
	@$(BIN)/llmi run "Four years of weather in Seattle" \
		--attach examples/data/seattle-weather.csv --images examples/data/photos \
		--model offline --out demo --format html,md,json

test: $(VENV)/.development
	$(BIN)/pytest --numprocesses $(WORKERS)

lint: $(VENV)/.development
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.development
	@missed=0; for script in benchmarks/*.py; do $(BIN)/python $$script || missed=1; echo; done; exit $$missed

clean:
	rm -rf $(VENV) demo

$(VENV)/.runtime: $(PACKAGES) | $(BIN)/python
	$(PIP) -e . $(EDITABLE)
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(PIP) -e ".[dev]"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "LLMI needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
