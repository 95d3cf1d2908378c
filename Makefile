# The one entry point for developers; .ci/run calls it too. Set-up: pip install '.[test,dev]'
PYTHON ?= python
CARGO ?= cargo
DIST ?= dist
PEERS ?=
MUTANTS ?=
SANITIZE ?=
# Pages are opened in Chromium, if it is installed.
CONSOLE ?= $(if $(shell command -v chromium),--console)
# The targets that rustup has installed.
TARGETS ?= $(notdir $(patsubst %/lib,%,$(wildcard $(shell rustc --print sysroot)/lib/rustlib/*-*/lib)))

# Cheap builds: only the changed code and its tests.
MUTATE = RUSTFLAGS="--cfg mutants" CARGO_INCREMENTAL=1 CARGO_PROFILE_TEST_OPT_LEVEL=0 \
	CARGO_PROFILE_TEST_DEBUG=false CARGO_PROFILE_DEV_DEBUG=false $(CARGO) mutants --no-config

# Unstable options of the compiler; less optimized, because instrumented kernels are large.
SANITIZED = RUSTC_BOOTSTRAP=1 CARGO_PROFILE_TEST_OPT_LEVEL=1 RUSTFLAGS="-Zsanitizer=$(1) \
	-Cunsafe-allow-abi-mismatch=sanitizer" $(CARGO) test --locked --tests --target-dir target/sanitize/$(1) \
	--target "$$(rustc -vV | sed -n 's/^host: //p')" $(SANITIZE)

RUST_CHECKS := fmt clippy clippy-python
PYTHON_CHECKS := ruff types stubs

# A core with AddressSanitizer, and a copy of the package around it.
ASAN = $(CURDIR)/target/sanitize/python
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

# The threads of the pool never free their memory, because they live as long as the process.
MIRIFLAGS ?= -Zmiri-disable-isolation -Zmiri-ignore-leaks
MIRI ?= kernel:: pool:: step::tests pairwise::

.PHONY: playground miri sanitize-python build check rust-checks python-checks test test-all test-full test-rust test-python wheel same-wheel deny pyright coverage mutants targets sanitize sanitize-address sanitize-thread lock docs notebooks bench $(CHECKS)

build: ## compile the core and link the sources into the environment
	$(PYTHON) -m maturin develop --profile develop

check: $(RUST_CHECKS) $(PYTHON_CHECKS)

rust-checks: ## print the names of the checks, for scripts
	@echo $(RUST_CHECKS)

python-checks:
	@echo $(PYTHON_CHECKS)

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

clippy-python:
	$(CARGO) clippy --locked --all-targets --features python -- -D warnings

ruff:
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types:
	$(PYTHON) -m mypy

pyright: ## check tests/typed.py as pyright sees it; set-up: pip install basedpyright
	$(PYTHON) -m basedpyright --pythonpath "$$($(PYTHON) -c 'import sys; print(sys.executable)')"

stubs: ## compare the installed core with _core.pyi
	$(PYTHON) -m mypy.stubtest backprop_rs._core

test: test-rust test-python

test-all: test-rust ## test with all cases, also those that `test` leaves out
	$(PYTHON) -m pytest --full

test-full: ## run only the tests that `test-all` makes more of
	$(PYTHON) -m pytest --full -m full

# The tests of the playground need no speed: without optimization, the core compiles in seconds.
test-rust:
	$(CARGO) test --locked
	$(CARGO) test --locked --package backprop-rs-playground --profile dev

test-python:
	$(PYTHON) -m pytest

playground: ## build the core for web pages; set-up: rustup target add wasm32-unknown-unknown
	$(PYTHON) tools/build/page_core.py

wheel:
	$(PYTHON) -m pip wheel --no-deps --wheel-dir $(DIST) .

same-wheel: ## build the wheel of HEAD twice and compare the bytes
	.ci/same-wheel

deny: ## check licenses, bans, sources and advisories of the crates; set-up: cargo install cargo-deny --locked
	$(CARGO) deny check

coverage: ## measure line and branch coverage of Rust and Python; docs/internals/coverage.md
	.ci/coverage

mutants: ## run mutation tests, an hour or less, or MUTANTS='--shard 0/10' for a part; set-up: cargo install cargo-mutants --locked; docs/internals/coverage.md
	mkdir -p target/mutants/tables target/mutants/layers
	-$(MUTATE) $(addprefix -f src/tables/,activation.rs cost.rs optimizer.rs) -o target/mutants/tables $(MUTANTS) \
		-C=--lib -- -- activation:: cost:: optimizer::
	$(MUTATE) $(addprefix -f src/,network/layer.rs network/elementwise.rs network/output.rs step/gradient.rs) -o target/mutants/layers $(MUTANTS) -C=--lib -- -- bits_tests::layers::

targets: ## compile the core for each target; set-up: rustup target add i686-unknown-linux-gnu ...
	for target in $(TARGETS); do $(CARGO) check --locked --lib --target $$target || exit; done

sanitize: sanitize-address sanitize-thread ## run the Rust tests under sanitizers; docs/internals/coverage.md

sanitize-address: ## find reads and writes out of bounds, and leaks
	$(call SANITIZED,address)

sanitize-thread: ## find data races
	TSAN_OPTIONS=suppressions=$(CURDIR)/.ci/races.txt $(call SANITIZED,thread)

sanitize-python: ## run the Python tests that change arrays in use under AddressSanitizer; set-up: gcc
	RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Zexternal-clangrt -Cunsafe-allow-abi-mismatch=sanitizer" \
		CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_STRIP=none \
		CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=line-tables-only \
		$(CARGO) build --locked --release --lib --features python --target-dir $(ASAN) --target $(HOST)
	rm -rf $(ASAN)/package && mkdir -p $(ASAN)/package && cp -r python/backprop_rs $(ASAN)/package
	rm -f $(ASAN)/package/backprop_rs/_core.*.so
	cp $(ASAN)/$(HOST)/release/libbackprop_rs.so $(ASAN)/package/backprop_rs/_core.abi3.so
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=$(ASAN)/package \
		$(PYTHON) -m pytest -p no:cacheprovider tests/test_mutation.py

miri: ## check references and memory in an interpreter; set-up: rustup toolchain install nightly --component miri,rust-src; docs/internals/coverage.md
	MIRIFLAGS="$(MIRIFLAGS)" $(CARGO) +nightly miri test --locked --lib -- $(MIRI)

lock: ## pin the newest compatible versions for .ci/run
	$(PYTHON) -m pip install --quiet --dry-run --ignore-installed --report - '.[test,dev,docs]' basedpyright \
		| $(PYTHON) .ci/constraints.py > .ci/constraints.txt

docs: ## build the site into target/docs/html and check it, without a network; set-up: pip install '.[docs]'
	rm -rf docs/reference/generated
	$(PYTHON) -m sphinx --fail-on-warning --keep-going --quiet --jobs 2 -d target/docs/doctrees docs target/docs/html
	$(PYTHON) docs/_site/check.py target/docs/html $(CONSOLE)

notebooks: ## run the notebooks and keep their outputs; set-up: pip install '.[test]'
	$(PYTHON) docs/notebooks/run.py

bench: ## run the benchmarks; set-up: pip install '.[bench]'; PEERS passes options, such as PEERS='--peers numpy'
	$(CARGO) bench --locked
	$(PYTHON) benches/peers.py $(PEERS)
	$(PYTHON) benches/peers.py --tables
	$(PYTHON) benches/predict.py
	$(PYTHON) benches/overhead.py
	$(PYTHON) benches/growth.py
