# Two commands: 'make up' runs everything, 'make test' proves everything. The rest: 'make help'.
PYTHON ?= python3
IN_VENV = .venv/bin/python
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
INSTALL = $(PYTHON) hedgeapp/up/preflight.py

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help up test check fix bench replay lock clean python base dev

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: base ## install what is missing and run the whole stack; Ctrl-C stops it
	@exec $(IN_VENV) -m hedgeapp.up

test: dev ## install what the tests need, then every check and every test, beside a running stack
	@$(IN_VENV) -m hedgeapp.up.checks
	@$(IN_VENV) -m tests.chromium
	@$(IN_VENV) -m pytest -n 2

check: dev ## format, lint, types, layers and migrations, without the tests
	@$(IN_VENV) -m hedgeapp.up.checks

fix: dev ## format, and repair what the linter can
	@$(IN_VENV) -m ruff format --quiet .
	@$(IN_VENV) -m ruff check --fix --quiet .

bench: dev ## measure the performance budget; exits non-zero where a ratio is missed
	@$(IN_VENV) -m bench

replay: base ## rebuild all read models from the event log, prove them equal to the live ones and swap them
	@$(IN_VENV) -m hedgeapp.up run $(IN_VENV) manage.py replay

lock: dev ## resolve the dependencies of pyproject.toml anew into requirements/
	@$(COMPILE) pyproject.toml -o requirements/base.txt
	@$(COMPILE) pyproject.toml --group dev -c requirements/base.txt -o requirements/dev.txt
	@sed -n '/^uv==/,/# via/ { /# via/d; p }' requirements/base.txt >requirements/uv.txt

clean: python ## remove what was installed and all data of this folder, unless it is up
	@$(INSTALL) clean

base dev: python
	@$(INSTALL) $@

python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed; found no '$(PYTHON)': install python3.11, or name one with 'make PYTHON=/path/to/python3.11'." >&2; exit 1; }
