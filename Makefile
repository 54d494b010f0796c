# Customer Hub. `make help` lists what is here; `make demo` and `make test` need nothing prepared.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info < (3,14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help setup setup-dev demo test lint types bench bench-ingest bench-identity chaos week counterparts dev tour lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-15s %s\n", $$1, $$2}'

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Customer Hub needs Python 3.11, 3.12 or 3.13 on the PATH; set PYTHON=/path/to/python"; exit 1; }
	@echo "setting up .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing the locked requirements (one to three minutes the first time)"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo "installing the locked development requirements"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.runtime ## make .venv with everything the hub needs to run

setup-dev: .venv/.dev ## the same, with what tests, lint and types need

demo: setup ## four systems over HTTP to one golden customer table; run it again for day 2
	@$(BIN)/python -m pipelines.demo

# commands that tests start as processes of their own are not to compile the project anew
test: setup-dev ## all tests
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

lint: setup-dev ## ruff, import contracts, known vulnerabilities of what is locked
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python .ci/audit

types: setup-dev ## mypy: strict on hub/
	@$(BIN)/mypy

bench: setup ## wall and CPU seconds of a first, a day-2 and an empty sync
	@$(BIN)/python -m bench.sync

bench-ingest: setup .venv-bench/.done ## rows per second into raw and peak memory, next to dlt's
	@$(BIN)/python -m bench.ingest --dlt .venv-bench/bin/python $(BENCH_ARGS)

bench-identity: setup .venv-splink/.done ## accuracy, seconds and memory of the linkage, next to Splink and recordlinkage (an hour; BENCH_ARGS="--sets febrl4,20k")
	@$(BIN)/python -m bench.linkage --splink .venv-splink/bin/python $(BENCH_ARGS)

chaos: setup ## kill syncs at random moments of all stages, 200 times, and compare with ones left in peace (BENCH_ARGS="--kills 50 --seed 2")
	@$(BIN)/python -m bench.chaos $(BENCH_ARGS)

week: setup ## a week of nine sources under Dagster's daemon with a fault each day, next to one without any (half an hour)
	@$(BIN)/python -m bench.week $(BENCH_ARGS)

.venv-splink/.done: bench/requirements-splink.lock
	@$(PYTHON) -m venv .venv-splink
	@.venv-splink/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r bench/requirements-splink.lock
	@touch $@

.venv-bench/.done: bench/requirements-dlt.lock
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r bench/requirements-dlt.lock
	@touch $@

counterparts: setup-dev ## ask localstripe and a real Vendure shop (needs node and npm)
	@tests/counterparts/run

dev: setup ## Dagster UI with daemon on http://127.0.0.1:3000, and the vendor sandbox beside it
	@$(BIN)/python -m pipelines.dev

tour: setup ## take the pictures of docs/tour.md anew, and see that the Dagster UI shows what it should (needs Chromium)
	@$(BIN)/python -m bench.tour

lock: setup-dev ## write the locks again from pyproject.toml (needs uv)
	@uv pip compile pyproject.toml --extra deploy --extra mysql --extra postgres --extra build --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header -q -o requirements.lock
	@uv pip compile pyproject.toml --all-extras -c requirements.lock --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header -q -o requirements-dev.lock
	@uv pip compile bench/requirements-dlt.in --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header -q -o bench/requirements-dlt.lock
	@uv pip compile bench/requirements-splink.in --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header -q -o bench/requirements-splink.lock

clean: ## remove what the demo made (data/ and var/)
	@rm -rf data var
