FROM rust:1.95-slim-trixie AS build
WORKDIR /src
# The slim image has the C compiler that SQLite and the crypto library are built with.
COPY Cargo.toml Cargo.lock LICENSE ./
COPY migrations migrations
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin portcullis \
    && install -D target/release/portcullis /out/usr/local/bin/portcullis

# The same Debian as the build stage, so that the binary finds the C library it was linked with.
FROM debian:trixie-slim
# The TLS client trusts the certificates of the system; a slim image has none.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65534 -g 65534 -m 0700 /var/lib/portcullis
COPY --from=build /out/ /
# `nobody`, by number, so that a cluster can see that it is not root.
USER 65534:65534
VOLUME /var/lib/portcullis
EXPOSE 8443
ENTRYPOINT ["portcullis"]
CMD ["serve", "--config", "/etc/portcullis/portcullis.toml"]
