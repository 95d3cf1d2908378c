# The one entry point for developers; .ci/run calls it too. Set-up: pip install '.[test,dev]'
PYTHON ?= python
CARGO ?= cargo
DIST ?= dist
PEERS ?=
MUTANTS ?=
SANITIZE ?=
# Those that rustup has installed.
TARGETS ?= $(notdir $(patsubst %/lib,%,$(wildcard $(shell rustc --print sysroot)/lib/rustlib/*-*/lib)))

# Cheap builds: what is changed is built again, with the tests that are about it, and little else.
MUTATE = RUSTFLAGS="--cfg mutants" CARGO_INCREMENTAL=1 CARGO_PROFILE_TEST_OPT_LEVEL=0 \
	CARGO_PROFILE_TEST_DEBUG=false CARGO_PROFILE_DEV_DEBUG=false $(CARGO) mutants --no-config

# Options of the compiler that are not stable yet; less optimised, as instrumented kernels are large.
SANITIZED = RUSTC_BOOTSTRAP=1 CARGO_PROFILE_TEST_OPT_LEVEL=1 RUSTFLAGS="-Zsanitizer=$(1) \
	-Cunsafe-allow-abi-mismatch=sanitizer" $(CARGO) test --locked --tests --target-dir target/sanitize/$(1) \
	--target "$$(rustc -vV | sed -n 's/^host: //p')" $(SANITIZE)

CHECKS := fmt clippy clippy-python ruff types stubs

# What the threads of the pool have is never freed, as they outlive everything.
MIRIFLAGS ?= -Zmiri-disable-isolation -Zmiri-ignore-leaks
MIRI ?= kernel:: pool:: steps:: sums:: memory::

.PHONY: miri build check checks test test-rust test-python wheel same-wheel deny coverage mutants targets sanitize sanitize-address sanitize-thread lock tutorial bench $(CHECKS)

build: ## compile the core and link the sources into the environment
	$(PYTHON) -m maturin develop --release

check: $(CHECKS)

checks: ## the names of the checks, for scripts
	@echo $(CHECKS)

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --locked --all-targets -- -D warnings

clippy-python:
	$(CARGO) clippy --locked --all-targets --features python -- -D warnings

ruff:
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types:
	$(PYTHON) -m mypy

stubs: ## the installed core against _core.pyi
	$(PYTHON) -m mypy.stubtest backprop_rs._core

test: test-rust test-python

test-rust:
	$(CARGO) test --locked

test-python:
	$(PYTHON) -m pytest

wheel:
	$(PYTHON) -m pip wheel --no-deps --wheel-dir $(DIST) .

same-wheel: ## two builds of the wheel of HEAD, byte by byte
	.ci/same-wheel

deny: ## licences, bans, sources and advisories of the crates; set-up: cargo install cargo-deny --locked
	$(CARGO) deny check

coverage: ## lines and branches of Rust and Python that the tests reach; docs/internals/coverage.md
	.ci/coverage

mutants: ## set-up: cargo install cargo-mutants --locked; an hour or less on a free core, or MUTANTS='--shard 0/10' for a part; docs/internals/coverage.md
	mkdir -p target/mutants/tables target/mutants/layers
	-$(MUTATE) $(addprefix -f src/,activation.rs cost.rs optimizer.rs) -o target/mutants/tables $(MUTANTS) \
		-C=--lib -- -- activation:: cost:: optimizer::
	$(MUTATE) -f src/layer.rs -o target/mutants/layers $(MUTANTS) -C=--test=bits -- -- layers::

targets: ## whether the core compiles for each; set-up: rustup target add i686-unknown-linux-gnu ...
	for target in $(TARGETS); do $(CARGO) check --locked --lib --target $$target || exit; done

sanitize: sanitize-address sanitize-thread ## the Rust tests under sanitizers; docs/internals/coverage.md

sanitize-address: ## what is read or written outside of its memory, or never freed
	$(call SANITIZED,address)

sanitize-thread: ## what two threads touch without an order
	TSAN_OPTIONS=suppressions=$(CURDIR)/.ci/races.txt $(call SANITIZED,thread)

miri: ## the rules of references and of memory, in an interpreter; set-up: rustup toolchain install nightly --component miri,rust-src; docs/internals/coverage.md
	MIRIFLAGS="$(MIRIFLAGS)" $(CARGO) +nightly miri test --locked --lib -- $(MIRI)

lock: ## the newest versions that go together, for .ci/run
	$(PYTHON) -m pip install --quiet --dry-run --ignore-installed --report - '.[test,dev]' \
		| $(PYTHON) .ci/constraints.py > .ci/constraints.txt

tutorial: ## run docs/tutorial.ipynb and render it; set-up: pip install '.[docs]'
	$(PYTHON) docs/tutorial.py

bench: ## set-up: pip install '.[bench]'; PEERS passes options on, such as PEERS='--peers numpy'
	$(CARGO) bench --locked
	$(PYTHON) benches/peers.py $(PEERS)
	$(PYTHON) benches/peers.py --tables
	$(PYTHON) benches/predict.py
	$(PYTHON) benches/overhead.py
	$(PYTHON) benches/growth.py
