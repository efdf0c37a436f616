#!/usr/bin/env bash
# Writes the generated files anew; with --check only says whether they are up to date.
source "$(dirname "$0")/need.sh"
need_cargo
cargo build --locked --quiet --bin austin
austin="${CARGO_TARGET_DIR:-target}/debug/austin"

stale=0
generate() {
    local file=$1 fresh
    shift
    fresh=$(mktemp)
    "$austin" "$@" >"$fresh"
    if [ "${check:-}" = yes ]; then
        if ! diff -u "$file" "$fresh" >&2; then
            say "$file is out of date; run: make openapi"
            stale=1
        fi
    else
        cat "$fresh" >"$file"
    fi
    rm -f "$fresh"
}

[ "${1:-}" = --check ] && check=yes
generate docs/openapi.json openapi
generate docs/configuration.md config reference
exit "$stale"
