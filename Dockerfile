# Fluent Bit's own image with the filter, its configurations and sample logs.
#
#   docker build -t fluent-bit-nsgflow .
#   docker run --rm fluent-bit-nsgflow
#
# Only the object, and a program that copies it, for an agent that is there already:
#
#   docker build --target plugin -t fluent-bit-nsgflow-plugin .

ARG GO_VERSION=1.26
ARG FLUENT_BIT_VERSION=5.1.1
# --build-arg …_IMAGE=… takes a base image from elsewhere, a mirror, say.
ARG GO_IMAGE=golang:${GO_VERSION}
ARG BUILD_IMAGE=buildpack-deps:bullseye
ARG FLUENT_BIT_IMAGE=fluent/fluent-bit:${FLUENT_BIT_VERSION}

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS go

# The glibc linked against bounds the hosts: Debian 11 is what Fluent Bit's
# images up to 2.2 are. No golang image has it any more; Go runs on any.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
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
    mkdir /plugins && cp -a build/*.so /plugins && cp build/nsgflow /nsgflow
# Debian 11 itself has 2.31, Red Hat 8 has 2.28: that is the bound.
RUN plugin/package/glibc-needed /plugins/flb-filter_nsgflow.so

FROM build AS copier
ARG TARGETARCH
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOARCH=$TARGETARCH go build -trimpath -ldflags '-s -w' -o /copy ./plugin/copier

# The objects are in the root, so that a Kubernetes image volume shows them where
# it is mounted. As an init container it copies them to /plugins, or to the folder
# that its argument names.
FROM scratch AS plugin
COPY --from=build /plugins/ /
COPY --from=copier /copy /copy
COPY --from=build /nsgflow /nsgflow
ENTRYPOINT ["/copy"]

FROM ${FLUENT_BIT_IMAGE}
# The folder, not its files: a link in it stays a link.
COPY --from=build /plugins/ /fluent-bit/plugins/
COPY --from=build /nsgflow /fluent-bit/bin/nsgflow
COPY conf/ /fluent-bit/etc/
COPY conf/samples/ /fluent-bit/flow-logs/
