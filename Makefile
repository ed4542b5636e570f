# Everything is set up in a virtual environment of its own, .venv.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: serve test lint screenshots clean

serve: $(VENV)/server.installed
	$(RUN) -m chronologer serve -m

# ARGS are for pytest, such as ARGS='-k timeline'. Without any, some tests run beside the others, which
# takes two thirds of the time on two cores; what they say comes at the end.
BESIDE := test/client test/copy test/servers test/storage/clickhouse test/storage/test_mysql.py test/test_faults.py \
          test/ui
PYTEST := CHRONOLOGER_TEST_REQUIRE=all $(RUN) -m pytest

test: $(VENV)/test.installed node_modules/installed
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	@$(PYTEST) $(BESIDE) >.cache/beside.log 2>&1 & beside=$$!; \
	trap "kill $$beside" INT TERM; \
	$(PYTEST) $(addprefix --ignore=,$(BESIDE)); status=$$?; \
	wait $$beside || status=1; \
	cat .cache/beside.log; \
	exit $$status
endif

lint: $(VENV)/test.installed node_modules/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --python-version 3.8 -p chronologer.client
	node_modules/.bin/tsc
	node_modules/.bin/eslint chronologer/static

# Of the page, for README.rst; with records that are made up.
screenshots: $(VENV)/test.installed
	$(RUN) -m test.ui.screenshots doc/screenshots

clean:
	rm -rf $(VENV) .cache node_modules build dist *.egg-info

$(VENV)/server.installed: setup.py $(VENV)/created
	$(RUN) -m pip install --quiet --editable '.[server]'
	@touch $@

$(VENV)/test.installed: setup.py test/servers/install $(VENV)/created
	test/servers/install
	$(RUN) -m pip install --quiet --editable '.[server,mysql,clickhouse,test]'
	@touch $@

node_modules/installed: package.json test/servers/install
	test/servers/install
	npm install --silent --no-package-lock --no-audit --no-fund
	@touch $@

# Debian keeps part of the venv module in a package of its own.
$(VENV)/created:
	@$(PYTHON) -c 'import ensurepip' || { apt-get update -qq && apt-get install -y -qq python3-venv; } \
		|| { echo 'Python lacks ensurepip: install the package python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@
