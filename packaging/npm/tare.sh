#!/bin/sh
# Starts the executable of this machine's architecture, which is a package of its own. A shell script, because a script for
# Node would take 20 to 60 ms before it does anything.
case $(uname -m) in
  x86_64) name=tare-linux-x64 ;;
  aarch64) name=tare-linux-arm64 ;;
  *) echo "tare: cannot run on $(uname -m): there are executables for x86_64 and aarch64" >&2; exit 126 ;;
esac
here=$(dirname "$(readlink -f "$0")")
# Inside this package, beside it, or beside the package that depends on it.
for place in "$here/../node_modules/$name" "$here/../../$name"; do
  [ -x "$place/bin/tare" ] && exec "$place/bin/tare" "$@"
done
echo "tare: cannot find the package $name: install without --omit=optional" >&2
exit 127
