# What a newcomer needs: `make serve` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade
# neighbours go to the same worker, which opens the county once for them; who is done takes over
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
MAKEFLAGS += --no-print-directory

.PHONY: help serve test lint format docs catalogues lock test-minimum benchmark clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python cannot make environments here; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

FRONTEND := frontend/package-lock.json frontend/vendor.json hatch_build.py

$(VENV)/.serve: requirements/serve.lock pyproject.toml $(FRONTEND) | $(BIN)/python
	@echo "Installing (once, about a minute) ..."
	@$(PIP) --require-hashes -r requirements/serve.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.serve
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.benchmark: requirements/benchmark.lock $(VENV)/.dev
	@$(PIP) --require-hashes -r requirements/benchmark.lock
	@touch $@

serve: $(VENV)/.serve ## Install what is needed, then serve http://127.0.0.1:8000
	@$(BIN)/locator serve

test: $(VENV)/.dev ## Run the whole suite
	@$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

lint: $(VENV)/.dev ## Check style, types, floors and docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/docs

format: $(VENV)/.dev ## Put the code in its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## Write the generated parts of docs/
	@$(BIN)/python docs/generate.py

catalogues: $(VENV)/.dev ## Bring the texts of the pages into every catalogue of translators
	@$(BIN)/pybabel -q extract -F pyproject.toml --keywords Sentence --no-location --sort-output -o var/messages.pot .
	@for file in locator/web/translations/*.po; do \
	  $(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
	    --locale $$(basename $$file .po) --input-file var/messages.pot --output-file $$file; done

lock: $(VENV)/.dev ## Pin the newest versions that fit pyproject.toml, with hashes
	@$(PIP) uv
	@$(COMPILE) pyproject.toml --group build --output-file requirements/serve.lock
	@$(COMPILE) pyproject.toml --group dev --constraint requirements/serve.lock --output-file requirements/dev.lock
	@$(COMPILE) --group benchmark --constraint requirements/dev.lock --output-file requirements/benchmark.lock

test-minimum: $(VENV)/.dev ## Run the suite with the oldest versions that pyproject.toml allows
	@$(PIP) uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-minimum
	@$(BIN)/uv pip install --quiet --python .venv-minimum/bin/python --resolution lowest-direct --group dev --editable .
	@.venv-minimum/bin/python -m pytest $(PARALLEL) --deselect tests/docs/test_docs.py::test_generated_pages_are_fresh $(PYTEST_ARGS)

benchmark: $(VENV)/.benchmark ## Measure beside named peers; writes docs/performance.md
	@$(BIN)/python -m benchmarks

clean: ## Remove everything that was installed or built here
	@rm -rf $(VENV) .venv-minimum frontend/node_modules locator/web/static/vendor *.egg-info var
