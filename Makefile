# Every target does its own set-up. `make help` lists them.
SHELL := bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
export CARGO_TERM_COLOR ?= auto
# a faster linker where there is one; without it nothing changes
ifneq ($(shell command -v mold 2>/dev/null),)
export RUSTFLAGS ?= -Clink-arg=-fuse-ld=mold
endif
RUN_RECORDING ?= testdata/recordings/oom.tar.zst
RUN_STORM ?= testdata/storm

.PHONY: help run test check e2e bench bench-analytics eval docs fuzz build clean
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

run: ## build, then diagnose a bundled recording of a real cluster and play a storm of alerts through the live pipeline
	@scripts/setup rust
	cargo build --release --locked -p rootline-app
	target/release/rootline diagnose $(RUN_RECORDING)
	target/release/rootline replay $(RUN_STORM)

build: ## the release binary: target/release/rootline
	@scripts/setup rust
	cargo build --release --locked

test: ## all tests that need no cluster
	@scripts/setup rust
	cargo test --workspace --locked

check: ## format, lints, licences and bans, tidy, what deploy/ ships
	@scripts/setup rust deny
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo deny --log-level error check licenses bans sources
	echo "skipped: cargo deny check advisories (needs an advisory database, which is not fetched here)"
	cargo run -q --locked -p xtask -- tidy
	deploy/check.sh

docs: ## regenerate the reference pages from catalogues and rules
	@scripts/setup rust
	cargo run -q --locked -p xtask -- docs

e2e: ## real Kubernetes, Prometheus, Alertmanager; about 110 minutes: 60 faults diagnosed, the live client, the daemon among its partners, what breaks around it, its installation beside the real Prometheus operator and by compose, death and size
	@scripts/setup rust testbed
	cargo build --release --locked -p rootline-app
	export ROOTLINE="$$PWD/target/release/rootline"
	testbed/e2e.sh
	testbed/live.sh
	testbed/run.sh
	testbed/install.sh
	testbed/operator.sh
	testbed/compose.sh
	testbed/inhibition.sh
	testbed/death.sh
	testbed/faults-run.sh
	testbed/clock.sh
	testbed/size.sh

bench: ## speed and memory over growing clusters and recordings, held against their bars
	@scripts/setup rust
	cargo build --release --locked -p rootline-app -p rootline-bench
	bench/run

bench-analytics: ## the numeric library against the usual Python stack: CPU time of both in one run, ratios against their bars
	@scripts/setup rust
	cargo build --release --locked -p rootline-bench --features logdrain
	bench/analytics

eval: ## accuracy on the public benchmarks of ../shared, written to docs/internals/accuracy.md
	@if [ ! -d ../shared/eval ]; then echo "make eval: ../shared is absent, so there is nothing to measure against"; exit 3; fi
	scripts/setup rust
	cargo build --release --locked -p rootline-app -p rootline-eval
	bench/eval

fuzz: ## every fuzz target, FUZZ_SECONDS each (default 60)
	@scripts/setup rust fuzz
	fuzz/run

clean:
	cargo clean
