#!/bin/sh
# The screens in README and doc/tour.md are what heaptop draws now. When one was changed on purpose: make screenshots (or UPDATE_SCREENS=1 with this
# test), and read the difference.
. "$HEAPTOP_SRC/tests/lib.sh"

is_new() {
        diff -u "$HEAPTOP_SRC/$1" "$work/$1" >"$work/diff" || { head -n 60 "$work/diff" | sed 's/^/# /'; return 1; }
}

# each screen that there is, by a word that only it has
shows_all() {
        for word in 'pick a process' '\[1 Overview\]' '\[2 Sites\]' '\[3 Stack\]' '\[4 Marks\]' '\[6 Flame\]' '\[7 Replay\]' '\[8 Alerts\]' \
                'Help: ' 'cannot attach' 'ENDED'; do
                grep -q -e "$word" "$work/doc/tour.md" || { echo "# no $word"; return 1; }
        done
}

[ -z "${UPDATE_SCREENS:-}" ] || "$HEAPTOP_SRC/doc/screenshots.sh" "$heaptop"
echo 1..5
n=0
check "all screens can be drawn" sh -c '"$1" "$2" "$3" 2>"$3/err" || { sed "s/^/# /" "$3/err"; exit 1; }' sh \
        "$HEAPTOP_SRC/doc/screenshots.sh" "$heaptop" "$work"
check "README has the screens of today" is_new README
check "doc/tour.md has the screens of today" is_new doc/tour.md
check "the tour shows every screen" shows_all
check "README begins with a picture" sh -c 'head -n 24 "$1/README" | grep -q "\[1 Overview\]"' sh "$HEAPTOP_SRC"
exit $failed
