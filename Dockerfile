# One image a program: podman build --target gateway -t perennial/gateway:0.1.0 .
#
# Targets: accounts-svc, health-svc, segment-svc, gateway, perennial (the command line), redis (Debian's, laid out the same way).
# Each has its program, the shared libraries that it loads, and nothing else: no shell, no package manager. /var/lib/dpkg/status.d
# tells scanners which packages the libraries come from. They run as 10001:10001 with a read-only root; only
# /var/lib/perennial is written to.
#
#   BASE=IMAGE            Debian 12; pin it by digest where images are released (docs/deploy.md)
#   BINARIES=prebuilt     take the programs from build/release/bin, built on a Debian 12 with `scripts/build release all`, instead of
#                         compiling them here
#   RUNTIME=included      BASE has the libraries and redis-server already
ARG BASE=docker.io/library/debian:12-slim
ARG BINARIES=compiled
ARG RUNTIME=installed

FROM ${BASE} AS compiled
WORKDIR /src
COPY scripts/install-dependencies scripts/
RUN scripts/install-dependencies
COPY . .
RUN cmake --preset release -DBUILD_TESTING=OFF \
 && cmake --build --preset release --target accounts-svc health-svc segment-svc gateway perennial \
 && install -D -t /programs build/release/bin/accounts-svc build/release/bin/health-svc build/release/bin/segment-svc \
      build/release/bin/gateway build/release/bin/perennial

FROM scratch AS prebuilt
COPY build/release/bin/accounts-svc build/release/bin/health-svc build/release/bin/segment-svc build/release/bin/gateway \
     build/release/bin/perennial /programs/

FROM ${BASE} AS installed
COPY scripts/install-runtime /scripts/
RUN /scripts/install-runtime

FROM ${BASE} AS included

# With the defaults once more: podman 4 does not see that a stage is needed whose name comes from an ARG alone.
FROM ${BINARIES:-compiled} AS binaries
FROM ${RUNTIME:-installed} AS roots
COPY scripts/image-root /scripts/
COPY --from=binaries /programs/ /programs/
RUN for program in accounts-svc health-svc segment-svc gateway perennial; do \
      /scripts/image-root "/roots/$program" "/programs/$program" || exit 1; \
    done \
 && /scripts/image-root /roots/redis /usr/bin/redis-server /usr/bin/redis-cli

FROM scratch AS image
LABEL org.opencontainers.image.title="Perennial" org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001

FROM image AS accounts-svc
COPY --from=roots /roots/accounts-svc/ /
EXPOSE 50051
ENTRYPOINT ["/usr/bin/accounts-svc"]

FROM image AS health-svc
COPY --from=roots /roots/health-svc/ /
EXPOSE 50052
ENTRYPOINT ["/usr/bin/health-svc"]

FROM image AS segment-svc
COPY --from=roots /roots/segment-svc/ /
EXPOSE 50053
ENTRYPOINT ["/usr/bin/segment-svc"]

FROM image AS perennial
COPY --from=roots /roots/perennial/ /
ENTRYPOINT ["/usr/bin/perennial"]

FROM image AS redis
COPY --from=roots /roots/redis/ /
EXPOSE 6379
ENTRYPOINT ["/usr/bin/redis-server"]

# What a build without --target makes.
FROM image AS gateway
COPY --from=roots /roots/gateway/ /
EXPOSE 50050 8080
ENTRYPOINT ["/usr/bin/gateway"]
