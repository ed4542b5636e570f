# Everything is set up in a virtual environment of its own, .venv.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
RINGS := test-unit test-engine test-system

# A test waits as often as it computes, so there are more workers than cores.
WORKERS ?= $(shell expr $$(nproc) + 2)
PYTEST := CHRONOLOGER_TEST_REQUIRE=all $(RUN) -m pytest \
	--numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder

.PHONY: serve test $(RINGS) lint lint-python lint-types lint-page install lock screenshots clean

serve: $(VENV)/server.installed
	$(RUN) -m chronologer serve -m

# All rings together, because tests of one wait while those of another compute. ARGS are for pytest,
# such as ARGS='-k timeline'.
test: install
	$(PYTEST) $(ARGS)

$(RINGS): install
	$(PYTEST) $(@:test-%=test/%) $(ARGS)

lint: lint-python lint-types lint-page

lint-python: $(VENV)/test.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

lint-types: $(VENV)/test.installed
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --python-version 3.8 -p chronologer.client

lint-page: node_modules/installed
	node_modules/.bin/tsc
	node_modules/.bin/eslint chronologer/static

# All that tests and linters need; "make --jobs" installs several things at a time.
install: $(VENV)/test.installed node_modules/installed .cache/mysql/complete .cache/python.installed

# The releases that the image (server, or all) and the tests are installed with, by their hashes.
# ARGS=--upgrade takes the newest that setup.py allows.
lock: $(VENV)/created
	$(RUN) -m pip install --quiet 'uv >= 0.5, < 1'
	$(LOCK) requirements/test.txt --extra all --extra test setup.py $(ARGS)
	$(LOCK) requirements/all.txt --extra all --constraint requirements/test.txt setup.py
	echo clickhouse-connect | $(LOCK) requirements/server.txt --extra server --extra mysql \
		--constraint requirements/test.txt setup.py -

LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--custom-compile-command 'make lock' --output-file

# Pictures of the page, for the documents, with the records of a made-up shop.
screenshots: $(VENV)/test.installed
	$(RUN) -m test.system.ui.screenshots doc/screenshots

clean:
	rm -rf $(VENV) .cache node_modules build dist *.egg-info

$(VENV)/server.installed: setup.py $(VENV)/created
	$(RUN) -m pip install --quiet --editable '.[server]'
	@touch $@

$(VENV)/test.installed: setup.py requirements/test.txt $(VENV)/created .cache/packages.installed
	$(RUN) -m pip install --quiet --require-hashes --requirement requirements/test.txt
	$(RUN) -m pip install --quiet --no-deps --editable .
	@touch $@

node_modules/installed: package.json .cache/packages.installed
	npm install --silent --no-package-lock --no-audit --no-fund
	@touch $@

.cache/packages.installed: test/servers/install
	@mkdir -p .cache
	test/servers/install packages
	@touch $@

.cache/mysql/complete: test/servers/install
	test/servers/install mysql

.cache/python.installed: test/servers/install
	@mkdir -p .cache
	test/servers/install python
	@touch $@

# Debian keeps part of the venv module in a package of its own.
$(VENV)/created:
	@$(PYTHON) -c 'import ensurepip' || { apt-get update -qq && apt-get install -y -qq python3-venv; } \
		|| { echo 'Python lacks ensurepip: install the package python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@
