# Two stages: the first installs from the lock with hashes, the second holds the result and nothing that made it.
FROM python:3.11-slim-bookworm AS build
# For a network whose TLS ends at a proxy of its own: the path, inside the build, of the certificates to trust.
ARG PIP_CERT
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/blendwatch
WORKDIR /src
# The dependencies come before the code, so that a change of the code builds in seconds.
COPY requirements.lock ./
RUN /opt/blendwatch/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY analyzers ./analyzers
COPY state ./state
COPY bot ./bot
COPY demo ./demo
# Installed without network; then what only builds, tests, checks types or is never used goes: hf-xet downloads whole
# files, and the watch reads ranges; charts are PNG, not AVIF.
# /registry is where a folder of more known models is mounted.
RUN /opt/blendwatch/bin/pip install --quiet --no-deps --no-build-isolation . \
 && /opt/blendwatch/bin/pip uninstall --quiet --yes setuptools pip hf-xet \
 && find /opt/blendwatch/lib -depth \( -type d -name tests -o -path '*/sqlalchemy/testing' -o -path '*/alembic/testing' \
      -o -path '*/numpy/f2py' -o -name '*avif*.so*' -o -name '*.py[ix]' -o -name '*.px[di]' -o -name '*.[cha]' \) \
      -exec rm -rf {} + \
 && ln -s "$(/opt/blendwatch/bin/python -Ic 'import state.registry.models as r; print(r.SHIPPED)')" /opt/blendwatch/known \
 && mkdir /empty

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Blendwatch" \
      org.opencontainers.image.description="Watches the Hugging Face Hub for undisclosed blends of existing weights" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /usr/bin/tini-static /usr/local/bin/tini
COPY --from=build /opt/blendwatch /opt/blendwatch
COPY --from=build --chown=10001:10001 /empty /data
COPY --from=build --chown=10001:10001 /empty /registry
ENV PATH=/opt/blendwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    HOME=/tmp \
    HF_HOME=/tmp/huggingface \
    HF_HUB_DISABLE_TELEMETRY=1 \
    BLENDWATCH_DATA=/data \
    BLENDWATCH_REGISTRY=/opt/blendwatch/known:/registry
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /tmp
VOLUME /data
# The first pass reads every known model and may take its time; only a watch that is alive passes.
HEALTHCHECK --interval=60s --timeout=15s --start-period=120s --retries=3 CMD ["blendwatch", "health"]
STOPSIGNAL SIGTERM
# tini hands SIGTERM on at every moment, also before the watch listens for it.
ENTRYPOINT ["tini", "--", "blendwatch"]
CMD ["watch"]
