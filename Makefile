# Every target makes what it needs: Python 3.11 or newer, make and git are enough.
PYTHON ?= python3
PORT ?= 8000
STORE ?= .circkg
BIN := .venv/bin
READY := .venv/.ready
SOURCES := $(shell find data ontology shapes loaders server -type f -not -path '*/__pycache__/*' -not -path '*/examples/*')

.PHONY: serve build test test-virtuoso nightly lint types docs sources bench clean help

help:            ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(READY): pyproject.toml hatch_build.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --editable . --group dev
	@touch $@

$(STORE)/manifest.json: $(READY) $(SOURCES)
	$(BIN)/circkg build --store $(STORE)

serve: $(STORE)/manifest.json  ## build the graph and serve it at http://127.0.0.1:8000
	$(BIN)/circkg serve --store $(STORE) --port $(PORT)

build: $(STORE)/manifest.json  ## build the graph

test: $(READY)   ## run the test suite
	$(BIN)/pytest -m 'not nightly and not online and not virtuoso'

nightly: $(READY)  ## run the slow checks too
	$(BIN)/pytest -m 'not online and not virtuoso'

test-virtuoso: $(READY)  ## run the tests of the remote engine against Virtuoso (Debian: virtuoso-opensource)
	$(BIN)/pytest tests/test_remote.py -m virtuoso

lint: $(READY)   ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## check types
	$(BIN)/mypy

docs: $(READY)   ## write the generated reference pages
	$(BIN)/python -m circkg_loaders.facts.reference docs/data-tables.md
	$(BIN)/python -m circkg_loaders.contributed.reference docs/faults.md
	$(BIN)/circkg cite --software --format cff > CITATION.cff

sources: $(READY)  ## register the web pages that the data cite
	$(BIN)/python -m circkg_loaders.sources

bench: $(READY)  ## measure build, start, search, serving, publishing and validation
	$(BIN)/python tests/benchmarks/build.py
	$(BIN)/python tests/benchmarks/search.py
	$(BIN)/python tests/benchmarks/serving.py
	$(BIN)/python tests/benchmarks/publishing.py
	$(BIN)/python tests/benchmarks/catalogue.py
	$(BIN)/python tests/benchmarks/judging.py
	$(BIN)/python tests/benchmarks/validation.py

clean:           ## remove what the targets made
	rm -rf .venv $(STORE) dist .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
