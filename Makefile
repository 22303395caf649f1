# Convoy: `make serve` to use it, `make test` and `make check` to work on it.
# Variables: HOST PORT MODELS WEIGHTS PRECISION ENGINE ENGINE_STRICT DEVICE ARTIFACTS URL, e.g. `make serve MODELS="resnet50 vgg16"`

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

HOST ?= 127.0.0.1
PORT ?= 8000
MODELS ?=
WEIGHTS ?= auto
PRECISION ?= fp32
ENGINE ?= ort
ENGINE_STRICT ?= 0
DEVICE ?= auto
ARTIFACTS ?= artifacts

# the two packages of ONNX Runtime exclude each other
RUNTIME ?= $(if $(shell command -v nvidia-smi),gpu,cpu)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
URL ?=
SHIPPED := $(foreach file,$(wildcard models/shipped/*.safetensors),$(firstword $(subst ., ,$(notdir $(file)))))
SIX := lenet5_plain alexnet squeezenet1_1 mobilenet_v1 googlenet resnet50
BENCHED := $(if $(strip $(MODELS)),$(MODELS),$(SIX))
SERVED := $(if $(strip $(MODELS)),$(MODELS),all)

.DEFAULT_GOAL := help
.PHONY: help serve export test test-all check bench clean

help:
	@echo "make serve    install, export the trained networks, serve on http://$(HOST):$(PORT)"
	@echo "make export   MODELS=\"resnet50 vgg16\" WEIGHTS=auto|imagenet|scenes|digits|random|FILE"
	@echo "              PRECISION=\"fp32 fp16 int8\", of what was trained on digits or scenes"
	@echo "              ENGINE=trt builds TensorRT plans as well, on a machine with a GPU"
	@echo "make bench    compares MODELS (or six networks) and writes a report; URL=http://... asks a"
	@echo "              service that runs already"
	@echo "make test     the test suite; make test-all exports every network as well"
	@echo "make check    ruff, mypy, import-linter"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# what serving and exporting need; torch is the large part
$(VENV)/.serve: $(BIN)/python pyproject.toml requirements.lock
	@echo "installing (torch takes a minute or two) ..."
	$(PIP) install --constraint requirements.lock --editable ".[$(RUNTIME),export]"
	@touch $@

$(VENV)/.dev: $(VENV)/.serve
	@echo "installing what tests need ..."
	$(PIP) install --constraint requirements.lock --editable ".[$(RUNTIME),export,training,bench,dev]"
	@touch $@

serve: $(VENV)/.serve
	@$(BIN)/python -m export $(MODELS) --weights "$(WEIGHTS)" --missing --artifacts "$(ARTIFACTS)"
	@CONVOY_ARTIFACTS="$(ARTIFACTS)" CONVOY_ENGINE_STRICT="$(ENGINE_STRICT)" \
		exec $(BIN)/python -m service --host "$(HOST)" --port "$(PORT)" \
		--models "$(SERVED)" --engine "$(ENGINE)" --device "$(DEVICE)"

# a lower precision is judged by the pictures of training
export: $(if $(filter-out fp32,$(PRECISION)),$(VENV)/.dev,$(VENV)/.serve)
	@$(BIN)/python -m export $(MODELS) --weights "$(WEIGHTS)" --precision "$(PRECISION)" \
		--artifacts "$(ARTIFACTS)"
	$(if $(filter trt,$(ENGINE)),@$(BIN)/python -m export.plan $(MODELS) \
		--precision "$(PRECISION)" --artifacts "$(ARTIFACTS)")

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -m ""

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# trained weights where they ship; random ones are as fast, and need no download
TRAINED := $(filter $(SHIPPED),$(BENCHED))
EXPORT := @$(BIN)/python -m export --missing --artifacts reports/artifacts
bench: $(VENV)/.dev
	$(if $(URL),,$(if $(TRAINED),$(EXPORT) $(TRAINED)))
	$(if $(URL),,$(EXPORT) --weights random $(BENCHED))
	@$(BIN)/python -m bench compare --models "$(BENCHED)" --artifacts reports/artifacts --url "$(URL)"

clean:
	rm -rf $(VENV) .*_cache
