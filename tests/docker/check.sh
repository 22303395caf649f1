#!/bin/sh
# All that can be said about the containers without a Docker engine, image sizes included.
# What cannot run says why. On Debian, as root, everything runs with
#   apt-get install --no-install-recommends buildah debootstrap docker-compose prometheus
# debootstrap makes a base image; PYTHON_IMAGE=python:3.12-slim-bookworm takes that one instead.
set -e
cd "$(dirname "$0")/../.."
exec "${PYTHON:-.venv/bin/python}" -m pytest tests/docker tests/service/test_prometheus.py -m "" "$@"
