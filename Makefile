# The door to the project: `make help` lists what is behind it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV := $(shell command -v uv || echo .uv/bin/uv)
MEMBERS := libs/common libs/price-snapshot libs/simulator libs/demo services/agent services/pricing services/aggregator services/alerts cli
RUN := .venv/bin/
# Most of their time these wait for something real.
SIDE_BY_SIDE := -n 2 --dist loadgroup

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | sort | expand -t 16

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found on the PATH" >&2; exit 1; }
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'

.venv/.installed: locks/dev.txt $(MEMBERS:%=%/pyproject.toml) | $(filter .uv/bin/uv,$(UV))
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found on the PATH" >&2; exit 1; }
	test -x .venv/bin/python || $(UV) venv --quiet --python "$$(command -v $(PYTHON))" .venv
	$(UV) pip sync --quiet --python .venv/bin/python --require-hashes locks/dev.txt
	$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --compile-bytecode $(MEMBERS:%=-e ./%)
	touch $@

.PHONY: install
install: .venv/.installed ## install what the locks name into .venv

.PHONY: lock
lock: | $(filter .uv/bin/uv,$(UV)) ## resolve anew and export locks/*.txt
	$(UV) lock --quiet
	$(UV) export --quiet --frozen --all-packages --all-extras --no-emit-workspace --no-header --no-annotate --group dev -o locks/dev.txt
	for s in agent pricing aggregator alerts; do \
	  $(UV) export --quiet --frozen --package kube-cost-$$s --all-extras --no-default-groups --no-emit-workspace --no-header --no-annotate -o locks/$$s.txt; \
	done
	$(UV) export --quiet --frozen --package kubectl-cost --no-default-groups --no-emit-workspace --no-header --no-annotate -o locks/cli.txt
	! grep -nE 'https?://' locks/*.txt

.PHONY: lint
lint: install ## ruff, import-linter, deptry
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)lint-imports
	for m in $(MEMBERS); do (cd $$m && $(CURDIR)/.venv/bin/deptry --no-ansi src); done

.PHONY: types
types: install ## mypy strict over sources and tests
	$(RUN)mypy $(MEMBERS:%=%/src) tests

.PHONY: unit
unit: install ## tests without network or waiting
	$(RUN)pytest -q -n auto tests/unit tests/contract

.PHONY: integration
integration: install ## tests with a real nats-server, Prometheus, API server, cgroups, as far as they are here
	$(RUN)pytest -q $(SIDE_BY_SIDE) tests/integration

.PHONY: e2e
e2e: install ## the whole mesh as processes, against the simulated cluster's truth
	$(RUN)pytest -q $(SIDE_BY_SIDE) tests/e2e

.PHONY: test
test: lint types unit ## all of the above; says at the end what it didn't find on this machine
	$(RUN)pytest -q $(SIDE_BY_SIDE) tests/integration tests/e2e

.PHONY: chaos
chaos: install ## an hour of hard churn against the truth; a day of it with ROUNDS=2 or more
	ROUNDS=$(or $(ROUNDS),1) $(RUN)pytest -q -s tests/chaos

.PHONY: perf
perf: install ## benchmarks, about 15 minutes; the figures go to docs/figures.md
	PYTHONPATH=tests $(RUN)python -m perf

.PHONY: live
live: install ## today's prices of the clouds, with your credentials, against the shipped tables
	$(RUN)kube-cost-pricing live $(PROVIDERS)

.PHONY: test-bed
test-bed: ## install with apt what the tests can use (Debian, root)
	apt-get update -q
	@# Debian starts services on installation where nothing forbids it.
	@test -e /usr/sbin/policy-rc.d || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d && touch /tmp/.kube-cost-policy; }
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends prometheus prometheus-alertmanager postgresql openssl curl
	@test ! -e /tmp/.kube-cost-policy || rm -f /usr/sbin/policy-rc.d /tmp/.kube-cost-policy

.PHONY: demo
demo: install ## the mesh on this machine over a simulated cluster; KUBECONFIG=… NODE_NAME=… for a real one
	@$(RUN)kube-cost-demo $(if $(NODE_NAME),--kubeconfig '$(KUBECONFIG)' --node '$(NODE_NAME)')
