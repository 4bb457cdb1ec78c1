"""Prints the entries of the tar on standard input as JSON: path -> [type, mode, uid, gid, digest or target]."""

import hashlib
import json
import sys
import tarfile

# What a start creates for its own mounts.
STARTED = set(
    "dev proc sys .dockerenv etc/hosts etc/hostname etc/resolv.conf etc/mtab dev/console dev/pts dev/shm dev/mqueue".split()
)

entries = {}
archive = tarfile.open(fileobj=sys.stdin.buffer, mode="r|")
for member in archive:
    path = member.name.removeprefix("./").rstrip("/")
    if path in STARTED or path in ("", "."):
        continue
    if member.islnk():
        entries[path] = entries[member.linkname.removeprefix("./")]
        continue
    content = ""
    if member.isfile() and member.size > 0:
        content = hashlib.sha256(archive.extractfile(member).read()).hexdigest()[:16]
    if member.issym():
        content = member.linkname
    entries[path] = [member.type.decode(), oct(member.mode), member.uid, member.gid, content]
json.dump(entries, sys.stdout, sort_keys=True)
