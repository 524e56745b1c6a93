# The front door. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CONFIG ?= config.yaml
# `make run YES=1` launches without a question.
YES ?=
CARGO ?= cargo
PREFIX ?= $(HOME)/.local
BINARIES := oci-insta-scale capacity-manager manage-instances
VENV := .venv-conformance
# The profile whose binaries `make conformance` judges: `dev` saves a second build after `make test`.
CONFORMANCE_PROFILE ?= dev
# How it builds them. With `test --no-run --workspace` it takes those that `make test` has built.
CONFORMANCE_BUILD ?= build --package insta-scale
# What `make simulate` plays.
SEEDS ?= 100000
SLOTS ?= 8
FIRST ?=
SEED ?=
# What `make fuzz` runs, for how long, and how the targets are built: with counters at each branch for libFuzzer.
FUZZ ?= authorization config error_body ledger_events ledger_file
FUZZ_SECONDS ?= 60
FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS = -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)
conformance_folder = $(if $(filter dev,$(CONFORMANCE_PROFILE)),debug,$(CONFORMANCE_PROFILE))

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup-config
setup-config: ## Copy config.example.yaml to config.yaml, for you to edit
	@if [ -e config.yaml ]; then echo "config.yaml is there already: left as it is"; \
	else install -m 600 config.example.yaml config.yaml; echo "wrote config.yaml: edit it, then make build dry-run"; fi

.PHONY: deps
deps: ## Download the dependencies
	$(CARGO) fetch --locked

.PHONY: build
build: ## Build the three commands and leave them here; does nothing when they are up to date
	@$(CARGO) build --release --locked --package insta-scale
	@for binary in $(BINARIES); do \
	  cmp -s $(TARGET_DIR)/release/$$binary ./$$binary && continue; \
	  install -m 755 $(TARGET_DIR)/release/$$binary ./$$binary; echo "built ./$$binary"; done

.PHONY: dry-run
dry-run: build ## Show what `make run` would create; creates nothing
	./oci-insta-scale --config $(CONFIG) --dry-run

.PHONY: run
run: build ## Launch the instances of config.yaml; asks first, unless YES=1
	./oci-insta-scale --config $(CONFIG) $(if $(filter 1 yes,$(YES)),--yes)

.PHONY: list-reservations
list-reservations: build ## List the capacity reservations
	./capacity-manager -list -config $(CONFIG)

.PHONY: demo
demo: build ## Launch a fleet in the simulated region: no tenancy, no key, no cost
	./oci-insta-scale --config config.example.yaml --simulate --yes

.PHONY: test
test: ## Every test that needs nothing but this checkout; reports every failure
	@failed=0; run() { echo "$$*"; "$$@" || failed=1; }; \
	run $(CARGO) xtask codegen --check; \
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  run $(CARGO) nextest run --workspace --locked --no-fail-fast; \
	else run $(CARGO) test --workspace --locked --all-targets --no-fail-fast; fi; \
	run $(CARGO) test --doc --workspace --locked --no-fail-fast; \
	exit $$failed

.PHONY: simulate
simulate: ## Play whole runs from seeds: SEEDS=100000 SLOTS=8, from a random base or FIRST=1; one again, in full: SEED=42
	SIMULATE_SEEDS=$(SEEDS) SIMULATE_SLOTS=$(SLOTS) SIMULATE_FIRST=$(FIRST) SIMULATE_SEED=$(SEED) \
	$(CARGO) test --locked --package fleet --profile sim --test simulation -- --nocapture no_seed_loses

.PHONY: bench
bench: $(VENV)/installed ## What a launch costs, in parts and as a whole; writes target/bench/*.json and docs/performance.md
	mkdir -p $(TARGET_DIR)/bench
	$(CARGO) build --release --locked --package insta-scale --package lab --bins
	$(CARGO) bench --locked --package lab --bench parts | tee $(TARGET_DIR)/bench/parts.txt
	$(TARGET_DIR)/release/bench $(TARGET_DIR)/bench/bench.json $(TARGET_DIR)/bench/parts.txt $(VENV)/bin/oci
	$(TARGET_DIR)/release/performance $(TARGET_DIR)/bench docs

.PHONY: bench-peers
bench-peers: $(VENV)/installed ## 200 instances to RUNNING: ours, the original's algorithm, the Python SDK, the oci CLI
	mkdir -p $(TARGET_DIR)/bench
	$(CARGO) build --release --locked --package insta-scale --package lab --bins
	$(TARGET_DIR)/release/peers $(TARGET_DIR)/bench/peers.json $(VENV)
	$(TARGET_DIR)/release/performance $(TARGET_DIR)/bench docs

.PHONY: bench-runs
bench-runs: ## Whole runs in virtual time: pace, requests, delays, 100,000 slots
	mkdir -p $(TARGET_DIR)/bench
	$(CARGO) build --release --locked --package lab --bins
	$(TARGET_DIR)/release/runs $(TARGET_DIR)/bench/runs.json
	$(TARGET_DIR)/release/performance $(TARGET_DIR)/bench docs

.PHONY: fuzz
fuzz: ## Feed rubbish to what reads from outside: FUZZ="config ledger_file" FUZZ_SECONDS=60 (needs a nightly toolchain)
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) +nightly build --release --target $(FUZZ_HOST)
	@for target in $(FUZZ); do echo "== $$target"; mkdir -p fuzz/corpus/$$target fuzz/artifacts; \
	  fuzz/target/$(FUZZ_HOST)/release/$$target fuzz/corpus/$$target -max_total_time=$(FUZZ_SECONDS) \
	    -artifact_prefix=fuzz/artifacts/$$target- -print_final_stats=1; done

.PHONY: audit
audit: ## Licences, banned crates and sources by deny.toml; with cargo-deny installed, advisories too
	$(CARGO) xtask audit
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; \
	else echo "advisories were not looked at: cargo install --locked cargo-deny"; fi

.PHONY: conformance
conformance: $(VENV)/installed ## The official Python SDK and oci CLI judge both sides of the wire
	$(CARGO) $(CONFORMANCE_BUILD) --locked --profile $(CONFORMANCE_PROFILE)
	OCI_INSTA_SCALE_BIN=$(abspath $(TARGET_DIR)/$(conformance_folder)) $(VENV)/bin/python -m pytest --rootdir conformance -c conformance/pytest.ini conformance

$(VENV)/installed: conformance/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement conformance/requirements.txt
	@touch $@

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: lint
lint: ## Check format, lints (warnings denied) and the rules of the house
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	$(CARGO) xtask tidy

.PHONY: hooks
hooks: ## Check commit subjects before they are made, in this clone
	git config core.hooksPath .githooks

.PHONY: install
install: build ## Install the commands under PREFIX (default ~/.local)
	install -d $(PREFIX)/bin
	@for binary in $(BINARIES); do install -m 755 $$binary $(PREFIX)/bin/; done

.PHONY: clean
clean: ## Remove what builds leave; config.yaml stays
	$(CARGO) clean
	rm -rf $(BINARIES) $(VENV)
