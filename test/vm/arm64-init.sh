#!/bin/busybox sh
# The first process of the virtual machine of scripts/vm-arm64.mjs. KERNEL: pivot_root(2) refuses the first file system, so
# all moves to a tmpfs, on which overlays work, too.
export PATH=/bin:/usr/bin
/bin/busybox mkdir -p /new
/bin/busybox mount -t tmpfs -o size=90%,mode=755,nr_inodes=0 tmpfs /new
/bin/busybox --install -s /usr/bin
for name in bin lib sbin usr etc guest.sh suites project; do [ ! -e "/$name" ] || cp -a "/$name" /new/; done
for name in dev proc sys run tmp var/lib var/tmp root; do mkdir -p "/new/$name"; done
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs dev /new/dev
exec switch_root /new /usr/bin/busybox sh /guest.sh
