# Two commands for a newcomer: `make demo` and `make test`. run.py makes the environment that each needs in .venv.
PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: help demo watch test test-slow test-all lint docs zoo image lock clean

help:  ## what there is to run
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo:  ## the whole service on a small Hub of its own, without network or keys
	@$(PYTHON) run.py demo

watch:  ## watch the real Hub (HF_TOKEN and BLENDWATCH_DISCORD_WEBHOOK are optional)
	@$(PYTHON) run.py watch

test:  ## the tests that are quick
	@$(PYTHON) run.py test

test-slow:  ## the others: whole watches, real processes, large populations
	@$(PYTHON) run.py test-slow

test-all: test test-slow  ## all tests

lint:  ## format, lint, strict types and the import contract
	@$(PYTHON) run.py lint

docs:  ## the documents as a site in build/site, with search; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) run.py docs

zoo:  ## the benchmark over a folder of real checkpoints, where there is one
	@$(PYTHON) run.py zoo

image:  ## the container image, with docker or podman
	@$(PYTHON) -m ops.container.build

lock:  ## pin every dependency anew, with hashes (needs uv)
	uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -q --extra build --extra discord --extra channels --extra charts --extra postgres --extra timestamps -o requirements.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -q --extra build --extra discord --extra channels --extra charts --extra postgres --extra timestamps --extra dev -c requirements.lock -o requirements-dev.lock
	uv pip compile requirements-docs.in --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -q -o requirements-docs.lock

clean:  ## remove the environment and caches
	rm -rf .venv .venv-docs .mypy_cache .ruff_cache .pytest_cache build *.egg-info
