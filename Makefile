# make demo   install into .venv, train and measure a network on the embedded digits, draw figures
# make test   install into .venv what the tests need, lint, and run every test pass
# make docs   build the documentation into docs/_build/html (make docs-links: ask whether the links to other places work)
# make dist   write source archive and wheel to dist/: the same bytes wherever the same commit is built
# make test-floor   run a part of the tests with the oldest dependencies that setup.cfg allows
# make audit  ask the advisory database about every installed dependency (needs a connection)
# make clean  remove what these made
#
# Only Python 3.11 or newer with its venv module is needed. Tests run against the built and
# installed package, never against the source tree, so that a file missing from it shows.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
EXTRAS := test,docs,nir,sonata,neo,nwb,sklearn,dask,mpi
# Further packages for the tests that need them, such as make test MORE=torch; without them those tests are skipped.
MORE :=
PYTEST := $(BIN)/python -m pytest -q -p no:cacheprovider -n 2
SPHINX := $(BIN)/python -m sphinx -q -E -W --keep-going -d docs/_build/doctrees
# What runs kernels: as plain Python (the larger property tests are left out there) and compiled.
PLAIN := tests/eventsim/neurons/test_closed_forms.py tests/eventsim/neurons/test_edge_cases.py \
    tests/eventsim/test_random.py tests/eventsim/test_poisson.py tests/eventsim/test_replay.py \
    $(addprefix tests/eventsim/engines/test_,deliveries.py heap.py horizon.py layers.py lean.py noise.py queue.py same_bits.py \
    semantics.py two_receptors.py window.py) tests/training/test_layered.py tests/training/test_discrete.py \
    tests/training/test_gradient_recurrent.py tests/eventsim/test_measure_potentials.py tests/eventsim/test_encode.py \
    tests/training/test_optimize.py tests/eventsim/test_measure_decide.py tests/eventsim/test_measure_operations.py \
    tests/training/test_augment.py tests/training/test_peaks.py tests/training/test_first_arrival_gradient.py \
    tests/eventsim/test_lower.py tests/training/test_disturb.py
KERNELS := tests/eventsim/neurons tests/eventsim/engines tests/eventsim/test_poisson.py tests/eventsim/test_replay.py \
    tests/eventsim/test_simulate.py tests/eventsim/test_state_file.py tests/training/test_layered.py \
    tests/training/test_gradient.py tests/training/test_gradient_recurrent.py tests/training/test_discrete.py \
    tests/eventsim/test_measure_potentials.py tests/eventsim/test_encode.py tests/training/test_optimize.py
SOURCES := pyproject.toml setup.cfg README.md LICENSE \
    $(shell find eventsim training viz -type f ! -path '*/__pycache__/*')

# Python must find the installed package, also in child processes, not the folder it is started in.
export PYTHONSAFEPATH := 1
unexport PYTHONPATH

.PHONY: demo test docs docs-links test-floor dist audit clean

demo: $(VENV)/.package
	$(BIN)/eventsim demo --out demo-results

test: export EVENTSIM_CACHE_DIR := $(CURDIR)/$(VENV)/kernels
test: export MPLBACKEND := Agg
test: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/python -m mypy --cache-dir $(VENV)/mypy
	$(BIN)/python -c 'import eventsim, sys; sys.exit(sys.prefix not in eventsim.__file__)'
	@echo "== kernels as plain Python, with coverage"
	NUMBA_DISABLE_JIT=1 $(PYTEST) -m "not compiled" --cov --cov-report= $(PLAIN)
	$(BIN)/python .ci/kernel_coverage.py --least 98
	@echo "== kernels with their array bounds checked, on one thread"
	NUMBA_BOUNDSCHECK=1 EVENTSIM_THREADS=1 $(PYTEST) -m "not whole" $(KERNELS)
	@echo "== two threads, everything"
	EVENTSIM_THREADS=2 $(PYTEST) tests

# The versions are those of setup.cfg, so that it cannot name ones that nobody tried.
FLOOR_TESTS := $(KERNELS) tests/eventsim/test_trace_file.py tests/eventsim/test_hdf5.py tests/eventsim/test_network.py \
    tests/training/test_fit.py tests/training/test_config.py tests/viz
test-floor: export MPLBACKEND := Agg
test-floor: $(VENV)/.package
	rm -rf $(VENV)-floor
	$(PYTHON) -m venv $(VENV)-floor
	$(VENV)-floor/bin/python -m pip --disable-pip-version-check -qq install $(VENV)/wheel/eventsim-*.whl \
	    $$(sed -n '/^install_requires/,/^$$/s/^ *\(.*\)>=\(.*\)/\1==\2/p' setup.cfg) pytest pytest-xdist hypothesis mpmath
	$(VENV)-floor/bin/python -m pytest -q -p no:cacheprovider -n 2 $(FLOOR_TESTS)

docs docs-links: $(VENV)/.docs
docs:
	$(SPHINX) -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

docs-links:
	$(SPHINX) -b linkcheck docs docs/_build/links

# setuptools puts times, owners and modes of the checkout into the archive; here they are those of the commit, of nobody, and
# plain. The wheel is made of that archive.
dist: export SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct)
dist: $(VENV)/.python
	@$(PIP) install build
	@rm -rf dist build eventsim.egg-info
	$(BIN)/python -m build --sdist --outdir dist .
	@cd dist && tar xzf eventsim-*.tar.gz && rm eventsim-*.tar.gz && for name in eventsim-*; do \
	    tar --sort=name --mtime=@$$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
	        --format=gnu -cf $$name.tar $$name && gzip -9n $$name.tar && rm -r $$name; done
	@umask 022 && $(PIP) wheel --no-deps --wheel-dir dist dist/eventsim-*.tar.gz
	@rm -rf build eventsim.egg-info
	@sha256sum dist/*

audit: $(VENV)/.package
	@$(PIP) install pip-audit
	$(BIN)/pip-audit --skip-editable

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# setuptools leaves build/ and *.egg-info behind; an old one would carry removed files into the wheel.
$(VENV)/.package: $(VENV)/.python $(SOURCES)
	@echo "Installing eventsim and its dependencies into $(VENV) ..."
	@rm -rf build eventsim.egg-info $(VENV)/wheel
	@$(PIP) wheel --no-deps --wheel-dir $(VENV)/wheel .
	@rm -rf build eventsim.egg-info
	@$(PIP) uninstall --yes eventsim
	@$(PIP) install $(VENV)/wheel/eventsim-*.whl
	@touch $@

$(VENV)/.test: $(VENV)/.package
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) install "$$(echo $(VENV)/wheel/eventsim-*.whl)[$(EXTRAS)]" $(MORE)
	@touch $@

$(VENV)/.docs: $(VENV)/.package
	@echo "Installing what builds the documentation into $(VENV) ..."
	@$(PIP) install "$$(echo $(VENV)/wheel/eventsim-*.whl)[docs]"
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-floor build dist eventsim.egg-info demo-results docs/_build
