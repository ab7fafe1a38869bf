# Everything runs in .venv, which the first command makes from requirements.lock (about 30 s).

PYTHON ?= python3
BIN := .venv/bin

export UV_COMPILE_BYTECODE := 1
export UV_LINK_MODE := copy
export JUPYTER_PREFER_ENV_PATH := 1

# Where a learner's own copies of the lessons are, and how JupyterLab looks there: its settings, and what it opens first.
MEMCALC_LESSONS ?= $(HOME)/memcalc-lessons
lab: export JUPYTER_CONFIG_PATH := $(CURDIR)/notebooks/lab
lab: export JUPYTERLAB_WORKSPACES_DIR = $(MEMCALC_LESSONS)/.jupyter

# In another language, its first lesson is what JupyterLab opens.
FIRST := $(if $(wildcard $(MEMCALC_LANGUAGE:%=notebooks/%/00_*.ipynb)),--LabApp.default_url=/lab/tree/$(MEMCALC_LANGUAGE)/00_start_here.ipynb)

ROOT_MAY := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help article test lab site serve links page slides workshop rehearsal notebooks texts bench measure lock dist clean
.DEFAULT_GOAL := help

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' Makefile

article: .venv/.ready  ## regenerate every table and figure of the article
	$(BIN)/python -m memcalc article

test: .venv/.ready node_modules/.ready  ## run all tests: package, notebooks, browser
	$(BIN)/python -m pytest

lab: .venv/.ready  ## open JupyterLab on your own copies of the lessons (MEMCALC_LESSONS=DIR: elsewhere; MEMCALC_LANGUAGE=de: in German)
	$(BIN)/python -m memcalc lessons "$(MEMCALC_LESSONS)"
	@test -d "$(MEMCALC_LESSONS)/.jupyter" || \
		$(BIN)/jupyter lab workspaces import notebooks/lab/lessons.jupyterlab-workspace 2>/dev/null
	$(BIN)/jupyter lab --ServerApp.root_dir="$(MEMCALC_LESSONS)" $(ROOT_MAY) $(FIRST)

site: .venv/.ready node_modules/.ready  ## build the site in site/build/html: lessons and calculator without a kernel
	MEMCALC_PROGRESS=off $(BIN)/sphinx-build -q -W --keep-going -b html -d site/build/doctrees site site/build/html
	$(BIN)/python site/lite.py site/build/html/lite

serve: site  ## build the site, and show it on http://127.0.0.1:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory site/build/html 8000

links: .venv/.ready  ## ask whether the addresses in the pages still answer; this alone needs the network
	$(BIN)/sphinx-build -q -b linkcheck -d site/build/doctrees site site/build/links

workshop: .venv/.ready node_modules/.ready  ## serve the lessons to a room of learners, as root (WORKSHOP_USERS=30)
	$(BIN)/python -m compileall -q memcalc  # learners may not write there
	$(BIN)/python -m workshop

rehearsal: .venv/.ready node_modules/.ready  ## try that server with thirty learners who are not there, as root (WITH="--users 40")
	$(BIN)/python -m compileall -q memcalc
	$(BIN)/python -m workshop.load $(WITH)

notebooks: .venv/.ready  ## execute the notebooks in place
	$(BIN)/python notebooks/execute.py

page: .venv/.ready  ## show the lessons as web pages without code, on your own copies
	$(BIN)/python -m memcalc lessons "$(MEMCALC_LESSONS)"
	$(BIN)/voila --classic-tree --VoilaConfiguration.extension_denylist=@jupyterlite/pyodide-kernel-extension "$(MEMCALC_LESSONS)"

slides: serve  ## show the site, whose page "Slides" has a deck for each lesson

texts: .venv/.ready  ## bring the catalogues of other languages up to date with the code (NEW=fr: begin one)
	cd tests && ../$(BIN)/python -m wording $(NEW)

bench: .venv/.ready node_modules/.ready  ## measure the speed, and write it into tests/bench/README.md
	cd tests && ../$(BIN)/python -m bench

measure: .venv/.measure  ## measure the formula's terms on this machine (WITH="--device cuda --gpu 'RTX 4090'": on a card)
	cd tests && ../$(BIN)/python -m measure $(WITH)

lock: .venv/.ready  ## resolve the versions of pyproject.toml anew
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --extra test --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --extra measure --constraint requirements.lock --universal \
		--python-version 3.11 --no-header --no-annotate --output-file measure.lock

dist: .venv/.ready  ## build the package for a release in dist/
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist

clean:  ## remove .venv and what the tests leave
	rm -rf site/build site/lessons site/api/names .venv node_modules .pytest_cache .hypothesis .ruff_cache tests/artefacts dist

.venv/.ready: requirements.lock pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "memcalc needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv; } || \
		{ echo "Debian packs venv apart from Python: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# What the tests of the explorers' page need: a linter, and Python as WebAssembly.
node_modules/.ready: .venv/.ready package.json package-lock.json
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --silent --no-audit --no-fund
	@touch $@

# Versions without hashes: PyTorch has builds for CPU and for cards under one version, with other hashes.
.venv/.measure: .venv/.ready measure.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint measure.lock --no-build-isolation --editable '.[measure]'
	@touch $@
