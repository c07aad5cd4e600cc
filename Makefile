# Everything runs in .venv. Each target installs what it needs there. `make demo` and `make test` need
# only make and Python 3.11 or later.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-quick test-pure check lint-c docs docs-pages packaging bench matrix matrix-next floors \
	mutants mutants-python conformance fuzz hostile leaks oom coverage-c libfuzzer valgrind debug-python \
	sanitize format clean

# A lock, because two pips in one environment conflict under make --jobs.
LOCKED := $(PYTHON) -c 'import fcntl, subprocess, sys; lock = open("pyproject.toml"); \
	fcntl.flock(lock, fcntl.LOCK_EX); sys.exit(subprocess.call(["sh", "-ec", sys.argv[1]]))'

# One stamp for each extra, so that `make demo` installs only what the demo needs.
.venv/.stamp-%: pyproject.toml setup.py $(shell find src/usagewire/native/csrc -name "*.[ch]")
	$(LOCKED) 'test -x $(BIN)/python || $(PYTHON) -m venv .venv; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"'
	touch $@

demo: .venv/.stamp-cli
	$(BIN)/python examples/demo.py

test: .venv/.stamp-test
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# A subset for work, in less than a minute. It decodes by C only. It leaves out what takes long: the
# properties (Hypothesis), C alone, all types, followed logs, event loops, and many processes.
WITHOUT_SLOW := $(addprefix --ignore=tests/,native \
	test_benchmarks.py test_docs.py test_examples.py cli/test_processes.py io/test_write_faults.py \
	converters/test_types.py streaming/follow streaming/aio test_prose.py analysis \
	$(addprefix streaming/test_,interrupts.py reading_ahead.py))
QUICK := -m 'not hypothesis' -k 'not [compiled and not [reference' $(WITHOUT_SLOW)

test-quick: .venv/.stamp-test
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest --quiet $(QUICK)

# The suite without the C extension, and without the compiled path, which `make test` runs.
test-pure: .venv/.stamp-test
	USAGEWIRE_PURE=1 $(BIN)/python -c 'import usagewire; assert not usagewire.accelerated()'
	USAGEWIRE_PURE=1 $(BIN)/python -m pytest --quiet -p no:cacheprovider -k 'not [compiled'

check: .venv/.stamp-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/zizmor --quiet --offline --persona=auditor .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/towncrier build --draft --version next >/dev/null
	$(BIN)/pre-commit validate-config .pre-commit-config.yaml
	$(BIN)/python -m pytest --quiet tests/test_structure.py tests/test_docs.py

# Compile the C text without warnings, with each installed compiler.
C_WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Werror

lint-c: .venv/.stamp-test
	@include=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))'); \
	ran=; \
	for compiler in gcc clang; do \
		command -v $$compiler >/dev/null || continue; \
		echo "$$compiler -std=c11 -O3 $(C_WARNINGS)"; \
		$$compiler -std=c11 -O3 $(C_WARNINGS) -isystem "$$include" -Isrc/usagewire/native/csrc -c -o /dev/null \
			src/usagewire/native/csrc/module.c || exit 1; \
		ran=1; \
	done; \
	test -n "$$ran"

# The documentation site, in build/docs. Every warning is an error, and so is a missing entry.
docs: .venv/.stamp-docs
	$(BIN)/python -m sphinx -W --keep-going -n -q -j auto -b html docs build/docs
	$(BIN)/python -m tools.docs_reference build/docs

# The generated parts of its pages: fields, options, output of commands, codes.
docs-pages: .venv/.stamp-cli
	$(BIN)/python -m tools.docs_pages

packaging: .venv/.stamp-check
	sh tools/packaging.sh $(BIN)/python

bench: .venv/.stamp-bench
	$(BIN)/python -m benchmarks.run

# Plant faults in the C text. The quick tests must find at least 95 % of them.
mutants: .venv/.stamp-test
	$(BIN)/python -m proof.mutants

# The same for the Python text: N changes, all with N=0. ONLY="codec io" takes the changes of some folders.
# It takes about ten minutes for 100 changes, so it does not run in CI.
N ?= 120
ONLY ?=

mutants-python: .venv/.stamp-test
	QUICK="$(WITHOUT_SLOW)" $(BIN)/python -m proof.mutants.python --sample $(N) --seed $(SEED) $(ONLY)

# Read texts of other projects in every place, by C and by the reference. The folders are checkouts of
# nst/JSONTestSuite (SUITE), ijl/orjson (ORJSON) and jcrist/msgspec (MSGSPEC). All are optional.
conformance: .venv/.stamp-test
	$(BIN)/python -m proof.conformance $(if $(SUITE),--jsontestsuite "$(SUITE)") \
		$(if $(ORJSON),--orjson "$(ORJSON)") $(if $(MSGSPEC),--msgspec "$(MSGSPEC)")

# Proofs of the C text. The first five are quick, and .ci/run runs them.

LINES ?= 1000000
SEED ?= $(shell date +%s)

fuzz: .venv/.stamp-test
	$(BIN)/python -m proof.fuzz --lines $(LINES) --seed $(SEED)

hostile: .venv/.stamp-test
	$(BIN)/python -m proof.hostile --seed $(SEED)

leaks: .venv/.stamp-test
	$(BIN)/python -m proof.memory.leaks

oom: .venv/.stamp-test
	$(BIN)/python -m proof.memory.oom

# Tests of other builds of the C text: tests of reading and writing, with C alone.
C_TESTS := tests/native $(addprefix tests/codec/test_,decoder.py encoder.py line_buffer.py line_decoder.py) \
	$(addprefix tests/codec/test_,properties.py samples.py stack_end.py) \
	$(addprefix tests/converters/test_,classes.py codegen.py recursion.py row_rules.py scalars.py unions.py)
C_PYTEST := pytest --quiet -p no:cacheprovider -k 'not [compiled and not [reference' $(C_TESTS)

# Count the branches of the C text. The inputs are always the same, and so are the figures.
COVERED := env PYTHONPATH=build/proof/coverage:. PYTHONHASHSEED=0 HYPOTHESIS_PROFILE=ci \
	$(BIN)/python -m proof.support.run_on_build

coverage-c: .venv/.stamp-test
	sh proof/support/build.sh $(BIN)/python build/proof/coverage gcc -O0 -DNDEBUG --coverage
	$(COVERED) $(C_PYTEST)
	$(COVERED) proof.memory.oom
	$(COVERED) proof.hostile --seed 1 --rounds 1000
	$(COVERED) proof.fuzz --lines 10000 --seed 1
	$(BIN)/python -m proof.coverage.branches build/proof/coverage

# Run libFuzzer for some seconds. It keeps inputs that take new branches for the next time.
SECONDS ?= 600

libfuzzer: .venv/.stamp-test
	sh proof/fuzz/fuzzer.sh $(BIN)/python build/proof/libfuzzer
	$(BIN)/python -m proof.fuzz.libfuzzer build/proof/corpus
	env PYTHONPATH=build/proof/libfuzzer:. PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
		build/proof/libfuzzer/fuzzer build/proof/corpus -dict=build/proof/corpus.dict \
		-max_total_time=$(SECONDS) -max_len=4096 -timeout=60 -rss_limit_mb=0 -print_final_stats=1 \
		-artifact_prefix=build/proof/

# Run some lines under memcheck, which reports reads of bytes that were never written.
valgrind: .venv/.stamp-test
	sh proof/support/build.sh $(BIN)/python build/proof/valgrind gcc -O1 -DNDEBUG -fno-omit-frame-pointer
	env PYTHONPATH=build/proof/valgrind:. PYTHONMALLOC=malloc valgrind --quiet --error-exitcode=99 \
		--num-callers=20 --suppressions=proof/memory/valgrind.supp \
		$(BIN)/python -m proof.support.run_on_build proof.fuzz --lines $$(($(LINES) / 50)) --seed $(SEED)

DEBUG_PYTHON ?= python3.11-dbg

debug-python:
	sh proof/memory/debug.sh $(DEBUG_PYTHON) $(C_PYTEST)

SANITIZED := env LD_PRELOAD=$$(gcc -print-file-name=libasan.so) PYTHONMALLOC=malloc \
	LSAN_OPTIONS=suppressions=proof/memory/lsan.supp:print_suppressions=0 PYTHONPATH=build/proof/sanitize:.

sanitize: .venv/.stamp-test
	sh proof/support/build.sh $(BIN)/python build/proof/sanitize gcc -O1 -DNDEBUG -fno-omit-frame-pointer \
		-fsanitize=address,undefined -fno-sanitize-recover=all
	$(SANITIZED) ASAN_OPTIONS=detect_leaks=1 $(BIN)/python -m proof.support.run_on_build $(C_PYTEST)
	$(SANITIZED) ASAN_OPTIONS=detect_leaks=1 $(BIN)/python -m proof.support.run_on_build proof.memory.oom
	$(SANITIZED) ASAN_OPTIONS=detect_leaks=1 $(BIN)/python -m proof.support.run_on_build proof.hostile --seed $(SEED)
	$(SANITIZED) ASAN_OPTIONS=detect_leaks=0 $(BIN)/python -m proof.support.run_on_build \
		proof.fuzz --lines $$(($(LINES) / 10)) --seed $(SEED)
	# orjson leaks some keys. Only the slow unwinder recognises its leaks, so this runs few lines.
	$(SANITIZED) ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0 $(BIN)/python -m proof.support.run_on_build \
		proof.fuzz --lines $$(($(LINES) / 100)) --seed $(SEED)

# Tests of reading and writing with the oldest attrs, cattrs and orjson that pyproject.toml allows.
FLOORS := $(shell sed -n '/^dependencies/,/^]/s/^ *"\(.*\)>=\(.*\)",/\1==\2/p' pyproject.toml)

floors:
	test -x .venv-floors/bin/python || $(PYTHON) -m venv .venv-floors
	.venv-floors/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' $(FLOORS)
	.venv-floors/bin/python -m pytest --quiet -p no:cacheprovider -k 'not [compiled' -m 'not hypothesis' \
		tests/test_private_names.py $(addprefix tests/,models native) \
		$(addprefix tests/converters/test_,annotations.py classes.py constructors.py types.py unions.py)

matrix:
	sh tools/matrix.sh

# The suite on Pythons that this machine does not have, in a root folder made by debootstrap.
matrix-next:
	sh tools/matrix_next.sh

format: .venv/.stamp-check
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv build dist src/usagewire.egg-info src/usagewire/native/*.so .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
