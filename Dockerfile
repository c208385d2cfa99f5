# IPManager as images, one for each target; without one it is web:
#
#     docker build -t ipmanager .                               # web server, worker, every command of manage.py
#     docker build -t ipmanager-ippool --target ippool .        # system D's pool alone
#     docker build -t ipmanager-dnsmasq --target dnsmasq .      # dnsmasq, and what installs its configuration
#     docker build -t ipmanager-tools --target tools .          # web with PostgreSQL's client, for backups
#
# web and ippool consist of the packages that they need, without a shell's tools, pip or perl.
# With PostgreSQL and dnsmasq: deploy/container/compose.yaml. On Kubernetes: deploy/kubernetes.

FROM debian:12-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv ca-certificates
COPY deploy/container/packages deploy/container/make-root /build/
RUN mkdir -p /image && sh /build/make-root /build/packages /image/web
COPY requirements/run.txt /build/run.txt
RUN python3 -m venv /build/pip \
    && python3 -m venv --without-pip /opt/ipmanager/.venv \
    && /build/pip/bin/python -m pip --python /opt/ipmanager/.venv/bin/python install --no-cache-dir --no-compile --require-hashes --requirement /build/run.txt
COPY manage.py pyproject.toml LICENSE /opt/ipmanager/
COPY core /opt/ipmanager/core
COPY accounts /opt/ipmanager/accounts
COPY api /opt/ipmanager/api
COPY ipam /opt/ipmanager/ipam
COPY ippool /opt/ipmanager/ippool
COPY dhcp /opt/ipmanager/dhcp
COPY names /opt/ipmanager/names
COPY pxe /opt/ipmanager/pxe
COPY machines /opt/ipmanager/machines
COPY search /opt/ipmanager/search
COPY importers /opt/ipmanager/importers
COPY changes /opt/ipmanager/changes
COPY discovery /opt/ipmanager/discovery
COPY events /opt/ipmanager/events
COPY registry /opt/ipmanager/registry
COPY ops /opt/ipmanager/ops
COPY ipmanager /opt/ipmanager/ipmanager
COPY client /opt/ipmanager/client
COPY templates /opt/ipmanager/templates
COPY deploy /opt/ipmanager/deploy
RUN cp -a /image/web /image/ippool \
    && mkdir -p /image/web/opt /image/ippool/opt \
    && cp -a /opt/ipmanager /image/web/opt/ \
    && cp -a /opt/ipmanager /image/ippool/opt/ \
    && sh /opt/ipmanager/deploy/container/trim /image/web/opt/ipmanager \
    && sh /opt/ipmanager/deploy/container/trim /image/ippool/opt/ipmanager ippool \
    && python3 -m compileall -q -s /image/web -p / /image/web/opt/ipmanager \
    && python3 -m compileall -q -s /image/ippool -p / /image/ippool/opt/ipmanager

FROM debian:12-slim AS dnsmasq
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 dnsmasq-base dnsmasq-utils iproute2 ipxe \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --mode=755 /data /leases /etc/dnsmasq.d
COPY deploy /opt/ipmanager/deploy
RUN install --mode=755 /opt/ipmanager/deploy/ipmanager-dnsmasq-conf /opt/ipmanager/deploy/container/ipmanager-dnsmasq /usr/local/sbin/
ENV IPMANAGER_DATA_DIR=/data PYTHONUNBUFFERED=1
ENTRYPOINT ["/opt/ipmanager/deploy/container/entrypoint"]
CMD ["dnsmasq"]

FROM debian:12-slim AS tools
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin ipmanager \
    && install --directory --owner=ipmanager --group=ipmanager --mode=711 /data
COPY --from=build /image/web/opt/ipmanager /opt/ipmanager
ENV IPMANAGER_DATA_DIR=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/ipmanager
USER ipmanager
ENTRYPOINT ["/opt/ipmanager/deploy/container/entrypoint"]
CMD ["doctor"]

FROM scratch AS ippool
COPY --from=build /image/ippool /
ENV IPMANAGER_DATA_DIR=/data IPMANAGER_BIND=0.0.0.0:8000 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1
WORKDIR /opt/ipmanager
VOLUME /data
EXPOSE 8080
USER ipmanager
ENTRYPOINT ["/opt/ipmanager/deploy/container/entrypoint"]
CMD ["ippool"]

FROM scratch AS web
COPY --from=build /image/web /
ENV IPMANAGER_DATA_DIR=/data IPMANAGER_BIND=0.0.0.0:8000 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1
WORKDIR /opt/ipmanager
VOLUME /data
EXPOSE 8000 8080
USER ipmanager
ENTRYPOINT ["/opt/ipmanager/deploy/container/entrypoint"]
CMD ["run"]
