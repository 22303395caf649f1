# Two images, each for a CPU or for NVIDIA GPUs:
#   docker build --target service .                        what serves; no torch
#   docker build --target export --build-arg DEVICE=gpu .  what exports, trains and measures
# Everything comes as wheels, CUDA included: no compiler, no CUDA base image.
# docs/decisions/0008-containers.md says why it is built like this.

ARG PYTHON_IMAGE=python:3.12-slim-bookworm
ARG DEVICE=cpu

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# a new volume gets the owner of the directory that it covers
RUN groupadd --gid 10001 convoy \
    && useradd --uid 10001 --gid convoy --home-dir /cache --no-create-home convoy \
    && install --directory --owner=convoy --group=convoy /cache /app/artifacts /app/reports
WORKDIR /app

FROM base AS packages
# torch only exports here, so it comes without CUDA
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
RUN python3 -m venv /opt/venv
COPY pyproject.toml requirements.lock deploy/requirements.py ./

FROM packages AS service-packages
ARG DEVICE
RUN python requirements.py "service-${DEVICE}" > wanted.txt \
    && python -m pip install --no-cache-dir --constraint requirements.lock --requirement wanted.txt \
    && python -m pip uninstall --yes setuptools pip

FROM packages AS export-packages
ARG DEVICE
RUN python requirements.py "export-${DEVICE}" > wanted.txt \
    && python -m pip install --no-cache-dir --constraint requirements.lock --requirement wanted.txt

FROM base AS export
COPY --from=export-packages /opt/venv /opt/venv
COPY models models
COPY service service
COPY training training
COPY export export
COPY bench bench
ENV CONVOY_CACHE=/cache
USER 10001:10001
ENTRYPOINT ["python", "-m", "export"]
CMD ["--missing"]

FROM base AS service
COPY --from=service-packages /opt/venv /opt/venv
COPY models models
COPY service service
ENV CONVOY_HOST=0.0.0.0 \
    CONVOY_PORT=8000
USER 10001:10001
EXPOSE 8000
# ready, not alive: who waits for this container wants answers; loading may take a while
HEALTHCHECK --interval=10s --timeout=5s --start-period=5m CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['CONVOY_PORT']}/health/ready\")"]
ENTRYPOINT ["python", "-m", "service"]
