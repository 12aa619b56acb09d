# Everything runs in a virtual environment that `make setup` makes from requirements.lock.
VENV ?= .venv
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lab lint chapters assignments test-colab site links lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make the environment (.venv) with the exact versions of requirements.lock

# --no-deps: the lock names everything, and `dlib`, which would compile, is replaced by dlib-bin.
$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python setup"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --no-deps --no-build-isolation --editable .
	touch $@

demo: setup  ## two people in, one swapped and labelled video out: build/demo (FRESH=1 starts anew)
	$(BIN)/python data_scripts/make_demo.py $(if $(FRESH),--fresh)

# Quick tests two at a time; the slow ones, which fill the machine and look at the clock, alone.
test: setup  ## run all tests
	$(BIN)/python -m pytest -m "not slow" --numprocesses 2 --dist worksteal
	$(BIN)/python -m pytest -m slow

lab: setup  ## open the chapters in JupyterLab
	$(BIN)/jupyter lab $(wildcard chapters)

lint: setup  ## check the style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

chapters: setup  ## make and execute the chapters that changed (CHAPTER=05 for one)
	$(BIN)/python tools/chapters.py $(CHAPTER)

assignments: setup  ## make an nbgrader course folder, build/course (COURSE=~/class, CHAPTER=05 for one)
	$(BIN)/python tools/assignments.py $(if $(COURSE),--out $(COURSE)) $(CHAPTER)

test-colab: setup  ## the set-up cell and three chapters among the versions that Colab publishes
	$(BIN)/python tools/colab.py $(CHAPTER)

site: setup  ## build the course's site, build/site, and check it in a browser
	$(BIN)/python tools/website.py build
	$(BIN)/python tools/website.py check

links: setup  ## check every link and the spelling
	$(BIN)/python tools/links.py

lock: setup  ## write requirements.lock and environment.yml anew (UPGRADE=--upgrade for newer versions)
	$(BIN)/uv pip compile pyproject.toml --extra chapters --extra dev --group lock --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--quiet $(UPGRADE) --output-file requirements.lock
	sed '/- pip:/q' environment.yml > environment.new
	sed -n 's/^\([a-z0-9].*[^ ]\) *\\$$/      - \1/p' requirements.lock >> environment.new
	mv environment.new environment.yml

clean:  ## remove what was built; the environment stays
	rm -rf build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
