# Sourced by the other scripts: finds missing tools and installs what Debian packages.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_PROGRESS_WHEN="${CARGO_TERM_PROGRESS_WHEN:-auto}"

say() { printf '%s\n' "austin: $*" >&2; }

# need_packages PACKAGE... installs them: as root, by passwordless sudo, or not at all.
need_packages() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            say "run this, then try again:"
            printf '    sudo apt-get install -y --no-install-recommends %s\n' "$*" >&2
            exit 1
        fi
        as_root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here; install the equivalents of: $*"
        exit 1
    fi
    say "installing $*"
    # Daemons among the packages are run by the tests themselves, on ports of their own; the
    # system's copy must not start.
    local policy=/usr/sbin/policy-rc.d made_policy=""
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        made_policy=yes
    fi
    local log result=0
    log=$(mktemp)
    { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" ||
        { "${as_root[@]}" apt-get update &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y --no-install-recommends "$@"; }; } >"$log" 2>&1 || result=$?
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"
    if [ "$result" -ne 0 ]; then
        tail -n 20 "$log" >&2
        say "could not install $*; the lines above say why"
        exit 1
    fi
    rm -f "$log"
}

# need COMMAND PACKAGE [COMMAND PACKAGE]... says in one line what is missing and installs it.
need() {
    local commands=() packages=()
    while [ $# -ge 2 ]; do
        if ! PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; then
            commands+=("$1")
            read -ra words <<<"$2"
            packages+=("${words[@]}")
        fi
        shift 2
    done
    [ ${#commands[@]} -eq 0 ] && return
    say "missing: ${commands[*]}"
    need_packages "${packages[@]}"
}

# need_cargo [COMPONENT]... checks the toolchain itself.
need_cargo() {
    if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH="$HOME/.cargo/bin:$PATH"
    fi
    if ! command -v cargo >/dev/null; then
        say "cargo is missing; install Rust 1.95 or later (https://www.rust-lang.org/tools/install)"
        exit 1
    fi
    local component
    for component in "$@"; do
        cargo "$component" --version >/dev/null 2>&1 && continue
        [ "$component" = fmt ] && component=rustfmt
        say "missing: $component"
        if ! rustup component add "$component" >&2; then
            say "run: rustup component add $component"
            exit 1
        fi
    done
    need cc "gcc libc6-dev"
}
