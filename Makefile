# One verb, one target. `make help` lists them.
.DEFAULT_GOAL := help
BIN := .venv/bin
CODE := flows tasks capsules blocks ui tests

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv from the locked requirements; quick when nothing changed (PYTHON=python3.12)
	@deploy/setup.sh

.PHONY: demo
demo: setup ## Audit a repository from request to report (REPO=path-or-url, YES=1 approves by itself)
	@$(BIN)/soma demo $(if $(REPO),--repo "$(REPO)") $(if $(YES),--yes)

.PHONY: run
run: setup ## Start the hub and keep it up until Ctrl-C
	@$(BIN)/soma up

.PHONY: servers
servers: ## Install Debian's PostgreSQL and Redis, the tests' second opinion
	@deploy/test-servers.sh

.PHONY: test
test: setup servers lint types ## Check everything: style, types, imports, every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: test-fast
test-fast: setup ## Run the tests that take no more than a few seconds
	$(BIN)/python -m pytest -m "not slow"

.PHONY: lint
lint: setup ## Check style and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

.PHONY: types
types: setup ## Check types
	$(BIN)/mypy

.PHONY: format
format: setup ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup peers fanout-peers ## Measure launches, the guard, decisions and fan-out beside other engines
	@$(BIN)/python tests/bench/bench.py
	@$(BIN)/python tests/bench/fan_out.py --peers

.PHONY: bench-fan-out
bench-fan-out: setup fanout-peers ## Measure many trivial nodes beside Prefect alone, LangGraph and DBOS
	@$(BIN)/python tests/bench/fan_out.py --peers

.PHONY: agentdojo
agentdojo: setup ## Replay AgentDojo's attacks through the guard, and compare the figures with the docs
	@$(BIN)/python tests/agentdojo/figures.py

.PHONY: chaos
chaos: setup ## Kill random processes of a working hub 100 times, and look whether anything was lost (KILLS=25)
	@PYTHONPATH=. $(BIN)/python tests/chaos/chaos.py --kills $(or $(KILLS),100)

.PHONY: start-cluster
start-cluster: ## Make a kind cluster and install the hub's image and chart into it (CLUSTER=soma NAMESPACE=soma)
	@CLUSTER="$(CLUSTER)" NAMESPACE="$(NAMESPACE)" deploy/kubernetes/start-cluster.sh

.PHONY: k8s-smoke
k8s-smoke: ## Look whether a hub that is installed on a cluster works (NAMESPACE=soma RELEASE=soma)
	@NAMESPACE="$(NAMESPACE)" RELEASE="$(RELEASE)" deploy/kubernetes/smoke.sh

.PHONY: test-k8s
test-k8s: setup build/helm/installed ## Check the chart, and the hub on the cluster that KUBECONFIG names
	$(BIN)/python -m pytest tests/kubernetes

build/helm/installed: tests/kubernetes/requirements.lock | setup
	@rm -rf build/helm
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: --no-deps \
	  --target build/helm -r tests/kubernetes/requirements.lock
	@touch $@

.PHONY: screenshots
screenshots: setup ## Take the pictures of the wizard for the documentation (needs chromium)
	@PYTHONPATH=. $(BIN)/python tests/screenshots/take.py

.PHONY: peers
peers: build/peers-venv/installed ## Install the policy engines that decisions are compared with, apart from the hub
build/peers-venv/installed: tests/bench/peers.lock | setup
	@$(BIN)/python -m venv --clear build/peers-venv
	@build/peers-venv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r tests/bench/peers.lock
	@touch $@

.PHONY: fanout-peers
fanout-peers: build/fanout-venv/installed
build/fanout-venv/installed: tests/bench/fanout.lock | setup
	@$(BIN)/python -m venv --clear build/fanout-venv
	@build/fanout-venv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r tests/bench/fanout.lock
	@touch $@

.PHONY: lock
lock: ## Resolve requirements.lock anew (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-strip-extras --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" tests/bench/peers.in -o tests/bench/peers.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" tests/bench/fanout.in -o tests/bench/fanout.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" tests/kubernetes/requirements.in -o tests/kubernetes/requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-strip-extras --custom-compile-command "make lock" --constraint requirements.lock pyproject.toml -o deploy/image.lock

.PHONY: clean
clean: ## Remove what the targets made here; the hub's data folder stays
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
