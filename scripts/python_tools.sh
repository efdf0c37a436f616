#!/usr/bin/env bash
# Installs the vendors' SDKs (python_tools.txt) into a virtual environment under the target
# directory, where the tests look for them. Made anew when the list changes. Without them the tests
# pass them over, unless REQUIRE_SERVICES=1.
source "$(dirname "$0")/need.sh"
need_cargo
need python3 "python3 python3-venv"

target=$(cargo metadata --format-version 1 --no-deps --locked --offline |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
tools="$target/python-tools"
list=scripts/python_tools.txt
if cmp -s "$list" "$tools/installed.txt" && "$tools/bin/python3" -c '' 2>/dev/null; then
    exit 0
fi
python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv

say "installing the vendors' SDKs (once, about 25 seconds)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { rm -rf "$tools" && python3 -m venv "$tools" &&
    "$tools/bin/python3" -m pip install --disable-pip-version-check --no-input --no-deps \
        --no-compile -r "$list"; } >"$log" 2>&1; then
    rm -rf "$tools"
    tail -n 20 "$log" >&2
    say "could not install the vendors' SDKs; the lines above say why"
    [ "${REQUIRE_SERVICES:-}" = 1 ] && exit 1
    exit 0
fi
cp "$list" "$tools/installed.txt"
