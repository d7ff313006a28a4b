# Needs Python 3.11 or later, pip and make. Everything is installed into .venv, from the pinned and
# hashed packages of requirements.lock. `make PYTHON=python3.12 demo` picks another interpreter.
# All paths are relative, so that the folder may have a space in its name.

PYTHON ?= python3
PY := .venv/bin/python
INSTALLED := .venv/.installed
PIP := $(PY) -m pip --disable-pip-version-check --no-input --timeout 30

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs lock viewer clean
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED) ## Train a MARS team on PaxMen, evaluate it and film it: see demo/
	@$(PY) -m mars_demo demo

# Two workers nearly halve the wait on two cores. A file's tests share what they compile, so they
# stay in one worker. Without its newer emitters XLA compiles in a third of the time, and what tests
# compile runs but for moments; a flag that a version of XLA lacks would end it, so it is given here,
# where the version is pinned.
test: lint ## Run the linters and the whole test suite
	XLA_FLAGS="$$XLA_FLAGS --xla_cpu_use_fusion_emitters=false" \
		$(PY) -m pytest --numprocesses 2 --dist loadfile

lint: $(INSTALLED) ## Run ruff and pyright
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m pyright

# In an environment of its own. The API is read from the source, so this project need not be in it.
docs: ## Build the documentation into build/site
	@$(PYTHON) -m venv build/docs
	@build/docs/bin/python -m pip install --quiet $$($(PYTHON) -c "import tomllib; \
		print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['docs'])")
	@NO_MKDOCS_2_WARNING=1 build/docs/bin/mkdocs build --strict
	@echo 'Open build/site/index.html. The search needs a server: python3 -m http.server -d build/site'

# Pins that still fit are kept. To take the newest versions of all, delete requirements.lock first.
lock: ## Pin the dependencies of pyproject.toml in requirements.lock
	@$(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install --quiet uv
	UV_CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/python -m uv pip compile --quiet \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra dev --extra suite --extra video --extra pettingzoo --extra report \
		pyproject.toml --output-file requirements.lock

# Needs node and npm. The pinned versions are named in the bundle's first line.
viewer: ## Bundle wrappers/viewing/viewer with three.js into wrappers/viewing/replay_3d.min.js
	npm install --prefix build/viewer --no-save three@0.187.0 esbuild@0.28.2
	cp build/viewer/node_modules/three/LICENSE wrappers/viewing/three.LICENSE
	NODE_PATH=build/viewer/node_modules build/viewer/node_modules/.bin/esbuild \
		wrappers/viewing/viewer/main.js --bundle --minify --format=iife --charset=utf8 --legal-comments=none \
		--banner:js="/*! wrappers/viewing/viewer with three.js 0.187.0, $$(tr '\n' ' ' <wrappers/viewing/three.LICENSE) */" \
		--outfile=wrappers/viewing/replay_3d.min.js

clean: ## Remove .venv and every cache; demo/ and runs/ stay
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'This project needs Python 3.11 or later as "$(PYTHON)". Another one is chosen with' >&2; \
		echo '    make PYTHON=/path/to/python3.12 demo' >&2; exit 1; }
	@echo '[1/3] Creating .venv with' "$$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { \
		echo 'Python could not make a virtual environment. Debian and Ubuntu keep that in a package' >&2; \
		echo 'of its own: apt install python3-venv' >&2; exit 1; }
	@echo "[2/3] Installing $$(grep -c '^[a-zA-Z0-9].*==' requirements.lock) packages" \
		'from requirements.lock: a minute or two, once'
	@# Python compiles what it imports, when it does; to compile all that there is takes half a minute.
	@$(PIP) install --quiet --no-compile --require-hashes -r requirements.lock
	@echo '[3/3] Installing this project'
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@
