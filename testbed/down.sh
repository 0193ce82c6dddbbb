#!/usr/bin/env bash
# Ends the test cluster and leaves no process, mount, cgroup, address or data behind. Binaries and downloads stay.
. "$(dirname "$0")/lib.sh"

"$HERE/partners.sh" stop        # those that ran on the machine itself; the others would end with the namespaces anyway
# Pid 1 of the cluster's pid namespace takes every process in it along, and the mount namespace every mount.
holder=$(pid_of holder || true)
if [ -n "$holder" ] && [ "$(awk '/^NSpid/ {print NF, $NF}' "/proc/$holder/status" 2>/dev/null)" = "3 1" ]; then
  kill -9 "$holder"
  until_ok 10 "end of the namespaces" test ! -d "/proc/$holder"
fi
forwarder=$(pid_of nsfwd || true)
if [ -n "$forwarder" ] && grep -q nsfwd "/proc/$forwarder/cmdline" 2>/dev/null; then kill "$forwarder"; fi

for _ in 1 2 3; do
  find /sys/fs/cgroup -mindepth 2 -depth -type d \( -path '/sys/fs/cgroup/*/kubepods*' -o -path '/sys/fs/cgroup/*/k8s.io*' \) -exec rmdir {} + 2>/dev/null || true
done
rm -rf "$RUN" "$TB/data"
# Names of pods' network namespaces, which ended with the mount namespace: empty files. A live one is a mount (nsfs).
for name in /run/netns/cni-*; do
  if [ -f "$name" ] && [ "$(stat -f -c %T "$name")" != nsfs ]; then rm -f "$name"; fi
done
rmdir /run/netns /var/lib/kubelet /run/containerd 2>/dev/null || true
