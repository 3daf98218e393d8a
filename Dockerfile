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
COPY libs ./libs
COPY auth-service ./auth-service
COPY users-service ./users-service
COPY orders-service ./orders-service
COPY gateway ./gateway
COPY tools/unmet_requirements.py ./tools/
RUN set -- ./libs/touchstone ./libs/service-kit ./auth-service ./users-service ./orders-service ./gateway \
 && /opt/venv/bin/uv pip install --quiet --offline --no-cache --compile-bytecode --no-deps --no-build-isolation "$@" \
 && /opt/venv/bin/python tools/unmet_requirements.py "$@" \
 && /opt/venv/bin/uv pip uninstall --quiet flit_core pip uv

FROM python:3.13-slim-bookworm
# Every volume that a service writes to belongs to this user, by number.
RUN groupadd --gid 10001 touchstone \
 && useradd --uid 10001 --gid touchstone --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin touchstone \
 && install -d -o touchstone -g touchstone -m 0700 /snapshots /keys /keys/signing /keys/clients \
        /out /out/postgres /out/auth /out/users /out/orders /out/auth-clients /out/orders-client /out/introspector-client \
        /out/receiver-client
COPY --from=build /opt/venv /opt/venv
COPY --chmod=755 deploy/compose /opt/touchstone
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GRANIAN_INTERFACE=asginl GRANIAN_HTTP=1 GRANIAN_HOST=0.0.0.0 GRANIAN_WEBSOCKETS=false \
    GRANIAN_WORKERS=1 GRANIAN_LOG_LEVEL=error
USER touchstone
WORKDIR /tmp
