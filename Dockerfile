# docker build -t npsle_app --build-arg VERSION=0.1.0 .
# BASE_IMAGE: any Debian 12 (bookworm) image.
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${BASE_IMAGE} AS python
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* \
      /usr/share/doc/*/changelog* /usr/share/man /usr/share/locale

FROM python AS templates
RUN apt-get update -qq && cd /tmp && apt-get download -qq mricron-data \
 && dpkg --extract mricron-data_*.deb /tmp/mricron

# The libraries change seldom, the package often: each has a layer of its own.
FROM python AS libraries
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      ca-certificates python3-venv
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements-build.lock requirements.lock ./
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install -q --require-hashes -r requirements-build.lock \
 && /opt/build/bin/pip wheel -q --no-build-isolation --require-hashes -r requirements.lock \
      --wheel-dir /wheels \
 && python3 -m venv --without-pip /opt/npsle_app \
 && /opt/build/bin/pip --python /opt/npsle_app/bin/python install -q --no-index --no-deps \
      --no-compile /wheels/*.whl \
 && rm -rf /wheels \
 && find /opt/npsle_app -type d -name tests -prune -exec rm -rf {} + \
 && /opt/npsle_app/bin/python -m compileall -q -j 0 /opt/npsle_app/lib

FROM libraries AS package
ARG VERSION=0.1.0
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY npsle_app npsle_app
RUN SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION} \
      /opt/build/bin/pip wheel -q --no-build-isolation --no-deps . --wheel-dir /wheels \
 && /opt/build/bin/pip --python /opt/npsle_app/bin/python install -q --no-index --no-deps \
      --prefix /package /wheels/*.whl \
 && chmod -R a+rX /package

FROM python
COPY --from=templates /tmp/mricron/usr/share/mricron/templates /usr/share/mricron/templates
COPY --from=templates /tmp/mricron/usr/share/doc/mricron-data /usr/share/doc/mricron-data
COPY --from=libraries /opt/npsle_app /opt/npsle_app
COPY --from=package /package /opt/npsle_app
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="npsle_app" \
      org.opencontainers.image.description="A BIDS-App for the imaging markers of neuropsychiatric lupus" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Nothing of the host's Python may leak in, and nothing is written beside the package.
ENV PATH=/opt/npsle_app/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONNOUSERSITE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NPSLE_APP_REVISION=${REVISION} \
    MPLBACKEND=Agg \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /tmp
ENTRYPOINT ["/opt/npsle_app/bin/npsle_app"]
CMD ["--help"]
