# Two commands do everything on a fresh machine with Python 3.11 or later, git and make:
#   make run     what MCP servers, agents, tools and credentials are on this machine, and what is wrong with them
#   make test    every check that takes less than ten minutes in all
# The rest is for those who change Bartizan; CONTRIBUTING.md says when.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
UV ?= uv
JOBS ?= 2
BIN := .venv/bin
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

.PHONY: run test test-slow lint bench docs lock set-up set-up-dev system-packages

run: set-up
	@$(BIN)/bartizan scan $(ARGS) || { code=$$?; [ $$code = 1 ] || [ $$code = 3 ] || exit $$code; }

test: system-packages lint
	@echo "== tests"
	@$(BIN)/python -m pytest -q -m "not slow" -n $(JOBS) --durations=10 $(ARGS)

test-slow: system-packages set-up-dev
	@$(BIN)/python -m pytest -q -m slow --durations=10 $(ARGS)

lint: set-up-dev
	@echo "== ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== pyright" && $(BIN)/pyright
	@echo "== import laws" && $(BIN)/lint-imports --no-logo

bench: set-up-dev
	@for bench in bench/[a-z]*.py; do echo "== $$bench"; $(BIN)/python "$$bench"; done

docs: set-up-dev
	@$(BIN)/python -m tools.mission_page
	@$(BIN)/python -m tools.conformance_page
	@$(BIN)/python -m tools.limits_page
	@$(BIN)/python -m tools.clients_page
	@$(BIN)/python -m tools.checks_page
	@$(BIN)/python -m tools.sigma_page
	@$(BIN)/python -m tools.cli_page

# Keeps the versions that are locked; `make lock UPGRADE=--upgrade` takes the newest.
LOCK := $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links $(UPGRADE)
lock:
	$(LOCK) --group build -o requirements/run.lock
	$(LOCK) --group build --group dev --all-extras -c requirements/run.lock -o requirements/dev.lock

set-up:
	@$(PYTHON) tools/set_up.py run

set-up-dev:
	@$(PYTHON) tools/set_up.py dev

system-packages:
	@$(PYTHON) tools/set_up.py system
