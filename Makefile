# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Needs git, make and a Python from 3.10 to 3.14; everything else goes into .venv. `make help` lists the targets.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
COLLECTION := $(VENV)/ansible/ansible_collections/volact/kms
TESTS := PYTHONPATH=tests $(VENV_PYTHON)
GATES := $(TESTS) -m gates
PIP := $(VENV_PYTHON) -m pip --quiet --quiet --disable-pip-version-check --no-input
UV_COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --no-emit-index-url

# The first Python that runs (a pyenv shim may exist and fail), that is supported, and that can make an environment.
# Another one: make PYTHON=/path/to/python3.12 TARGET
PYTHONS := python3.13 python3.12 python3.11 python3.10 python3.14 python3
PYTHON_FITS := import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info < (3, 15))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.demo ## Move a simulated site from MAK to KMS, twice, and verify every machine
	@$(VENV_PYTHON) tests/demo/run.py

.PHONY: test
test: $(VENV)/.test ## Everything that checks the project: all the gates below, one summary
	@$(GATES)

.PHONY: matrix
matrix: $(VENV)/.test ## Units, integration and sanity with ansible-core 2.16 to 2.21; needs Python 3.10 to 3.13
	@$(TESTS) -m gates.matrix $(MATRIX)

.PHONY: leak-check
leak-check: $(VENV)/.test ## Play everything at -vvvv, and search all that was written for the site's secrets
	@PYTHONPATH=tests:tests/integration $(VENV_PYTHON) -m gates.leaks

.PHONY: bench
bench: $(VENV)/.test ## What a machine costs the controller, and the lab; fails past a limit
	@$(TESTS) -m bench $(BENCH)

.PHONY: kill-test
kill-test: $(VENV)/.test ## Kill migrations at KILL='--points 50' points and run them again; to repeat it: SEED=1
	@PYTHONPATH=tests:tests/integration $(VENV_PYTHON) -m kill $(KILL) $(if $(SEED),--seed $(SEED))

MOLECULE := build/molecule/venv
CONTAINERS := PYTHONPATH=tests $(MOLECULE)/bin/python -m containers

.PHONY: molecule
molecule: engine $(MOLECULE)/.ready ## Scenarios against containers, as root with podman or docker; one: SCENARIO=default
	@$(CONTAINERS) test $(SCENARIO)
	@test -n '$(SCENARIO)' || $(VENV_PYTHON) -m pytest -q tests/molecule

# First, so that a machine without an engine is told so before anything is installed.
.PHONY: engine
engine: $(VENV)/.test
	@PYTHONPATH=tests $(VENV_PYTHON) -m containers engine

# gssapi and pykerberos are compiled (C compiler, libkrb5-dev): without optimisation in half a minute.
$(MOLECULE)/.ready: requirements/molecule.txt | $(VENV)/.test
	@echo 'requirements $<'
	@$(VENV_PYTHON) -m venv --clear $(MOLECULE)
	@export CFLAGS='-O0 -g0'; PYTHONPATH=tests $(MOLECULE)/bin/python -m gates.installer --requirement $< \
	  || $(MOLECULE)/bin/python -m pip --quiet --disable-pip-version-check install --requirement $<
	@touch $@

FUZZ_PATH := PYTHONPATH=tests:$(VENV)/ansible

.PHONY: fuzz
fuzz: $(VENV)/.test ## Random and broken DNS and RPC replies, for FUZZ='--seconds 60' each way; prints the cases run
	@$(FUZZ_PATH) $(VENV_PYTHON) -m fuzz $(FUZZ)
	@if test -d build/fuzz/lib/atheris || $(PIP) install --no-deps --target build/fuzz/lib atheris==3.0.0 2>/dev/null; then \
	  $(FUZZ_PATH):build/fuzz/lib $(VENV_PYTHON) -m fuzz.guided $(FUZZ) 2>build/fuzz/log || { tail -n 60 build/fuzz/log; exit 1; }; \
	else echo 'atheris does not install here, so no cases were guided by coverage'; fi

.PHONY: units
units: $(VENV)/.test ## Unit and contract tests, with branch coverage, and all combinations of data
	@$(GATES) units combinations

.PHONY: integration
integration: $(VENV)/.test ## Integration tests against the lab and, when it is installed, BIND
	@$(GATES) integration

.PHONY: coverage
coverage: $(VENV)/.test ## Branch coverage of plugins/ by the unit tests
	@$(GATES) units coverage

.PHONY: lint
lint: $(VENV)/.test ## ansible-lint (production), yamllint, ruff
	@$(GATES) ansible-lint yamllint ruff-check ruff-format

.PHONY: types
types: $(VENV)/.test ## mypy
	@$(GATES) mypy

.PHONY: sanity
sanity: $(VENV)/.test ## ansible-test sanity
	@$(GATES) sanity

.PHONY: docs-lint
docs-lint: $(VENV)/.test ## antsibull-docs and antsibull-changelog
	@$(GATES) docs changelog

.PHONY: build
build: $(VENV)/.test ## Build dist/volact-kms-VERSION.tar.gz and check what is in it
	@$(GATES) build

.PHONY: format
format: $(VENV)/.test ## Let ruff format the code and mend what it can
	@$(VENV)/bin/ruff check --quiet --fix-only .
	@$(VENV)/bin/ruff format --quiet .

.PHONY: locks
locks: $(VENV)/.test ## Compile requirements/*.in to the pinned *.txt
	@$(UV_COMPILE) --upgrade --custom-compile-command 'make locks' requirements/demo.in --output-file requirements/demo.txt
	@$(UV_COMPILE) --upgrade --custom-compile-command 'make locks' requirements/test.in --output-file requirements/test.txt
	@$(UV_COMPILE) --upgrade --custom-compile-command 'make locks' requirements/molecule.in --output-file requirements/molecule.txt
	@set -e; $(TESTS) -m gates.matrix --list | while read -r series python; do \
	  echo "ansible-core ~= $$series.0" | $(VENV)/bin/uv pip compile --quiet --python-version $$python --no-emit-index-url \
	    --upgrade --override - --custom-compile-command 'make locks' requirements/matrix.in \
	    --output-file requirements/core-$$series.txt; \
	done

.PHONY: venv
venv: $(VENV)/.test ## Only make the virtual environment, with everything for the targets above

.PHONY: clean
clean: ## Remove what the targets made, except the virtual environment
	@rm -rf build dist .ansible .mypy_cache .pytest_cache .ruff_cache .coverage tests/output
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## Remove the virtual environment too
	@rm -rf $(VENV)

$(VENV_PYTHON):
	@for python in $(or $(PYTHON),$(PYTHONS)); do \
	  $$python -c '$(PYTHON_FITS)' >/dev/null 2>&1 || continue; \
	  echo "environment  $(VENV), $$($$python --version)"; \
	  $$python -m venv --clear $(VENV) && exit 0; \
	  rm -rf $(VENV); exit 1; \
	done; \
	echo 'No Python from 3.10 to 3.14 with the modules venv and ensurepip among: $(or $(PYTHON),$(PYTHONS)).' >&2; \
	echo 'On Debian and Ubuntu: apt install python3-venv. Or name one: make PYTHON=/path/to/python3 ...' >&2; \
	exit 1

# The collection's imports and playbooks need it below a folder ansible_collections.
$(VENV)/.demo: requirements/demo.txt | $(VENV_PYTHON)
	@echo 'requirements $<'
	@$(PIP) install --requirement $<
	@mkdir -p $(dir $(COLLECTION))
	@ln -sfn ../../../.. $(COLLECTION)
	@touch $@

# uv takes a tenth of pip's time. Where it does not get along with the user's settings, pip does it.
$(VENV)/.test: requirements/test.txt $(VENV)/.demo
	@echo 'requirements $<'
	@$(PIP) install --constraint $< uv
	@$(TESTS) -m gates.installer --requirement $< || $(PIP) install --requirement $<
	@touch $@
