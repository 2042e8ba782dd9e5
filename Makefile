# Two commands: `make run` does the main job on the sample site, `make test` proves the rest.
PY ?= python3
B := .venv/bin
PIP := $(B)/python -m pip install -q --disable-pip-version-check

.PHONY: help setup run serve test check format golden bench acceptance tools lock clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.stamp  ## a .venv with the publisher command

.venv/.stamp: requirements-dev.lock pyproject.toml
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "need Python 3.11 or newer")'
	$(PY) -m venv .venv
	$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

run: setup  ## one whole cycle on the sample site: feeds, digest, delivery into the built-in inbox
	$(B)/publisher init .
	$(B)/publisher publish

serve: setup  ## the daemon, with pages, feeds and the inbox at http://localhost:8080/
	$(B)/publisher init .
	$(B)/publisher serve

test: setup  ## the tests
	$(B)/python -m pytest -n auto

check: setup  ## format, lint, types, imports
	$(B)/ruff format --check .
	$(B)/ruff check .
	$(B)/mypy
	$(B)/lint-imports

format: setup  ## put the code in order
	$(B)/ruff format .
	$(B)/ruff check --fix .

golden: setup  ## write the golden files anew; read the diff before you commit it
	$(B)/python -m pytest --update-golden tests

bench: tools  ## speed, as ratios measured in one run
	for script in bench/*.py; do $(B)/python $$script || exit 1; done

acceptance: tools  ## the whole way in real processes, and pictures of it in var/screens
	$(B)/python -m pytest -m acceptance tests
	$(B)/python tests/acceptance/screens.py var/screens

tools: setup  ## what only acceptance and bench need: browsers, readers, scanners, relays
	tests/acceptance/tools.sh

lock:  ## resolve the requirements anew (needs uv)
	uv export -q --no-emit-project --no-header --format requirements-txt --no-default-groups -o requirements.lock
	uv export -q --no-emit-project --no-header --format requirements-txt --group dev -o requirements-dev.lock

clean:  ## remove what was made
	rm -rf .venv .tools var public dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
