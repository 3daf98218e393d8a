# One image for all services; the command of a container chooses one. No compiler, no pip and no root at run time.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1 \
    PIP_CACHE_DIR=/cache/pip UV_CACHE_DIR=/cache/uv UV_LINK_MODE=copy UV_PYTHON=/opt/venv/bin/python
WORKDIR /src
RUN python -m venv /opt/venv
# OTEL=1 adds the packages for traces.
ARG OTEL=
COPY requirements-installer.lock requirements.lock requirements-otel.lock ./
RUN --mount=type=cache,target=/cache \
    /opt/venv/bin/pip install --quiet --no-compile --require-hashes --no-deps -r requirements-installer.lock \
 && /opt/venv/bin/uv pip install --quiet --compile-bytecode --require-hashes --no-deps \
        -r requirements.lock ${OTEL:+-r requirements-otel.lock}
# All that .dockerignore names: libraries, services, gateway.
COPY . ./
RUN set -- ./libs/touchstone ./libs/service-kit $(dirname ./*-service/pyproject.toml) ./gateway \
 && /opt/venv/bin/uv pip install --quiet --offline --no-cache --compile-bytecode --no-deps --no-build-isolation "$@" \
 && /opt/venv/bin/python tools/unmet_requirements.py "$@" \
 && /opt/venv/bin/uv pip uninstall --quiet flit_core pip uv
# Where the job `keys` writes: a folder for each database, and one for each client.
RUN mkdir -p /out/postgres /out/auth-clients /out/clients/introspector /out/clients/signals-receiver \
 && for each in $(dirname *-service/pyproject.toml); do mkdir -p "/out/clients/$each" "/out/databases/$(echo "${each%-service}" | tr - _)"; done \
 && chmod -R 0700 /out

FROM python:3.13-slim-bookworm
# Every volume that a service writes to belongs to this user, by number.
RUN groupadd --gid 10001 touchstone \
 && useradd --uid 10001 --gid touchstone --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin touchstone \
 && install -d -o touchstone -g touchstone -m 0700 /snapshots /keys /keys/signing /keys/clients /keys/gateway
COPY --from=build --chown=10001:10001 /out /out
COPY --from=build /opt/venv /opt/venv
COPY --chmod=755 deploy/compose /opt/touchstone
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GRANIAN_INTERFACE=asginl GRANIAN_HTTP=1 GRANIAN_HOST=0.0.0.0 GRANIAN_WEBSOCKETS=false \
    GRANIAN_WORKERS=1 GRANIAN_LOG_LEVEL=error
USER touchstone
WORKDIR /tmp
