# Everything a developer types. Each target brings what it needs into .venv; nothing is installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SWITCH_STAMP := $(VENV)/.installed-switch
FREESWITCH_FOUND := $(or $(FREESWITCH),$(shell command -v freeswitch 2>/dev/null))

.PHONY: run test lint types unit switch-tests switch-tests-all prompts bench schema clean

run: $(STAMP)
	$(BIN)/callcontrol demo

test: lint types unit $(if $(FREESWITCH_FOUND),switch-tests)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

unit: $(STAMP)
	$(BIN)/pytest --ignore=tests/switch --cov --cov-report=term:skip-covered

# Calls with real SIP phones on a real FreeSWITCH (found through FREESWITCH or PATH): what `make test` runs of them takes
# nine minutes; all of them, moderated rooms included, take longer than a change should wait.
SWITCH_TESTS ?= tests/switch/test_conversations.py tests/switch/test_survival.py
switch-tests: $(STAMP) $(SWITCH_STAMP)
	$(BIN)/pytest $(SWITCH_TESTS)

switch-tests-all: SWITCH_TESTS = tests/switch
switch-tests-all: switch-tests

prompts: $(STAMP)
	$(BIN)/python prompts/build.py

schema: $(STAMP)
	$(BIN)/callcontrol schema > docs/tenant.schema.json

bench: $(STAMP)
	$(BIN)/python -m bench

$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "callcontrol needs Python 3.11 or newer (make PYTHON=python3.11)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(SWITCH_STAMP): $(STAMP) requirements-switch.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-switch.txt
	touch $@

clean:
	rm -rf $(VENV) run .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
