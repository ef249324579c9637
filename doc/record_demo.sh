#!/bin/sh
# Records doc/demo.heaptop.gz anew, the session that README and doc/tour.md show: three minutes of `heaptop demo`, with two marks set by hand. It
# is to be the same on every machine, so it takes root and a mount namespace: heaptop stands in /usr/local, its sources in /usr/src/heaptop.
#
#     doc/record_demo.sh
#
# Then run `make screenshots`, and read what has changed.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/build" "$work/root"
cd "$work/build"
"$source/configure" CFLAGS="-g -O2 -ffile-prefix-map=$source=/usr/src/heaptop -ffile-prefix-map=$work/build=/usr/src/heaptop" >/dev/null
make -s -j2 >/dev/null
make -s install DESTDIR="$work/root" >/dev/null

cat >"$work/steps" <<'END'
set -eu
work=$1
hostname shop
mount --bind "$work/root/usr/local" /usr/local
cd "$work"
screen() { tmux -L heaptop-demo "$@"; }
wait_s() { read -r now _ </proc/uptime; end=$((${now%.*} + $1)); while read -r now _ </proc/uptime && [ "${now%.*}" -lt $end ]; do sleep 1; done; }
screen new-session -d -x 120 -y 40 "HOME=/root TERM=screen /usr/local/bin/heaptop demo --mean 128K -o $work/demo.heaptop"
wait_s 50
screen send-keys m
wait_s 60
screen send-keys m
wait_s 70
screen send-keys q
while screen has-session 2>/dev/null; do sleep 1; done
END
unshare -m -u sh "$work/steps" "$work"
sqlite3 "$work/demo.heaptop" 'VACUUM'
gzip -9 -n <"$work/demo.heaptop" >"$source/doc/demo.heaptop.gz"
ls -l "$source/doc/demo.heaptop.gz"
