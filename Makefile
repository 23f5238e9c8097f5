# Every target sets up what is missing; nothing has to be installed by hand.
# `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help setup up down status logs demo test lint bench lock
PYTHON := .venv/bin/python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install Debian packages and the Python environment (instant when nothing changed)
	@python3 -m stack.bootstrap

up: setup ## Start the stack; return when everything answers
	@$(PYTHON) -m stack up

down: ## Stop the stack and whatever a crash left of it
	@test ! -x $(PYTHON) || $(PYTHON) -m stack down

status: setup ## Show each process with port, version and health
	@$(PYTHON) -m stack status

logs: setup ## Follow the logs (NAME="engine sandbox": only these)
	@$(PYTHON) -m stack logs $(NAME)

demo: up ## Provision four events from request to confirmation and leave the stack up
	@$(PYTHON) -m demo

test: ## Run the tests (ARGS="tests/include -x": passed on to pytest)
	@python3 -m stack.bootstrap --with-tests
	@$(PYTHON) -m pytest $(ARGS)

lint: setup ## Check style, types and that generated docs are up to date
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m tools.dag_docs --check

bench: up ## Measure against the targets (NAME=provisioning: only that one)
	@$(PYTHON) -m benchmarks $(NAME)

lock: setup ## Write requirements.lock anew from requirements.txt and requirements-dev.txt
	@$(PYTHON) -m stack.bootstrap --lock
