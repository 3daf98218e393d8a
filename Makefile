# Every command of the project; `make` alone lists them.
# Needs make and Python 3.11 or newer; PYTHON=/path/to/python chooses another one.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run auth orders test check test-compose bench keys lock clean setup setup-dev

VENV := .venv/bin/python
SETUP := sh tools/python tools/environment.py
SOURCES := $(wildcard libs/*/src *-service/src gateway/src)
PACKAGES := touchstone service_kit auth_service users_service orders_service gateway

# What a command is told.
ARGS ?=
# COVERAGE=1 measures whole runs, for two thirds more of their time in process; a part of the tests cannot reach a gate.
COVERAGE ?=
MEASURED := $(if $(COVERAGE),$(addprefix --cov=,$(PACKAGES)) --cov-branch --cov-report=)
PYTEST := $(VENV) -m pytest -p tools.pytest_required
PARALLEL := -p tools.pytest_parallel -n auto --dist=loadfile
# Tests start hundreds of Python processes: without bytecode each compiles everything again.
export PYTHONDONTWRITEBYTECODE :=

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## start all four services here, with a demo; Ctrl-C stops them (LOG=1 shows their logs)
	@exec $(VENV) tools/run.py

auth: setup ## run a command of auth-service on what `make run` uses: ARGS='accounts list', or ARGS=--help
	@exec $(VENV) tools/command.py auth-service $(value ARGS)

orders: setup ## the same for orders-service: ARGS='products import FILE'
	@exec $(VENV) tools/command.py orders-service $(value ARGS)

test: setup-dev ## run every test that needs no Docker (ARGS='-k keys' or a path runs a part; COVERAGE=1 measures)
ifeq ($(strip $(ARGS)),)
	@$(PYTEST) $(PARALLEL) --ignore=tests/compose $(MEASURED)
	$(if $(COVERAGE),@exec $(VENV) tools/coverage_gate.py)
else
	@exec $(PYTEST) $(ARGS)
endif

check: setup-dev ## lint, formatting, types, import contracts, what may not be in the tree
	@status=0; \
	for each in 'ruff check' 'ruff format --check' 'mypy $(SOURCES) tools'; do $(VENV) -m $$each || status=1; done; \
	.venv/bin/lint-imports --no-cache || status=1; \
	$(VENV) tools/check_tree.py || status=1; \
	exit $$status

test-compose: setup-dev ## bring the compose cluster up, test it from outside and inside, take it down
	@exec $(VENV) tools/compose_tests.py $(ARGS)

bench: setup-dev ## run the laboratory; fails when a promise is broken
	@exec $(VENV) tools/bench.py $(ARGS)

keys: setup ## make the key material that is missing in keys/
	@exec $(VENV) -m auth_service.make_keys --keys-dir keys

lock: ## resolve the dependencies again into requirements*.lock
	@exec sh tools/lock

clean: ## remove all that was made here: .venv, var, keys, caches
	@rm -rf .venv var dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
	@find keys -mindepth 1 ! -name README.md -delete 2>/dev/null || true
	@find . -name node_modules -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'clean: .venv, var, keys and caches are gone'

setup:
	@$(SETUP) run

setup-dev:
	@$(SETUP) dev
