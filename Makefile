# Two commands for a newcomer: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: oracle flips fuzz demo test check lint types layers cover cover-one cover-two races soak bench docs fmt lock clean

$(READY): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

demo: $(READY)  ## the main job end to end, on real faces
	$(BIN)/consentry demo --dir demo-run --json demo-run.json

# A folder of its own for each run: pytest prunes the shared one, databases of a run at work included.
# A signal ends the shell without its EXIT, and what stays may be memory.
ROOM := $(shell .ci/room)
SCRATCH = scratch=$$(mktemp -d $(addprefix -p ,$(ROOM))) && trap 'rm -rf "$$scratch"' EXIT && \
	trap 'exit 130' INT && trap 'exit 143' TERM && export TMPDIR="$$scratch" &&
PYTEST = $(SCRATCH) $(BIN)/python -m pytest --basetemp="$$scratch/t"
COVERED = $(SCRATCH) $(BIN)/coverage run -m pytest --basetemp="$$scratch/t"

test: $(READY)  ## every test, on SQLite and PostgreSQL
	$(PYTEST)

check: lint types layers cover  ## what CI runs, whole

lint: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

# Halves, of about the same length.
ONE := tests/api tests/contracts tests/policies tests/properties tests/unit
TWO := tests/crash tests/e2e tests/integration tests/races tests/soak

cover: $(READY)
	$(BIN)/coverage erase
	$(MAKE) --jobs=2 --output-sync=target cover-one cover-two
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --fail-under=100 --include='src/consent/gate.py,src/consent/policy.py,src/audit/tree.py,src/audit/verify.py'

cover-one: $(READY)
	$(COVERED) $(ONE)

cover-two: $(READY)
	$(COVERED) $(TWO)

races: $(READY)  ## 2,000 of each race on each database: an hour or so
	export CONSENTRY_RACES=2000 CONSENTRY_KILLS=50; $(PYTEST) --log-cli-level=info --timeout=3600 tests/races tests/crash/test_append_kills.py

flips: export CONSENTRY_FLIPS ?= 20000
flips: $(READY)  ## so many flipped bits of the database, on each engine, each found where it is
	$(PYTEST) --timeout=7200 tests/integration/test_rows.py

soak: export CONSENTRY_SOAK_SECONDS ?= 600
soak: export CONSENTRY_SOAK_CLIENTS ?= 50
soak: export CONSENTRY_SOAK_REPORT ?= soak-{database}.json
# On a disk, as those it stands for.
soak: ROOM =
soak: $(READY)  ## 50 clients for ten minutes while processes are killed, on PostgreSQL; DATABASE=sqlite for the other
	$(PYTEST) -s -k $(or $(DATABASE),postgresql) tests/soak/test_soak.py

# Theirs need a later Python than ours: PYTHON312 names one.
PYTHON312 ?= python3.12
.venv-oracle/.ready: requirements/oracle.txt
	$(PYTHON312) -m venv .venv-oracle
	.venv-oracle/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/oracle.txt
	touch .venv-oracle/.ready

oracle: $(READY) .venv-oracle/.ready  ## two other C2SP implementations judge a log of ours, its proofs, a bundle, spoilt ones too
	$(SCRATCH) PYTHONPATH="$(CURDIR)/tests" $(BIN)/python tests/contracts/oracle/make.py "$$scratch/shown" && .venv-oracle/bin/python tests/contracts/oracle/judge.py "$$scratch/shown"

# A wheel for Python 3.11 alone; beside the environment, which the lock files describe.
FUZZ_SECONDS ?= 60
.fuzz/.ready: requirements/fuzz.txt $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target .fuzz -r requirements/fuzz.txt
	touch .fuzz/.ready

fuzz: .fuzz/.ready  ## each parser of the record for a minute under coverage-guided fuzzing; Python 3.11
	$(SCRATCH) cd "$$scratch" && export PYTHONPATH="$(CURDIR)/tests:$(CURDIR)/.fuzz" && throw="$(CURDIR)/$(BIN)/python $(CURDIR)/tests/properties/throwing.py" && \
	$$throw > names && while read -r name; do echo "$$name" && $$throw "$$name" -max_total_time=$(FUZZ_SECONDS) < /dev/null > said 2>&1 || { cat said; exit 1; }; done < names

bench: $(READY)  ## ratios to a limit or a peer, into bench/results.json
	$(BIN)/python -m bench

docs: $(READY)  ## the pages that are made from the code
	$(BIN)/python -m service.catalogue > docs/errors.md
	$(BIN)/python -m service.cli.reference > docs/cli-reference.md
	$(BIN)/python -m service.api.reference > docs/api.md
	$(BIN)/python -m service.policies_reference > docs/policies.md

fmt: $(READY)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock:  ## needs uv
	requirements/lock.sh

clean:
	rm -rf .venv .fuzz demo-run demo-run.json soak-*.json .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
