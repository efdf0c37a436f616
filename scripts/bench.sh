#!/usr/bin/env bash
# The benchmarks of docs/performance.md. Release build; leave the machine alone meanwhile.
source "$(dirname "$0")/need.sh"
need_cargo
cargo build --locked --release --bin austin
exec cargo run --locked --release --quiet -p austin-bench -- run --austin "${CARGO_TARGET_DIR:-target}/release/austin" "$@"
