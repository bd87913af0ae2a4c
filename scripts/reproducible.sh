#!/usr/bin/env bash
# Shows that the same sources give the same component: builds it from nothing in two folders with two cargo homes, and compares
# the bytes. With a component's FILE, one such build is compared with that. Prints the SHA-256 of each.
#
# Needs what a build needs: Rust, and crates.io. The compiler has to be the same: its version is in the component.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# It starts cargo for the guest and wraps what that made; the builds do not see the target folder that it lies in.
cargo build --quiet --locked --package guest-build
tool=${CARGO_TARGET_DIR:-target}/debug/guest-build
home=${CARGO_HOME:-$HOME/.cargo}

build() { # FOLDER CARGO_HOME FILE
  mkdir -p "$1" "$2"
  # What a commit of this folder would hold, as it is now.
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do if [ -f "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --create --null --files-from=- | tar --extract --directory "$1"
  # Where crates.io is reached another way, the settings say how.
  if [ -f "$home/config.toml" ]; then cp "$home/config.toml" "$2/"; fi
  CARGO_HOME=$2 "$tool" component "$1" "$3"
}

build "$work/a/folder and a deeper one" "$work/another home" "$work/one.wasm"
if [ $# -gt 0 ]; then
  cp "$1" "$work/two.wasm"
else
  build "$work/b" "$work/home" "$work/two.wasm"
fi

rustc --version
(cd "$work" && sha256sum one.wasm two.wasm)
if ! cmp --silent "$work/one.wasm" "$work/two.wasm"; then
  echo "The bytes differ: the build is not reproducible." >&2
  exit 1
fi
echo "The same bytes: the build is reproducible."
