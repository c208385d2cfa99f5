# make run    IPManager on http://127.0.0.1:8000/ with a demo network (IPMANAGER_DEMO=0: empty)
# make test   the suite on SQLite, and on PostgreSQL what depends on the database
#             make test ARGS="-k pool" for a part; ARGS=--seed=1 for the random examples of a run
# make test-all   the whole suite on both; checks what make test leaves out
# make record   find out anew what make test may leave out on PostgreSQL (tests/recorded/)
# make lint   style, types, imports between the rooms, migrations
# make proof  the long forms of the tests that have one: minutes to hours
# make bench  times, with their spread
# make bench-dhcp   from a commit to the DHCP client that has what it says
# make figures   how dense the code is, room by room; ARGS="dhcp" for one
# make sbom   write sbom.json: every package that the product installs, with hashes (CycloneDX)
# make lock   renew requirements/*.txt (needs the network)
# make messages   collect and compile the German translation
# make clean  remove what the commands above have made, except the data in var/

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)

ifdef UV
MAKE_VENV = rm -rf $(VENV) && $(UV) venv --quiet $(VENV)
INSTALL = $(UV) pip install --quiet --python $(PYTHON)
MAKE_TOOL_VENV = $(UV) venv --quiet --clear
INSTALL_TOOL = $(UV) pip install --quiet --python $(VENV)/sbom/bin/python
else
MAKE_VENV = python3 -m venv --clear $(VENV)
# --no-compile halves the time; Python compiles what it really uses.
INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile
MAKE_TOOL_VENV = python3 -m venv --clear
INSTALL_TOOL = $(VENV)/sbom/bin/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: run test test-all record lint proof bench bench-dhcp figures sbom lock messages clean

run: $(VENV)/run.stamp
	@IPMANAGER_DEMO=$${IPMANAGER_DEMO-1} exec $(PYTHON) manage.py run

test: $(VENV)/test.stamp
	@$(PYTHON) -m tests.run $(ARGS)

test-all: $(VENV)/test.stamp
	@$(PYTHON) -m tests.run --whole $(ARGS)

record: $(VENV)/test.stamp
	@$(PYTHON) -m tests.run --whole --record $(ARGS)

lint: $(VENV)/lint.stamp
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m tests.rooms
	DATABASE_URL=sqlite://:memory: $(PYTHON) manage.py makemigrations --check --dry-run

proof bench: $(VENV)/test.stamp
	@$(PYTHON) -m tests.$@ $(ARGS)

bench-dhcp: $(VENV)/test.stamp
	@$(PYTHON) -m tests.bench.dhcp $(ARGS)

figures:
	@python3 -m tests.figures $(ARGS)

sbom: $(VENV)/sbom/stamp
	@python3 -m tests.sbom $(VENV)/sbom/bin/cyclonedx-py sbom.json

# The tool brings thirty packages, which are not to meet the product's.
$(VENV)/sbom/stamp: requirements/sbom.txt $(VENV)/made
	@echo "Installing $<"
	@$(MAKE_TOOL_VENV) $(VENV)/sbom
	@$(INSTALL_TOOL) --require-hashes -r $<
	@cp $< $@

messages: $(VENV)/run.stamp
	$(PYTHON) manage.py makemessages --locale de --no-location --no-obsolete --ignore $(VENV) --ignore var --ignore tests
	$(PYTHON) manage.py compilemessages --ignore $(VENV)

# A stamp is a copy of the lock that was installed, written when the installation is complete.
$(VENV)/%.stamp: requirements/%.txt $(VENV)/made
	@echo "Installing $<"
	@$(INSTALL) --require-hashes -r $<
	@cp $< $@

$(VENV)/made:
	@$(MAKE_VENV)
	@ln -s ../../bin/ipmanager $(VENV)/bin/
	@touch $@

LOCK = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--custom-compile-command "make lock"
COMPILE = $(LOCK) pyproject.toml

lock:
	$(COMPILE) --upgrade --output-file requirements/run.txt
	$(COMPILE) --upgrade --constraint requirements/run.txt --group test --output-file requirements/test.txt
	$(COMPILE) --upgrade --constraint requirements/test.txt --group test --group lint --output-file requirements/lint.txt
	$(LOCK) --upgrade --group pyproject.toml:sbom --output-file requirements/sbom.txt

clean:
	rm -rf $(VENV) sbom.json .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
