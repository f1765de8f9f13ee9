# Everything a developer does has a name here; `make help` lists it. CONTRIBUTING.md says more.
# Nothing but make and Python >= 3.11 with venv (or uv) is needed: tools/bootstrap.py brings the rest into .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP
export MPLCONFIGDIR ?= $(CURDIR)/.cache/matplotlib

PY := .venv/bin/python

# The interpreter of .venv starts fastest. Where there is none (or it does not run: 126, 127), python3 does; where
# there is no python3, uv finds one. `make env PYTHON=python3.13` makes .venv anew with that one.
ifeq ($(origin PYTHON),command line)
bootstrap = $(PYTHON) -IS tools/bootstrap.py --this-python $(1)
else
bootstrap = code=127; \
	if [ -x $(PY) ]; then code=0; $(PY) -IS tools/bootstrap.py $(1) || code=$$?; fi; \
	[ $$code -lt 126 ] && exit $$code; \
	if command -v python3 >/dev/null; then exec python3 -IS tools/bootstrap.py $(1); fi; \
	if command -v uv >/dev/null; then \
		exec uv run --quiet --no-project --python '>=3.11,<3.15' python -IS tools/bootstrap.py $(1); fi; \
	echo 'skykey: found neither python3 nor uv on PATH' >&2; exit 1
endif

.PHONY: help demo env env-demo test test-interop test-long format constraints clean
.PHONY: check check-ruff check-format check-mypy check-pyright check-floors

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

demo: env-demo  ## one credential, one discovery, one query, one picture: all on this machine
	@$(PY) examples/demo.py

env-demo:
	@$(call bootstrap,rubin plot sandbox)

env:  ## make .venv with everything a developer needs (the other targets do so themselves)
	@$(call bootstrap,dev)

test: env  ## the tests that need no network; ARGS="-k name" passes options on
	@$(PY) -m pytest -n auto $(ARGS)

test-interop: env  ## the tests against real parts and official clients (fetched at first use)
	@$(PY) -m pytest -m interop --backend=influxdb $(ARGS)

test-long: env  ## the tests that take minutes
	@$(PY) -m pytest -m long $(ARGS)

check: check-ruff check-format check-mypy check-pyright check-floors  ## style, types, the direction of imports

check-ruff: env
	@$(PY) -m ruff check

check-format: env
	@$(PY) -m ruff format --check --quiet || { echo 'make format mends this' >&2; exit 1; }

check-mypy: env
	@$(PY) -m mypy

check-pyright: env
	@$(PY) -m pyright

check-floors: env
	@.venv/bin/lint-imports

format: env  ## let ruff write the code as it wants to read it
	@$(PY) -m ruff check --fix --exit-zero --quiet
	@$(PY) -m ruff format

constraints:  ## choose the newest versions that fit together, into constraints.txt (needs uv)
	@PATH="$$PATH:$(CURDIR)/.venv/bin" uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--all-extras --no-header --no-annotate --output-file constraints.txt pyproject.toml
	@! grep -n '://' constraints.txt

clean:  ## take away everything that was made; downloaded parts stay in .cache
	@rm -rf .venv build dist src/*.egg-info demo-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name .cache -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
