# Everything runs in .venv, which each target makes as far as it needs. `make demo` and `make test`
# need Python 3.11 or later and make, nothing else.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench matrix format clean

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

check: .venv/.stamp-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest --quiet tests/test_structure.py

bench: .venv/.stamp-bench
	$(BIN)/python -m benchmarks.run

matrix:
	sh tools/matrix.sh

format: .venv/.stamp-check
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv build dist src/usagewire.egg-info src/usagewire/_native.*.so .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
