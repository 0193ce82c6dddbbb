#!/bin/bash
# The store on a full disk and on a read-only one: file systems of its own in a name space of its own (needs the right to
# make user name spaces). Prints the test's result; fails as the test does.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(cargo test -p rootline-store --test faults --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*faults-[^"]*\)".*/\1/p' | tail -1)
unshare --user --map-root-user --mount bash -euc '
  disks=$(mktemp -d)
  mkdir "$disks/small" "$disks/ro"
  mount -t tmpfs -o size=8m none "$disks/small"
  mount -t tmpfs -o ro,size=1m none "$disks/ro"
  ROOTLINE_SMALL_DISK=$disks/small ROOTLINE_READ_ONLY_DISK=$disks/ro "$1" --ignored --exact a_full_disk_is_told_and_room_is_used_again
  umount "$disks/small" "$disks/ro"
  rmdir "$disks/small" "$disks/ro" "$disks"
' - "$binary"
