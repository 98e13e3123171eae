.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# Where real logs for tests and benchmarks lie beside this checkout; the package itself knows no such path.
export DEEPSENTRY_DATA ?= $(wildcard $(abspath ../shared/data))
ifeq ($(DEEPSENTRY_DATA),)
unexport DEEPSENTRY_DATA
endif

FUZZED := tests/unit/streams/shippers/test_robustness.py tests/unit/streams/sanitizing/test_joining.py tests/unit/streams/redaction/test_properties.py

.PHONY: help setup demo test test-faults test-federation fuzz check format lock bench bench-memory bench-hdfs bench-redaction bench-feedback bench-federation bench-private bench-alerts bench-api conformance kafka clean

help:            ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup:           ## Build .venv from the lock (once)
	@scripts/setup.sh

demo: setup      ## Kafka, a web shop's traffic, five faults, their alerts; FILE=/path/to.log for your own log
	@$(BIN)/deepsentry demo $(if $(FILE),--log "$(FILE)")

test: setup      ## Run every test, on real servers
	@$(BIN)/pytest

test-faults: setup ## Kill, stop and starve real workers and brokers, in full length; RUNS=3 repeats
	@for run in $$(seq $(or $(RUNS),1)); do $(BIN)/pytest tests/faults -m "long or not long" || exit 1; done

test-federation: setup ## An aggregator and four sites: what leaves them, and each of them killed, cut off, revoked
	@$(BIN)/pytest tests/integration/test_federation.py tests/integration/test_federation_masks.py tests/integration/test_federation_jobs.py -m "long or not long" --durations=0

fuzz: setup      ## Try each property of the decoders, the joiner and the redaction engine for FUZZ_SECONDS=600
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} $(BIN)/pytest $(FUZZED)
	@$(BIN)/python -m benchmarks.growth

check: setup     ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: setup    ## Format the code
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

lock:            ## Pin every dependency anew, with hashes
	PATH="$(CURDIR)/.tools/bin:$$PATH" uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml --output-file requirements.lock

bench: setup     ## CPU a line of every step, beside copying, stock Faust and a naive loop; LINES=, JSON=1, PROFILE=1, ONLY=
	@$(BIN)/deepsentry bench --save .deepsentry/bench.json $(if $(LINES),--lines $(LINES)) $(if $(JSON),--json) \
		$(if $(PROFILE),--profile) $(if $(ONLY),--only $(ONLY))

bench-memory: setup ## Memory of both workers over a million sources; MINUTES=5
	@$(BIN)/deepsentry bench --only memory --save .deepsentry/bench-memory.json --minutes $(or $(MINUTES),5)

bench-hdfs: setup ## Detection on HDFS through Kafka, beside simple baselines; PARTITIONS=12
	@$(BIN)/python -m benchmarks.hdfs $(if $(PARTITIONS),--partitions $(PARTITIONS)) $(if $(JSON),--json)

bench-private: setup ## F1 of raw HDFS trained with differential privacy, beside without; EPSILON=8, SEEDS=3, JSON=1
	@$(BIN)/python -m benchmarks.private $(if $(EPSILON),--epsilon $(EPSILON)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(JSON),--json)

bench-redaction: setup ## What redaction finds, masks in vain, leaks and costs; SEED=, JSON=1
	@$(BIN)/python -m benchmarks.redaction $(if $(JSON),--json) $(if $(SEED),--seed $(SEED))

bench-feedback: setup ## What answers to alerts change: precision and recall after 0 to 50; SET=hdfs|shop, SEEDS=, JSON=1
	@$(BIN)/python -m benchmarks.feedback $(if $(SET),--set $(SET)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(JSON),--json)

bench-federation: setup ## Federated beside pooled and local-only on HDFS, five sites; SEEDS=, SPLIT=time|kind, JSON=1
	@$(BIN)/python -m benchmarks.federation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SPLIT),--split $(SPLIT)) $(if $(JSON),--json)

bench-alerts: setup ## A storm of 100,000 anomalies, and the delay from an anomaly to a webhook; JSON=1
	@$(BIN)/python -m benchmarks.alerts $(if $(JSON),--json)

bench-api: setup ## How late a cached read is at 200 requests a second, beside a constant; RATE=200, JSON=1
	@$(BIN)/python -m benchmarks.api $(if $(RATE),--rate $(RATE)) $(if $(JSON),--json)

conformance: setup ## Ask every operation of the API's schema as five callers, on real servers; CASES=5000, SEED=1
	@CASES=$(or $(CASES),5000) SEED=$(or $(SEED),1) $(BIN)/pytest -q tests/integration/api/test_conformance.py

kafka: setup     ## Run the embedded Kafka, store and cache in the foreground
	@$(BIN)/deepsentry up

clean:           ## Remove what make setup and runs left
	rm -rf .venv .tools .deepsentry .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
