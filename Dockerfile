# syntax=docker/dockerfile:1

# Both bases are pinned by tag: no registry could be reached where this was written, so their digests are not known
# here. To pin them, append what this prints to each tag, as tag@sha256:…
#   docker buildx imagetools inspect --format '{{.Manifest.Digest}}' denoland/deno:debian-2.8.3
#   docker buildx imagetools inspect --format '{{.Manifest.Digest}}' gcr.io/distroless/cc-debian12:nonroot
FROM denoland/deno:debian-2.8.3 AS build
WORKDIR /src
ENV DENO_NO_UPDATE_CHECK=1 RUST_MIN_STACK=16777216
COPY deno.json deno.lock main.ts ./
COPY lib lib
COPY src src
COPY tools tools
COPY scripts scripts
ARG COMMIT=unknown
# The official base or none: what is compiled onto another runtime than the tested one is not shipped.
RUN mkdir -p /out/data \
    && deno task compile --target "$(uname -m)-unknown-linux-gnu" --commit "${COMMIT}" --output /out/oms \
    && /out/oms --version > /out/version \
    && grep -q ' base=official ' /out/version

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="oms" \
      org.opencontainers.image.description="Order service that loses nothing when it stops" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/oms /usr/local/bin/oms
ENV OMS_GRPC_ADDR=:50051 OMS_METRICS_ADDR=:9090 OMS_DATA_DIR=/data
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
EXPOSE 50051 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/usr/local/bin/oms", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/oms"]
