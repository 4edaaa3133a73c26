# Below the Line. `make help` lists the targets; each that needs the virtual environment makes it first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: setup
setup: .venv/installed ## Make .venv with everything, from the lock file

.venv/installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 …")'
	@echo "Installing into .venv …" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.PHONY: demo
demo: setup ## Start everything, stream a newsroom day (or ARCHIVE=folder), print the results
	@$(BIN)/btl demo $(if $(ARCHIVE),--archive "$(ARCHIVE)")

.PHONY: check
check: setup ## Lint and type-check: Python, imports, SQL, schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqruff lint sql
	$(BIN)/check-jsonschema --check-metaschema schemas/definitions.json schemas/*.v*.json
	$(BIN)/btl schemas check
	$(BIN)/python -m docs.site.build

.PHONY: docs
docs: setup ## Build the documentation site into build/site
	$(BIN)/python -m docs.site.build

.PHONY: unit
unit: setup ## Run the tests that need no services
	$(BIN)/pytest -q --numprocesses 2 -m 'not stack' tests/unit tests/contracts tests/properties

.PHONY: test
test: setup ## Check, and run all tests on stacks of their own (ARGS=… runs only some tests, without the check)
	$(BIN)/python -m tests.run $(ARGS)

.PHONY: test-stack
test-stack: setup ## Start a stack for single tests: eval "$(make -s test-stack)", then pytest …
	@$(BIN)/python -m tests.stacks up

.PHONY: test-stack-down
test-stack-down: setup ## Stop the stack of make test-stack and delete its data
	@$(BIN)/python -m tests.stacks down

.PHONY: prove
prove: setup ## Kill, freeze, cut off and restart for half an hour, and compare with the model (BTL_PROVE_SEED=… repeats)
	BTL_PROVE=1 $(BIN)/python -m tests.run $(or $(ARGS),tests/prove tests/faults/test_real_export.py \
		tests/integration/test_closing_of_export.py tests/integration/test_archive_round_trip.py)

.PHONY: format
format: setup ## Format the Python code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup ## Measure; prints a table with the machine, writes build/bench.json
	$(BIN)/python -m tests.benchmarks.run $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m tests.benchmarks.closing)
	$(if $(ARGS),,$(BIN)/python -m tests.benchmarks.metrics)
	$(if $(ARGS),,$(BIN)/python -m tests.benchmarks.freshness)
	$(if $(ARGS),,$(BIN)/python -m tests.benchmarks.archive)
	$(if $(ARGS),,$(BIN)/python -m tests.benchmarks.erasing)
	$(if $(ARGS),,$(BIN)/python -m tests.benchmarks.growth)

.PHONY: lock
lock: setup ## Resolve pyproject.toml into requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --upgrade --all-extras --group dev \
		pyproject.toml --output-file requirements.lock --quiet

.PHONY: clean
clean: ## Stop the local stack and remove what was built (not the stack's data)
	@if [ -x $(BIN)/btl ]; then $(BIN)/btl down; fi
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
