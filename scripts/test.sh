#!/usr/bin/env bash
# Everything that must be green. The tests run last, so that the last line is their summary.
source "$(dirname "$0")/need.sh"
need_cargo fmt clippy
need curl curl exim4 exim4-daemon-light npm "nodejs npm"
scripts/python_tools.sh

say "format"
cargo fmt --all --check
say "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings
say "documentation tests"
cargo test --workspace --doc --locked --quiet
say "generated files"
scripts/generate.sh --check
say "tests"
if cargo nextest --version >/dev/null 2>&1; then
    exec cargo nextest run --workspace --locked "$@"
fi
exec cargo test --workspace --all-targets --locked --no-fail-fast "$@"
