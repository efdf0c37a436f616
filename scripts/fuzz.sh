#!/usr/bin/env bash
# Runs each fuzz target for SECONDS_EACH seconds on top of its committed seeds.
source "$(dirname "$0")/need.sh"
need_cargo
if ! cargo +nightly --version >/dev/null 2>&1 || ! cargo fuzz --version >/dev/null 2>&1; then
    say "fuzzing needs a nightly toolchain and cargo-fuzz:"
    printf '    rustup toolchain install nightly && cargo install cargo-fuzz --locked\n' >&2
    exit 1
fi
for file in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$file" .rs)
    say "fuzzing $target for ${SECONDS_EACH:-30} s"
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="${SECONDS_EACH:-30}" -max_len=65536
done
