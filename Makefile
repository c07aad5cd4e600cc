# Everything runs in .venv, which each target makes as far as it needs. `make demo` and `make test`
# need Python 3.11 or later and make, nothing else.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-pure check lint-c packaging bench matrix mutants fuzz leaks oom sanitize format clean

# One stamp per set of extras, so that `make demo` installs only what the demo needs.
.venv/.stamp-%: pyproject.toml setup.py $(wildcard src/usagewire/_native/*)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

demo: .venv/.stamp-cli
	$(BIN)/python examples/demo.py

test: .venv/.stamp-test
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# The suite without the C extension. Reading by straight code is left out: `make test` reads by it too.
test-pure: .venv/.stamp-test
	USAGEWIRE_PURE=1 $(BIN)/python -c 'import usagewire; assert not usagewire.accelerated()'
	USAGEWIRE_PURE=1 $(BIN)/python -m pytest --quiet -p no:cacheprovider -k 'not [shapes'

check: .venv/.stamp-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest --quiet tests/test_structure.py

# The C text without a warning, by each of the compilers that is there.
C_WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Werror

lint-c: .venv/.stamp-test
	@include=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))'); \
	ran=; \
	for compiler in gcc clang; do \
		command -v $$compiler >/dev/null || continue; \
		echo "$$compiler -std=c11 -O3 $(C_WARNINGS)"; \
		$$compiler -std=c11 -O3 $(C_WARNINGS) -isystem "$$include" -c -o /dev/null \
			src/usagewire/_native/module.c || exit 1; \
		ran=1; \
	done; \
	test -n "$$ran"

packaging: .venv/.stamp-check
	sh tools/packaging.sh $(BIN)/python

bench: .venv/.stamp-bench
	$(BIN)/python -m benchmarks.run

# Plant each of a list of faults in the C text, and see the quick tests find at least 95 % of them.
mutants: .venv/.stamp-test
	$(BIN)/python -m proof.mutants

# Proofs of the C text. The first three are quick, and part of .ci/run.

LINES ?= 1000000
SEED ?= $(shell date +%s)

fuzz: .venv/.stamp-test
	$(BIN)/python -m proof.fuzz --lines $(LINES) --seed $(SEED)

leaks: .venv/.stamp-test
	$(BIN)/python -m proof.leaks

oom: .venv/.stamp-test
	$(BIN)/python -m proof.oom

# What the C text is tested by in a build of its own: tests of reading and writing, by C alone.
# Leaks are for `make leaks` to find: those that LeakSanitizer tells of are CPython's own.
C_TESTS := $(addprefix tests/test_,accel.py accel_classes.py accel_writing.py codec.py lines.py \
	properties.py reading.py samples.py strictness.py)
C_PYTEST := pytest --quiet -p no:cacheprovider -k 'not [shapes and not [reference'
SANITIZED := env LD_PRELOAD=$$(gcc -print-file-name=libasan.so) PYTHONMALLOC=malloc \
	ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=build/proof/sanitize:. $(BIN)/python -m proof.under

sanitize: .venv/.stamp-test
	sh proof/build.sh $(BIN)/python build/proof/sanitize gcc -O1 -DNDEBUG -fno-omit-frame-pointer \
		-fsanitize=address,undefined -fno-sanitize-recover=all
	$(SANITIZED) $(C_PYTEST) $(C_TESTS)
	$(SANITIZED) proof.oom
	$(SANITIZED) proof.fuzz --lines $$(($(LINES) / 10)) --seed $(SEED)

matrix:
	sh tools/matrix.sh

format: .venv/.stamp-check
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv build dist src/usagewire.egg-info src/usagewire/_native.*.so .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
