# syntax=docker/dockerfile:1
#
# Fluent Bit's own image with the filter, its configurations and sample logs. It is
# built by BuildKit: Docker 23 or later, or DOCKER_BUILDKIT=1.
#
#   docker build -t fluent-bit-nsgflow .
#   docker run --rm fluent-bit-nsgflow
#
# Only the object, and a program that copies it, for an agent that is there already:
#
#   docker build --target plugin -t fluent-bit-nsgflow-plugin .

ARG GO_VERSION=1.26
ARG FLUENT_BIT_VERSION=5.1.1
# --build-arg …_IMAGE=… takes a base image from elsewhere, a mirror, say, or by its
# digest: NAME:TAG@sha256:….
ARG GO_IMAGE=golang:${GO_VERSION}
ARG BUILD_IMAGE=buildpack-deps:bookworm
ARG FLUENT_BIT_IMAGE=fluent/fluent-bit:${FLUENT_BIT_VERSION}
# What the labels say, and the version also what the object and the program say of
# themselves: no tags are in the context.
ARG VERSION=0.2.0
ARG REVISION
ARG SOURCE

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS go

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
# Compiler and make are in the image; only the other architecture's compiler
# comes from Debian's archive.
ARG TARGETARCH
RUN [ "$TARGETARCH" = "$(dpkg --print-architecture)" ] || { apt-get update && \
    apt-get install -y --no-install-recommends "crossbuild-essential-$TARGETARCH"; }
COPY --from=go /usr/local/go /usr/local/go
ENV PATH=/usr/local/go/bin:$PATH
WORKDIR /src
# --build-arg GOPROXY=… where Go's public proxy cannot be reached.
ARG GOPROXY
# The modules are a layer of their own, which a change of the sources leaves.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION
# Fluent Bit's images up to 2.2 are Debian 11: PORTABLE=1 has the object ask for less
# than any of them has.
RUN --mount=type=cache,target=/root/.cache/go-build \
    GOARCH=$TARGETARCH CC="$(dpkg-architecture -A "$TARGETARCH" -qDEB_TARGET_GNU_TYPE)-gcc" make build PORTABLE=1 && \
    mkdir /plugins && cp -a build/portable/*/*.so /plugins && cp build/portable/*/nsgflow /nsgflow
RUN plugin/package/glibc-needed /plugins/flb-filter_nsgflow.so
RUN install -d /licenses && plugin/package/copyright /plugins/flb-filter_nsgflow.so /nsgflow > /licenses/fluent-bit-nsgflow
# A volume takes over the rights of the folder it is mounted on: any user may write.
RUN install -d -m 1777 /writable/storage /writable/flows

FROM build AS copier
ARG TARGETARCH
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOARCH=$TARGETARCH go build -trimpath -ldflags '-s -w' -o /copy ./plugin/copier

# The objects are in the root, so that a Kubernetes image volume shows them where
# it is mounted. As an init container it copies them to /plugins, or to the folder
# that its argument names.
FROM scratch AS plugin
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="fluent-bit-nsgflow-plugin" \
      org.opencontainers.image.description="Azure network flow logs in Fluent Bit: the object" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /plugins/ /
COPY --from=copier /copy /copy
COPY --from=build /nsgflow /nsgflow
COPY --from=build /licenses/ /licenses/
ENTRYPOINT ["/copy"]

FROM ${FLUENT_BIT_IMAGE} AS fluent-bit
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="fluent-bit-nsgflow" \
      org.opencontainers.image.description="Fluent Bit with Azure network flow logs" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="Apache-2.0"
# The folder, not its files: a link in it stays a link.
COPY --from=build /plugins/ /fluent-bit/plugins/
COPY --from=build /nsgflow /fluent-bit/bin/nsgflow
COPY --from=build /licenses/ /licenses/
COPY --from=build /writable/ /fluent-bit/
COPY conf/ /fluent-bit/etc/
COPY conf/samples/ /fluent-bit/flow-logs/
