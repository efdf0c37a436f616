#!/usr/bin/env bash
# What can be said without running the product.
source "$(dirname "$0")/need.sh"
need_cargo fmt clippy
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo test --locked --quiet -p austin-cli --test architecture
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
say "clean"
