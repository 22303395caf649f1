# Convoy: `make serve` to use it, `make test` and `make check` to work on it.
# Variables: HOST PORT MODELS WEIGHTS PRECISION ENGINE DEVICE ARTIFACTS, e.g. `make serve MODELS="resnet50 vgg16"`

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

HOST ?= 127.0.0.1
PORT ?= 8000
MODELS ?=
WEIGHTS ?= auto
PRECISION ?= fp32
ENGINE ?= ort
DEVICE ?= auto
ARTIFACTS ?= artifacts

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
BENCHED := $(if $(strip $(MODELS)),$(MODELS),lenet5_plain squeezenet1_1 resnet50)
SERVED := $(if $(strip $(MODELS)),$(MODELS),all)

.DEFAULT_GOAL := help
.PHONY: help serve export test test-all check bench clean

help:
	@echo "make serve    install, export the trained networks, serve on http://$(HOST):$(PORT)"
	@echo "make export   MODELS=\"resnet50 vgg16\" WEIGHTS=auto|imagenet|scenes|digits|random|FILE"
	@echo "              PRECISION=\"fp32 fp16 int8\", of what was trained on digits or scenes"
	@echo "make bench    how fast the service is beside the bare engine"
	@echo "make test     the test suite; make test-all exports every network as well"
	@echo "make check    ruff, mypy, import-linter"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# what serving and exporting need; torch is the large part
$(VENV)/.serve: $(BIN)/python pyproject.toml requirements.lock
	@echo "installing (torch takes a minute or two) ..."
	$(PIP) install --constraint requirements.lock --editable ".[cpu,export]"
	@touch $@

$(VENV)/.dev: $(VENV)/.serve
	@echo "installing what tests need ..."
	$(PIP) install --constraint requirements.lock --editable ".[cpu,export,training,bench,dev]"
	@touch $@

serve: $(VENV)/.serve
	@$(BIN)/python -m export $(MODELS) --weights "$(WEIGHTS)" --missing --artifacts "$(ARTIFACTS)"
	@CONVOY_ARTIFACTS="$(ARTIFACTS)" exec $(BIN)/python -m service --host "$(HOST)" --port "$(PORT)" \
		--models "$(SERVED)" --engine "$(ENGINE)" --device "$(DEVICE)"

# a lower precision is judged by the pictures of training
export: $(if $(filter-out fp32,$(PRECISION)),$(VENV)/.dev,$(VENV)/.serve)
	@$(BIN)/python -m export $(MODELS) --weights "$(WEIGHTS)" --precision "$(PRECISION)" \
		--artifacts "$(ARTIFACTS)"

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -m ""

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# random weights: they are as fast as trained ones, and need no download
bench: $(VENV)/.dev
	@$(BIN)/python -m export $(BENCHED) --weights random --missing --artifacts reports/artifacts
	@$(BIN)/python -m bench serve $(BENCHED) --artifacts reports/artifacts

clean:
	rm -rf $(VENV) .*_cache
