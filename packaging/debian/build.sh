#!/bin/sh
# Makes tare_VERSION_ARCH.deb from what `make` built. Needs dpkg-deb. The same input and SOURCE_DATE_EPOCH give the same bytes.
# Of another architecture than this machine's (scripts/release.mjs): ARCHITECTURE names it, and TARE is an executable that runs here.
set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C
output=${OUTPUT:-dist/packages}
tare=${TARE:-dist/tare}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
case ${ARCHITECTURE:-$(uname -m)} in
  x86_64 | amd64) architecture=amd64 ;;
  aarch64 | arm64) architecture=arm64 ;;
  *) echo "cannot build for ${ARCHITECTURE:-$(uname -m)}" >&2; exit 1 ;;
esac
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
# The publisher of the package sets its address.
maintainer=${DEB_MAINTAINER:-Tare maintainers <maintainers@tare.example.org>}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
chmod 755 "$stage"
doc=$stage/usr/share/doc/tare

install -D -m 755 dist/tare "$stage/usr/lib/tare/tare"
install -D -m 755 dist/bin/tare "$stage/usr/bin/tare"
"$tare" system install --root "$stage" --prefix /usr --executable /usr/lib/tare/tare
install -d "$doc"
install -m 644 packaging/debian/copyright "$doc/copyright"
{
  echo "tare ($version) unstable; urgency=medium"
  echo
  echo "  * See /usr/share/doc/tare/CHANGELOG.md.gz."
  echo
  echo " -- $maintainer  $(date -R -u -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.gz"
gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
install -D -m 644 packaging/debian/lintian-overrides "$stage/usr/share/lintian/overrides/tare"

install -d "$stage/DEBIAN"
# SPEC: Debian policy 5.6.20: each file in KiB, rounded up, and 1 for everything else.
size=$(find "$stage" -printf '%y %s\n' | awk '{ sum += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print sum }')
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/; s|@MAINTAINER@|$maintainer|" packaging/debian/control >"$stage/DEBIAN/control"
echo /etc/default/tare >"$stage/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "packaging/debian/$script" "$stage/DEBIAN/$script"; done
(cd "$stage" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
mkdir -p "$output"
# One thread: the bytes must not depend on the number of processors.
dpkg-deb --root-owner-group --threads-max=1 -Z"${DEB_COMPRESSION:-xz}" --build "$stage" "$output/tare_${version}_$architecture.deb" >/dev/null
echo "$output/tare_${version}_$architecture.deb"
