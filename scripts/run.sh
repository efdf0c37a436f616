#!/usr/bin/env bash
# Builds austin and starts the demo: server, vendor simulator, a first SMS and a first e-mail.
source "$(dirname "$0")/need.sh"
need_cargo
cargo build --locked --bin austin
exec "${CARGO_TARGET_DIR:-target}/debug/austin" demo "$@"
