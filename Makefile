# Every command of the project; `make` alone lists them.
# Needs make and Python 3.11 or newer; PYTHON=/path/to/python chooses another one.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run new-service remove-service test lint check envoy test-compose bench keys lock clean setup setup-dev

VENV := .venv/bin/python
SETUP := sh tools/python tools/environment.py
SOURCES := $(wildcard libs/*/src *-service/src gateway/src)
SERVICES := $(patsubst %-service/pyproject.toml,%,$(wildcard *-service/pyproject.toml))
PACKAGES := touchstone service_kit gateway $(addsuffix _service,$(subst -,_,$(SERVICES)))
.PHONY: $(SERVICES)

# The arguments of a command.
ARGS ?=
# The name of a service of your own, as it was given: make would expand `$(...)` in it.
NAME ?=
override NAME := $(value NAME)
export NAME
# COVERAGE=1 measures the tests of each package, which slows them down. Those under tests/ run the services in processes of
# their own, so they are not measured. Some tests alone cannot reach a gate.
COVERAGE ?=
MEASURED := $(wildcard libs/* *-service gateway) $(addprefix --cov=,$(PACKAGES)) --cov-branch --cov-report=
PYTEST := $(VENV) -m pytest -p tools.pytest_required
PARALLEL := -p tools.pytest_parallel -n auto --dist=loadfile
# Tests start hundreds of Python processes; without bytecode each of them compiles everything again.
export PYTHONDONTWRITEBYTECODE :=

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '  make %-14s run a command of this service on the data of `make run`: ARGS=--help\n' $(SERVICES)

run: setup ## start all services on this machine, with a demo; Ctrl-C stops them (LOG=1 shows their logs)
	@exec $(VENV) tools/run.py

# A command of this service on the data of `make run`: make auth ARGS='accounts list'.
$(SERVICES): setup
	@exec $(VENV) tools/command.py $@-service $(value ARGS)

new-service: setup-dev ## make a service of your own: NAME=inventory
	@exec $(VENV) tools/new_service new "$$NAME"

remove-service: setup-dev ## take a service of your own away again: NAME=inventory
	@exec $(VENV) tools/new_service remove "$$NAME"

test: setup-dev ## run every test that needs no Docker (ARGS='-k keys' or a path: some of them; COVERAGE=1: measure)
ifeq ($(strip $(ARGS)),)
	@status=0; \
	$(PYTEST) $(PARALLEL) --ignore=tests/compose $(if $(COVERAGE),tests) || status=1; \
	$(if $(COVERAGE),$(PYTEST) $(PARALLEL) $(MEASURED) || status=1; $(VENV) tools/coverage_gate.py || status=1;) \
	exit $$status
else
	@exec $(PYTEST) $(ARGS)
endif

lint: setup-dev ## check style, formatting, and what may not be in the tree: the fast half of `make check`
	@status=0; \
	for each in '-m ruff check' '-m ruff format --check' tools/check_tree.py; do $(VENV) $$each || status=1; done; \
	exit $$status

check: setup-dev ## check all that needs no test: lint, types, import contracts
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	$(VENV) -m mypy $(SOURCES) tools || status=1; \
	$(VENV) tools/import_contracts.py || status=1; \
	exit $$status

envoy: setup-dev ## write deploy/envoy from the gateway's routes (its settings count: ISSUER, ROUTES_FILE, AUTH_URL, …)
	@exec $(VENV) tools/envoy_config.py $(ARGS)

test-compose: setup-dev ## start the compose cluster, test it, remove it
	@exec $(VENV) tools/compose_tests.py $(ARGS)

bench: setup-dev ## run the laboratory; fail if a promise is broken
	@exec $(VENV) tools/bench.py $(ARGS)

keys: setup ## make the keys that are missing in keys/
	@exec $(VENV) -m auth_service.make_keys --keys-dir keys $(value ARGS)

lock: ## resolve the dependencies again into requirements*.lock
	@exec sh tools/lock

clean: ## remove everything made on this machine: .venv, var, keys, caches
	@rm -rf .venv var dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
	@find keys -mindepth 1 ! -name README.md -delete 2>/dev/null || true
	@find . -name node_modules -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'removed .venv, var, keys and caches'

setup:
	@$(SETUP) run

setup-dev:
	@$(SETUP) dev
