# The front door. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CONFIG ?= config.yaml
# `make run YES=1` launches without a question.
YES ?=
CARGO ?= cargo
PREFIX ?= $(HOME)/.local
DESTDIR ?=
PROGRAM := oci-insta-scale
# Links to the program, or copies where links are not possible: it does what the name it is started by asks for.
OTHER_NAMES := capacity-manager manage-instances
BINARIES := $(PROGRAM) $(OTHER_NAMES)
BIN = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share
# Where systemd looks for the units of users.
UNITS = $(DESTDIR)$(PREFIX)/$(if $(filter /usr /usr/local,$(PREFIX)),lib,share)/systemd/user
VENV := .venv-conformance
# Programs that others wrote, each in an environment of its own.
JUDGES := .venv-judges
PYTHON_JUDGES := yo custodian skypilot mcp
# The versions of Python that some of them need.
PYTHON_mcp := python3.13
BOOK_VENV := .venv-book
# Where `make book` writes, and the program whose commands it describes: without one, `make build` makes it.
BOOK ?= target/book
OCI_INSTA_SCALE ?=
# The profile whose binaries `make conformance` judges: `dev` saves a second build after `make test`.
CONFORMANCE_PROFILE ?= dev
# How it builds them. With `test --no-run --workspace` it takes those that `make test` has built.
CONFORMANCE_BUILD ?= build --package insta-scale
# Where `make build` leaves the program, with which profile, and how it is built: see CONFORMANCE_BUILD.
OUT ?= .
PROFILE ?= release
BUILD ?= build --package insta-scale --bin $(PROGRAM)
# The earlier build that `make bench-before` measures, in a checkout of its own, and what: all if it is empty.
BEFORE ?= cf7e223
BEFORE_TREE = $(TARGET_DIR)/before-$(BEFORE)
MEASUREMENTS ?=
# What `make simulate` plays.
SEEDS ?= 100000
SLOTS ?= 8
FIRST ?=
SEED ?=
HISTORIES ?= no_seed_loses no_seed_deletes no_seed_exceeds
# What `make fuzz` runs, for how long, and how the targets are built: with counters at each branch for libFuzzer.
FUZZ ?= authorization config error_body ledger_events ledger_file
FUZZ_SECONDS ?= 60
FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS = -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)
folder_of = $(TARGET_DIR)/$(if $(filter dev,$(1)),debug,$(1))
built = $(call folder_of,$(PROFILE))/$(PROGRAM)
# What the first build takes: so many minutes of one core, of which the last ones cannot be shared (measured on 2 cores).
CORE_MINUTES = 16
FIRST_MINUTES = $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); echo $$(( ($(CORE_MINUTES) + cores - 1) / cores + 2 )))
THEN =

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
build: ## Build the program here, with its two other names as links; does nothing when it is up to date
	@test -e $(built) || echo "First build: the program and the libraries it needs, about $(FIRST_MINUTES) minutes on this machine, once.$(THEN)"
	@$(CARGO) $(BUILD) --locked --profile $(PROFILE)
	@cmp -s $(built) $(OUT)/$(PROGRAM) || \
	  { install -m 755 $(built) $(OUT)/$(PROGRAM); echo "built $(OUT)/$(PROGRAM)"; }
	@for name in $(OTHER_NAMES); do ln -sfn $(PROGRAM) $(OUT)/$$name 2>/dev/null || cp -f $(OUT)/$(PROGRAM) $(OUT)/$$name; done

.PHONY: dry-run
dry-run: build ## Show what `make run` would create; creates nothing
	./oci-insta-scale --config $(CONFIG) --dry-run

.PHONY: run
run: build ## Launch the instances of config.yaml; asks first, unless YES=1
	./oci-insta-scale --config $(CONFIG) $(if $(filter 1 yes,$(YES)),--yes)

.PHONY: list-reservations
list-reservations: build ## List the capacity reservations
	./capacity-manager -list -config $(CONFIG)

# The first build that somebody waits for is not optimised as one: `make build` replaces it.
.PHONY: demo demo-hunt
demo demo-hunt: PROFILE = demo
demo demo-hunt: CORE_MINUTES = 14
demo demo-hunt: THEN = $() The demo follows.
demo: build ## Launch a fleet in the simulated region and write its report: no tenancy, no key, no cost
	./oci-insta-scale --config config.example.yaml --simulate --yes
	./oci-insta-scale report --simulated --output-file demo-report.html

demo-hunt: build ## Hunt in a simulated region whose capacity comes back in crumbs: free of charge, within a minute
	./oci-insta-scale hunt --config config.example.yaml --simulate=crumbs --speed 10 --count 6 --floor 10s --until 1d --yes

.PHONY: test
test: ## Every test that needs nothing but this checkout; reports every failure
	@failed=0; run() { echo "$$*"; "$$@" || failed=1; }; \
	run $(CARGO) xtask codegen --check; \
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  run $(CARGO) nextest run --workspace --locked --no-fail-fast; \
	else run $(CARGO) test --workspace --locked --all-targets --no-fail-fast; fi; \
	run $(CARGO) test --doc --workspace --locked --no-fail-fast; \
	exit $$failed

.PHONY: schemas
schemas: ## Write docs/schemas anew, after a type that is printed for programs has changed
	UPDATE_SCHEMAS=1 $(CARGO) test --locked --package insta-scale --test it the_schemas_in_docs_are_those_of_the_types

.PHONY: simulate
simulate: ## Play whole runs from seeds: SEEDS=100000 SLOTS=8, from a random base or FIRST=1; one again, in full: SEED=42 HISTORIES=no_seed_loses
	SIMULATE_SEEDS=$(SEEDS) SIMULATE_SLOTS=$(SLOTS) SIMULATE_FIRST=$(FIRST) SIMULATE_SEED=$(SEED) \
	$(CARGO) test --locked --package fleet --profile sim --test simulation -- \
	--test-threads 1 --nocapture $(HISTORIES)

.PHONY: simulate-scaling
simulate-scaling: ## Play fleets that are scaled up and down, in one region and in several, from seeds: SEEDS, SLOTS (the largest size), FIRST and SEED as above
	SIMULATE_SEEDS=$(SEEDS) SIMULATE_SLOTS=$(SLOTS) SIMULATE_FIRST=$(FIRST) SIMULATE_SEED=$(SEED) \
	$(CARGO) test --locked --package fleet --profile sim --test simulation -- --nocapture no_seed_ends

.PHONY: simulate-teams
simulate-teams: SEEDS = 200
simulate-teams: ## Play two machines that share a ledger in a real PostgreSQL server, from seeds: SEEDS, SLOTS, FIRST and SEED as above
	SIMULATE_SEEDS=$(SEEDS) SIMULATE_SLOTS=$(SLOTS) SIMULATE_FIRST=$(FIRST) SIMULATE_SEED=$(SEED) \
	$(CARGO) test --locked --package fleet --test simulation -- --nocapture no_seed_teams

.PHONY: simulate-hunt
simulate-hunt: SEEDS = 1000
simulate-hunt: ## Play hunts of 21 days in `hostile`, and kills of hunts, from a random base or FIRST=1: SEEDS=1000 KILLS=10000 THREADS=2
	HUNT_SEEDS=$(SEEDS) HUNT_DAYS=21 HUNT_KILLS=$(or $(KILLS),10000) HUNT_FIRST=$(FIRST) HUNT_THREADS=$(or $(THREADS),1) \
	$(CARGO) test --locked --package fleet --profile sim --test it -- --nocapture hunt::weeks

.PHONY: simulate-day
simulate-day: ## A day on tokens of 20 minutes with ten requests a second, also while the auth host is often down; RATE=10
	DAY_REQUESTS_PER_SECOND=$(or $(RATE),10) \
	$(CARGO) test --locked --package fleet --profile sim --test it -- --nocapture sign_in::day

.PHONY: bench
bench: $(VENV)/installed ## What a launch costs, in parts and as a whole; writes target/bench/*.json and docs/performance.md
	mkdir -p $(TARGET_DIR)/bench
	$(CARGO) build --release --locked --package insta-scale --package lab --bins
	$(CARGO) bench --locked --package lab --bench parts | tee $(TARGET_DIR)/bench/parts.txt
	$(TARGET_DIR)/release/bench $(TARGET_DIR)/bench/bench.json $(TARGET_DIR)/bench/parts.txt $(VENV)/bin/oci
	$(TARGET_DIR)/release/performance $(TARGET_DIR)/bench docs

.PHONY: bench-before
bench-before: $(VENV)/installed ## The process benchmarks beside those of an earlier build, in turn: BEFORE=cf7e223, MEASUREMENTS=server
	mkdir -p $(TARGET_DIR)/bench
	$(CARGO) build --release --locked --package insta-scale --package lab --bins
	test -e $(BEFORE_TREE) || git worktree add --detach $(BEFORE_TREE) $(BEFORE)
	cd $(BEFORE_TREE) && CARGO_TARGET_DIR=target $(CARGO) build --release --locked --package insta-scale --package lab --bins
	$(TARGET_DIR)/release/beside $(TARGET_DIR)/bench/before.json $(BEFORE_TREE)/target/release $(TARGET_DIR)/release $(VENV)/bin/oci $(MEASUREMENTS)

.PHONY: bench-peers
bench-peers: $(VENV)/installed ## 200 instances to RUNNING: ours, the original's algorithm, the Python SDK, the oci CLI
	mkdir -p $(TARGET_DIR)/bench
	$(CARGO) build --release --locked --package insta-scale --package lab --bins
	$(TARGET_DIR)/release/peers $(TARGET_DIR)/bench/peers.json $(VENV)
	$(TARGET_DIR)/release/performance $(TARGET_DIR)/bench docs

.PHONY: bench-runs
bench-runs: ## Whole runs in virtual time: pace, requests, delays, 1,000,000 slots
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
	OCI_INSTA_SCALE_BIN=$(abspath $(call folder_of,$(CONFORMANCE_PROFILE))) $(VENV)/bin/python -m pytest --rootdir conformance -c conformance/pytest.ini conformance

.PHONY: conformance-full
conformance-full: export OCI_INSTA_SCALE_JUDGES := $(abspath $(JUDGES))
conformance-full: $(addprefix $(JUDGES)/,$(PYTHON_JUDGES:=/installed)) $(JUDGES)/npm/installed conformance ## `make conformance`, with every program of the table of clients

# Oracle's provider is in no registry of packages.
PROVIDER ?=

.PHONY: conformance-terraform
conformance-terraform: export OCI_INSTA_SCALE_JUDGES := $(abspath $(JUDGES))
conformance-terraform: $(VENV)/installed ## Terraform with Oracle's provider, of which you have a binary: PROVIDER=path
	@test -x "$(PROVIDER)" || { echo "name the binary: make conformance-terraform PROVIDER=path/to/terraform-provider-oci" >&2; exit 2; }
	@mkdir -p $(JUDGES)/terraform/bin && ln -sf $(abspath $(PROVIDER)) $(JUDGES)/terraform/bin/terraform-provider-oci && touch $(JUDGES)/terraform/installed
	$(CARGO) $(CONFORMANCE_BUILD) --locked --profile $(CONFORMANCE_PROFILE)
	OCI_INSTA_SCALE_BIN=$(abspath $(call folder_of,$(CONFORMANCE_PROFILE))) $(VENV)/bin/python -m pytest --rootdir conformance -c conformance/pytest.ini conformance/test_judges.py -k Terraform

# One that cannot be installed here is skipped, and says so.
$(JUDGES)/%/installed: conformance/judges/%.txt
	@python=$(or $(PYTHON_$*),python3); if ! $$python -c '' 2>/dev/null; then echo "$* needs $$python: skipped"; else \
	  $$python -m venv $(JUDGES)/$* && $(JUDGES)/$*/bin/python -m pip install --quiet --requirement $< && touch $@; fi

$(JUDGES)/npm/installed: conformance/judges/npm.json
	@if ! npm --version >/dev/null 2>&1; then echo "the npm SDK needs npm: skipped"; else mkdir -p $(@D) && \
	  cp $< $(@D)/package.json && npm install --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent && touch $@; fi

.PHONY: api-diff
api-diff: $(VENV)/installed ## Show what another Python SDK would change in api/: SDK=2.190.0, or the newest one
	@$(VENV)/bin/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/sdk-$(or $(SDK),newest) oci$(if $(SDK),==$(SDK))
	@$(VENV)/bin/python conformance/api_diff.py $(VENV)/sdk-$(or $(SDK),newest)/oci || test $$? -eq 1

$(VENV)/installed: conformance/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement conformance/requirements.txt
	@touch $@

.PHONY: book
book: $(BOOK_VENV)/installed ## Make the manual as pages that can be searched without a network: target/book/index.html
	@test -n "$(OCI_INSTA_SCALE)" || $(MAKE) --no-print-directory build
	OCI_INSTA_SCALE=$(or $(OCI_INSTA_SCALE),./$(PROGRAM)) NO_MKDOCS_2_WARNING=1 \
	$(BOOK_VENV)/bin/mkdocs build --quiet --strict --site-dir $(abspath $(BOOK))

$(BOOK_VENV)/installed: book/requirements.txt
	python3 -m venv $(BOOK_VENV)
	$(BOOK_VENV)/bin/python -m pip install --quiet --requirement book/requirements.txt
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
install: build ## Install the commands, completions and manual pages under PREFIX (default ~/.local); honours DESTDIR
	install -d "$(BIN)" "$(SHARE)/man/man1" "$(SHARE)/bash-completion/completions" \
	  "$(SHARE)/zsh/site-functions" "$(SHARE)/fish/vendor_completions.d"
	install -m 755 $(OUT)/$(PROGRAM) "$(BIN)/$(PROGRAM)"
	@for name in $(OTHER_NAMES); do \
	  ln -sfn $(PROGRAM) "$(BIN)/$$name" 2>/dev/null || install -m 755 $(OUT)/$(PROGRAM) "$(BIN)/$$name"; done
	"$(BIN)/$(PROGRAM)" man --dir "$(SHARE)/man/man1"
	@# A program that is found in PATH writes scripts that find it there, too.
	@export PATH="$(BIN):$$PATH"; for name in $(BINARIES); do \
	  $(PROGRAM) completions bash >"$(SHARE)/bash-completion/completions/$$name"; \
	  $(PROGRAM) completions fish >"$(SHARE)/fish/vendor_completions.d/$$name.fish"; done; \
	$(PROGRAM) completions zsh >"$(SHARE)/zsh/site-functions/_$(PROGRAM)"
	install -d "$(UNITS)"
	@for unit in $(notdir $(wildcard packaging/*.service)); do \
	  sed 's|@BIN@|$(PREFIX)/bin|' "packaging/$$unit" >"$(UNITS)/$$unit"; chmod 644 "$(UNITS)/$$unit"; done

# Where the packages go, and what `make install` is told for them.
DIST ?= target/dist
PACKED ?=

.PHONY: deb
deb: ## Make a package for Debian and Ubuntu in target/dist
	packaging/make-deb "$(DIST)" $(PACKED)

.PHONY: rpm
rpm: ## Make a package for Oracle Linux, Red Hat and Fedora in target/dist (needs rpmbuild)
	packaging/make-rpm "$(DIST)" $(PACKED)

.PHONY: dist
dist: ## Both packages, an archive of the program, what it is made of (CycloneDX), and the checksums of all
	packaging/make-dist "$(DIST)" $(PACKED)

.PHONY: uninstall
uninstall: ## Remove what `make install` installed under PREFIX; runs and configs stay
	rm -f "$(BIN)/$(PROGRAM)" "$(SHARE)/man/man1/$(PROGRAM).1" "$(SHARE)/man/man1/$(PROGRAM)"-*.1 \
	  "$(SHARE)/zsh/site-functions/_$(PROGRAM)"
	@for name in $(OTHER_NAMES); do rm -f "$(BIN)/$$name" "$(SHARE)/man/man1/$$name.1"; done
	@for name in $(BINARIES); do rm -f "$(SHARE)/bash-completion/completions/$$name" \
	  "$(SHARE)/fish/vendor_completions.d/$$name.fish"; done
	@for unit in $(notdir $(wildcard packaging/*.service)); do rm -f "$(UNITS)/$$unit"; done

.PHONY: clean
clean: ## Remove what builds leave; config.yaml stays
	$(CARGO) clean
	rm -rf $(BINARIES) $(VENV) $(BOOK_VENV) demo-report.html
