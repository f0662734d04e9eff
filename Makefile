# Two commands do everything on a machine with Python (3.11 or newer) and make: `make demo` and `make test`.
# Each makes its own virtual environment in .venv and installs locked versions with hashes.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HOST   ?= 127.0.0.1
PORT   ?= 8000
NAMES  := semcube tests benchmarks examples docs

.PHONY: help demo test check fmt bench docs web lock clean
.DEFAULT_GOAL := help

help: ## show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

$(BIN)/uv: requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "semcube needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/all.stamp: requirements/all.txt pyproject.toml $(BIN)/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/all.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/all.stamp
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

WEB_SOURCES := $(shell find semcube/web/frontend -type f -not -path '*/node_modules/*' 2>/dev/null) semcube/web/build.py
semcube/web/static/index.html: $(WEB_SOURCES) $(VENV)/all.stamp
	$(BIN)/python -m semcube.web.build

web: semcube/web/static/index.html ## build the page and map from locked npm packages

demo: $(VENV)/all.stamp semcube/web/static/index.html ## real data -> RDF -> store -> answers -> endpoint and map on HOST:PORT
	$(BIN)/python examples/demo.py --host $(HOST) --port $(PORT)

test: $(VENV)/dev.stamp semcube/web/static/index.html ## run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/dev.stamp ## lint, format, types, import contract
	$(BIN)/ruff check $(NAMES)
	$(BIN)/ruff format --check $(NAMES)
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/dev.stamp ## format the code
	$(BIN)/ruff check --fix $(NAMES)
	$(BIN)/ruff format $(NAMES)

bench: $(VENV)/dev.stamp ## measure; writes docs/benchmarks/
	$(BIN)/python -m benchmarks

docs: $(VENV)/dev.stamp ## generate the reference and build the site into site/
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --quiet --strict

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-annotate --custom-compile-command "make lock"
lock: $(BIN)/uv ## resolve the locked versions anew
	echo uv | $(LOCK) --output-file requirements/uv.txt -
	$(LOCK) --extra dev --output-file requirements/dev.txt pyproject.toml
	$(LOCK) --extra all --extra build --constraint requirements/dev.txt --output-file requirements/all.txt pyproject.toml

clean: ## remove everything that was made
	rm -rf $(VENV) build dist site .demo semcube/web/static semcube/web/frontend/node_modules
