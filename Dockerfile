# Fluent Bit's own image with the filter, its configurations and sample logs.
#
#   docker build -t fluent-bit-nsgflow .
#   docker run --rm fluent-bit-nsgflow

ARG GO_VERSION=1.26
ARG FLUENT_BIT_VERSION=5.1.1

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS go

# The glibc linked against bounds the hosts: Debian 11 is what Fluent Bit's
# images up to 2.2 are. No golang image has it any more; Go runs on any.
FROM --platform=$BUILDPLATFORM buildpack-deps:bullseye AS build
# Compiler and make are in the image; only the other architecture's compiler
# comes from Debian's archive.
ARG TARGETARCH
RUN [ "$TARGETARCH" = "$(dpkg --print-architecture)" ] || { apt-get update && \
    apt-get install -y --no-install-recommends "crossbuild-essential-$TARGETARCH"; }
COPY --from=go /usr/local/go /usr/local/go
ENV PATH=/usr/local/go/bin:$PATH
WORKDIR /src
COPY . .
# --build-arg GOPROXY=… where Go's public proxy cannot be reached.
ARG GOPROXY
# --build-arg VERSION=…; without it the Makefile's, as no tags are in the context.
ARG VERSION
RUN --mount=type=cache,target=/root/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    GOARCH=$TARGETARCH CC="$(dpkg-architecture -A "$TARGETARCH" -qDEB_TARGET_GNU_TYPE)-gcc" make build && \
    mkdir /plugins && cp -a build/*.so /plugins
# Debian 11 itself has 2.31, Red Hat 8 has 2.28: that is the bound.
RUN needed=$(readelf -VW /plugins/flb-filter_nsgflow.so | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1) && \
    echo "needs ${needed:?no glibc version found}" && \
    printf '%s\n' "$needed" GLIBC_2.28 | sort -VC

FROM fluent/fluent-bit:${FLUENT_BIT_VERSION}
# The folder, not its files: a link in it stays a link.
COPY --from=build /plugins/ /fluent-bit/plugins/
COPY conf/ /fluent-bit/etc/
COPY conf/samples/ /fluent-bit/flow-logs/
