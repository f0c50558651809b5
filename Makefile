# Each target does all of its own set-up. Needs Python >= 3.11, make and git.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
WORKERS ?= 2
# Set-up runs on public package indexes; torch is pinned exactly, everything else by requirements.lock.

.PHONY: help run test check bench-peers lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned dependencies into .venv (a few minutes the first time)…"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP) ## screen the sample posts, serve until Ctrl-C   [ONCE=1] [POSTS=folder|file.jsonl|file.csv]
	@$(BIN)/moderation up $(if $(ONCE),--once) $(if $(POSTS),--posts "$(POSTS)")

test: $(STAMP) ## the tests, without those marked long   [ARGS="tests/policy -x"] [WORKERS=2]
	@$(BIN)/moderation models pull
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not long" $(ARGS)

check: $(STAMP) ## the quality gates: style, types, layers, Dagster definitions, policies, unused dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dg check defs
	$(BIN)/moderation policy check
	$(BIN)/deptry .

bench-peers: $(STAMP) ## what `moderation bench hash|index|robustness` measures us against (needs a C compiler)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps -r requirements-bench.lock

lock: ## write requirements.lock from what .venv has
	@$(BIN)/python -m pip freeze --all --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' \
	    | grep -vxFf requirements-bench.lock > requirements.lock

clean: ## remove the virtual environment and local data
	rm -rf .venv .moderation
