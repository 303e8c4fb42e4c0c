# Two commands matter: `make run` (the demo in your terminal) and `make test`.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS := $(shell expr $$(nproc) + 1)

.PHONY: run test setup check format docs picture bench soak clean

# Modules are compiled once, where `clean` finds them, whatever the environment says of that: tests
# start an engine for nearly every second one, and what the bench starts is to start as it does for users.
test bench soak: export PYTHONDONTWRITEBYTECODE :=
test bench soak: export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/pycache

run: setup
	$(BIN)/rsp demo

# Several at a time: most of them wait for sockets, so there is one more than there are cores.
test: setup
	$(BIN)/pytest -n $(JOBS) --dist worksteal

setup: $(STAMP)

$(STAMP): pyproject.toml rsp/__init__.py
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The session table of ARCHITECTURE.md, the keys of README.md and docs/faults.md, from the source.
docs: setup
	$(BIN)/python -m docs.generated

# docs/*.svg: the real dashboard on the real demo.
picture: setup
	$(BIN)/python -m docs.make_picture

bench: setup
	$(BIN)/python -m bench

# Floods, slow peers and long traffic, by hand: SOAK="--scale 0.05 --proxy rsp" is a small one.
soak: setup
	$(BIN)/python -m bench.soak $(SOAK)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
