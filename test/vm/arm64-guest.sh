# Runs in the virtual machine of scripts/vm-arm64.mjs: each case prints a line `ok    NAME` or `FAILED NAME`, with the output
# of a case that failed.
export PATH=/usr/bin:/usr/sbin HOME=/root NO_COLOR=1 TMPDIR=/tmp
mkdir -p /dev/pts /dev/shm /usr/sbin
ln -sf /usr/bin/modprobe /usr/sbin/modprobe
chmod 1777 /tmp
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
hostname guest
# Loaded by the first container, they would take longer than a start may.
for module in overlay veth bridge loop nf_tables nft_chain_nat nft_ct nft_nat nft_masq nft_fib_inet nft_reject_inet nf_conntrack_netlink; do
  modprobe "$module"
done
echo "$(uname -srm); cgroup v2: $(cat /sys/fs/cgroup/cgroup.controllers)"

# check NAME PATTERN COMMAND…: the command succeeds, and a line of its output matches.
check() {
  name=$1 pattern=$2
  shift 2
  began=$(date +%s)
  "$@" >/tmp/output 2>&1
  status=$?
  if [ "$status" -eq 0 ] && grep -qE -- "$pattern" /tmp/output; then
    echo "ok    $name ($(($(date +%s) - began)) s)"
  else
    echo "FAILED $name (status $status)"
    tail -n 40 /tmp/output
  fi
}
fetch() {
  for try in 1 2 3 4 5 6 7 8 9 10; do
    wget -qO- "$1" && return
    sleep 1
  done
  return 1
}

check "the main binary says its version" "version" tare --version
check "the launcher, the keeper and the hello image" "started in " tare run --rm hello
check "a filter and namespaces of its own" "filter mode, 1 filter" tare run --rm hello
check "info names the architecture" "Architecture: aarch64" tare info
cat >/no-mkdir.json <<'END'
{
  "defaultAction": "SCMP_ACT_ALLOW",
  "archMap": [{ "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"] }],
  "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }]
}
END
mkdir -p /image/bin
cp /usr/bin/busybox /image/bin/
for name in sh cat echo httpd id ip ls mkdir mount sleep touch true uname unshare wget; do ln -s busybox "/image/bin/$name"; done
tar -cf /image.tar -C /image .
check "an image of BusyBox is imported" "" tare import /image.tar busybox
check "its platform is linux/arm64" "^linux/arm64" tare image inspect -f '{{.Os}}/{{.Architecture}}' busybox
check "a program of the image" "^aarch64$" tare run --rm busybox uname -m
check "the exit status is passed on" "^3$" sh -c 'tare run --rm busybox sh -c "exit 3"; echo $?'
check "the default filter refuses a namespace" "not permitted" sh -c '! tare run --rm busybox unshare -m true'
check "a 32-bit ARM program under the filter" "^[0-9a-f]{8}-[0-9a-f]{8} .*/busybox-armhf" \
  tare run --rm -v /usr/bin/busybox-armhf:/busybox-armhf busybox /busybox-armhf cat /proc/self/maps
check "the default filter refuses it a namespace" "not permitted" \
  sh -c '! tare run --rm -v /usr/bin/busybox-armhf:/busybox-armhf busybox /busybox-armhf unshare -m /busybox-armhf true'
check "a filter of its own refuses it a call" "not permitted" \
  sh -c '! tare run --rm --security-opt seccomp=/no-mkdir.json -v /usr/bin/busybox-armhf:/busybox-armhf busybox /busybox-armhf mkdir /x'
check "a filter of its own refuses arm64 the call" "not permitted" \
  sh -c '! tare run --rm --security-opt seccomp=/no-mkdir.json busybox mkdir /x'
check "a read-only root" "Read-only" sh -c '! tare run --rm --read-only busybox touch /x'
check "a user namespace" " 0 +[1-9][0-9]+ " tare run --rm --userns auto busybox cat /proc/self/uid_map
check "a container with a published port, a limit and an init" "^[0-9a-f]{64}$" \
  tare run -d --init --name web -p 8080:80 -m 64m --cpus 0.5 --pids-limit 50 busybox \
  sh -c 'mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www'
check "its published port" "^page$" fetch http://127.0.0.1:8080/index.html
check "exec, in its cgroup: memory" "^67108864$" tare exec web cat /sys/fs/cgroup/memory.max
check "exec, in its cgroup: processor" "^50000 100000$" tare exec web cat /sys/fs/cgroup/cpu.max
check "exec, in its cgroup: processes" "^50$" tare exec web cat /sys/fs/cgroup/pids.max
check "exec has the filter and the capabilities" "^CapEff:.00000000a80425fb" tare exec web cat /proc/self/status
check "exec with a terminal" "^/dev/pts/0" tare exec -t web sh -c 'ls -l /proc/self/fd/1 >/dev/null && ls /dev/pts/0'
check "top shows its processes" "httpd -f" tare top web
check "a network of its own" "^ *inet 172\.[0-9.]+/" tare exec web ip addr
check "more memory than the limit ends it" "^137$" \
  sh -c 'tare run --rm -m 16m busybox sh -c "x=a; while true; do x=\$x\$x; done"; echo $?'
check "the keeper outlives the daemon" "^page$" \
  sh -c 'kill -9 $(cat /run/tare/lock); sleep 1; tare ps >/dev/null; wget -qO- http://127.0.0.1:8080/index.html'
check "the keeper is a process for each container" "tare-keeper" sh -c 'cat /proc/[0-9]*/comm'
check "logs" "^one$" sh -c 'tare run --name logged busybox echo one >/dev/null && tare logs logged'
check "stop and remove" "^web$" sh -c 'tare stop -t 2 web && tare rm web logged'
check "commit keeps changes" "^kept$" \
  sh -c 'tare run --name changed busybox sh -c "echo kept > /file" && tare commit changed changed:1 && tare run --rm changed:1 cat /file'
check "everything is in order afterwards" "Everything is in order" tare system check
tare rm -f changed >/dev/null 2>&1
tare daemon stop

if [ -s /suites ]; then
  cd /project || exit 1
  # What tests build first was built by the release.
  printf '#!/bin/sh\n' >/usr/bin/make
  chmod 755 /usr/bin/make
  export TARE_TEST_SLOWNESS=20
  while IFS='	' read -r suite pattern; do
    began=$(date +%s)
    if [ -n "$pattern" ]; then set -- --test-name-pattern "$pattern"; else set --; fi
    bun test --isolate --timeout 240000 "$@" "./$suite" >/tmp/output 2>&1
    status=$?
    counts=$(grep -E '^ *[0-9]+ (pass|fail|skip)$' /tmp/output | tr -s '\n ' ' ')
    if [ "$status" -eq 0 ]; then
      echo "ok    $suite:$counts($(($(date +%s) - began)) s)"
    else
      echo "FAILED $suite:$counts($(($(date +%s) - began)) s)"
      grep -E -A8 '^error|^\(fail\)' /tmp/output | tail -n 120
    fi
  done </suites
fi
echo "end of the guest"
poweroff -f
