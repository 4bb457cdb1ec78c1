#!/bin/sh
# Makes dist/packages/tare_VERSION_ARCH.deb from what `make` built. Needs dpkg-deb.
set -eu
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "cannot build for $(uname -m)" >&2; exit 1 ;;
esac
# The publisher of the package sets its address.
maintainer=${DEB_MAINTAINER:-Tare maintainers <maintainers@tare.example.org>}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
chmod 755 "$stage"
doc=$stage/usr/share/doc/tare

install -D -m 755 dist/tare "$stage/usr/lib/tare/tare"
install -D -m 755 dist/bin/tare "$stage/usr/bin/tare"
dist/tare system install --root "$stage" --prefix /usr --executable /usr/lib/tare/tare
install -d "$doc"
install -m 644 packaging/debian/copyright "$doc/copyright"
{
  echo "tare ($version) unstable; urgency=medium"
  echo
  echo "  * See /usr/share/doc/tare/CHANGELOG.md.gz."
  echo
  echo " -- $maintainer  $(date -R -d @"${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")"
} | gzip -9n >"$doc/changelog.gz"
gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
install -D -m 644 packaging/debian/lintian-overrides "$stage/usr/share/lintian/overrides/tare"

install -d "$stage/DEBIAN"
size=$(du -k -s "$stage" | cut -f1)
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/; s|@MAINTAINER@|$maintainer|" packaging/debian/control >"$stage/DEBIAN/control"
echo /etc/default/tare >"$stage/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "packaging/debian/$script" "$stage/DEBIAN/$script"; done
(cd "$stage" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
mkdir -p dist/packages
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$stage" "dist/packages/tare_${version}_$architecture.deb" >/dev/null
echo "dist/packages/tare_${version}_$architecture.deb"
