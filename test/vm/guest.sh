#!/bin/sh
# Runs in the virtual machine, as root: the suites of the list $2/suites, one after the other; each leaves N.log and
# N.status in $2. A second machine may take suites of the same list: who makes the directory N.taken has it.
# $1 is an archive of the project, $3 the machine's number. All that is written lies on tmpfs: the machine's own root is an
# overlay, which cannot be an overlay's upper.
set -u
archive=$1 out=$2 number=$3
# Those of networks now: loaded by the first container, they would take longer than a start may.
for module in loop overlay veth bridge dm_thin_pool nf_tables nft_chain_nat nft_ct nft_nat nft_masq nft_fib_inet \
  nft_reject_inet nf_conntrack_netlink; do modprobe "$module" 2>/dev/null; done
mount -t tmpfs -o size=80%,nr_inodes=0 tmpfs /mnt || exit 1
mkdir /mnt/tare /mnt/out && tar -xf "$archive" -C /mnt/tare || exit 1
mount --bind "$out" /mnt/out && mount --move /mnt /tmp || exit 1
out=/tmp/out
mv /tmp/tare/tare-test-cache /tmp/
cd /tmp/tare || exit 1
for place in /run /var/tmp /var/lib; do mount -t tmpfs tmpfs "$place" || exit 1; done
echo "$(uname -r), $(cat /sys/fs/cgroup/cgroup.controllers), LSM $(cat /sys/kernel/security/lsm 2>/dev/null)" > "$out/machine"
export TMPDIR=/tmp HOME=/root NO_COLOR=1 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
. "$out/environment"
n=0
while IFS='	' read -r suite pattern; do
  n=$((n + 1))
  mkdir "$out/$n.taken" 2>/dev/null || continue
  began=$(date +%s)
  if [ -n "$pattern" ]; then set -- --test-name-pattern "$pattern"; else set --; fi
  timeout -s KILL "$SUITE_SECONDS" node_modules/.bin/bun test --isolate --timeout "$TEST_MS" "$@" "./$suite" > "/tmp/$n.log" 2>&1
  status=$?
  cp "/tmp/$n.log" "$out/$n.log"
  # Each engine leaves its default bridge, as it should: the address pools would be used up after thirty of them.
  for bridge in /sys/class/net/tr-*; do [ ! -e "$bridge" ] || ip link delete "${bridge##*/}"; done
  echo "$status $(($(date +%s) - began))" > "$out/$n.part" && mv "$out/$n.part" "$out/$n.status"
done < "$out/suites"
sync
touch "$out/done.$number"
