.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# Where real logs for tests and benchmarks lie beside this checkout; the package itself knows no such path.
export DEEPSENTRY_DATA ?= $(wildcard $(abspath ../shared/data))
ifeq ($(DEEPSENTRY_DATA),)
unexport DEEPSENTRY_DATA
endif

.PHONY: help setup demo test check format lock bench bench-hdfs kafka clean

help:            ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup:           ## Build .venv from the lock (once)
	@scripts/setup.sh

demo: setup      ## Kafka, a web shop's traffic, five faults, their alerts; FILE=/path/to.log for your own log
	@$(BIN)/deepsentry demo $(if $(FILE),--log "$(FILE)")

test: setup      ## Run every test, on real servers
	@$(BIN)/pytest

check: setup     ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: setup    ## Format the code
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

lock:            ## Pin every dependency anew, with hashes
	uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml --output-file requirements.lock

bench: setup     ## CPU per line of every step, on a real Kafka
	@$(BIN)/python -m benchmarks.pipeline

bench-hdfs: setup ## Detection on HDFS through Kafka, beside simple baselines
	@$(BIN)/python -m benchmarks.hdfs

kafka: setup     ## Run the embedded Kafka in the foreground
	@$(BIN)/deepsentry up

clean:           ## Remove what make setup and runs left
	rm -rf .venv .tools .deepsentry .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
