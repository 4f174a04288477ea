# Every target sets itself up: the first one makes .venv from the hashed lock file. `make` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-lock
WORKERS ?= 2
main-job: ORDERS ?= $(abspath ../shared/data/marketplace)
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup browser demo demo-once story serve check format test soak main-job bench docs lock screenshots clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## Make the virtual environment .venv (every other target does it by itself)
	@echo "$(VENV) is ready."

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Cauce needs Python 3.11 or newer; '$(PYTHON)' is not. Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing the packages of requirements.lock into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

browser: $(STAMP) ## Install Chromium for the browser tests, where apt and root are at hand
	@if $(BIN)/python -c 'import shutil, sys; sys.exit(not any(map(shutil.which, ("chromium", "chromium-browser"))))'; then \
	  echo "Chromium is here."; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else \
	  echo "No Chromium, and it cannot be installed from here: browser tests will be skipped. On Debian, as root: apt install chromium"; \
	fi

demo: $(STAMP) ## Run the product with generated data and leave the console running (ORDERS=folder: real order files)
	@$(BIN)/cauce demo $(if $(ORDERS),--orders $(ORDERS)) $(ARGS)

demo-once: $(STAMP) ## The same, ending by itself
	@$(BIN)/cauce demo --once $(if $(ORDERS),--orders $(ORDERS)) $(ARGS)

story: $(STAMP) ## The acceptance story in a headless browser
	@test -d tests/story || { echo "This version has no browser story (tests/story)."; exit 1; }
	$(BIN)/python -m pytest tests/story $(ARGS)

serve: $(STAMP) ## Database, web server, worker and simulators in one process, on http://127.0.0.1:8420
	@$(BIN)/cauce up $(ARGS)

check: $(STAMP) ## Format, lint, types, imports, tidy, docs; no tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir build/import-linter
	$(BIN)/python -m tests.tidy

format: $(STAMP) ## Put every file into the one format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(STAMP) ## Everything that must pass before code lands (ARGS='-k name' picks)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not soak" $(ARGS)

soak: $(STAMP) ## The full counts: thousands of random programs, a hundred seeds a fault
	CAUCE_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "soak" $(ARGS)

main-job: $(STAMP) ## The whole shared order files through both channels (ORDERS=folder with the three files)
	@if [ -d "$(ORDERS)" ]; then \
	  CAUCE_SOAK=1 ORDER_FILES="$(ORDERS)" $(BIN)/python -m pytest -n $(WORKERS) -m soak -k whole_files_end tests/flows/test_real_orders.py $(ARGS); \
	else \
	  echo "No order files at $(ORDERS); the main job on real orders is left out."; \
	fi

bench: $(STAMP) ## Measure (ONLY=prefix picks rows); writes benchmarks/results/latest.json
	@$(BIN)/python -m benchmarks.run $(if $(ONLY),--only $(ONLY)) $(ARGS)

docs: $(STAMP) ## Write the generated pages of docs/reference
	$(BIN)/python -m docs.generate

lock: $(STAMP) ## Write requirements.lock anew from the ranges in pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --all-extras \
	  --no-emit-find-links --no-emit-index-url pyproject.toml -o requirements.lock

screenshots: browser ## Pictures of console and portal into build/screenshots (ARGS='home order' picks)
	$(BIN)/python -m tests.entrypoints.screenshots build/screenshots $(ARGS)

clean: ## Remove what the other targets made in this folder
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
