#!/bin/sh
# The user's files: what the config file says holds, the command line wins, mistakes are told and the rest counts, W writes what is set
# and nothing else; expected sites are left out everywhere, and counted.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

start_service || exit 99
session=$work/s.heaptop
"$heaptop" record -p $service --mean 16K -o "$session" 2>"$work/record.err" &
guardian=$!
started="$started $guardian"
has_ticks() { [ "$(query "$session" 'SELECT coalesce(max(id), 0) FROM tick' 2>/dev/null || echo 0)" -ge "$1" ]; }
wait_for has_ticks 3
kill -INT $guardian
wait $guardian
mkdir -p "$XDG_CONFIG_HOME/heaptop"
config=$XDG_CONFIG_HOME/heaptop/config

screen() { "$heaptop" replay "$session" --screen 100x30 --keys "$1" >"$work/screen" 2>"$work/err"; }
has() { grep -q -e "$1" "$work/screen" || { note <"$work/screen"; return 1; }; }
has_not() { ! grep -q -e "$1" "$work/screen" || { note <"$work/screen"; return 1; }; }
told() { grep -q -e "$1" "$work/err" || { note <"$work/err"; return 1; }; }

plan 16

printf '# mine\n[screen]\ncolumns = site, born\nascii = yes   ; always\n\n[keys]\nsites = V\n' >"$config"
cp "$config" "$work/before"
columns() { screen V && has 'SITE.* BORN' && has_not 'RATE' && LC_ALL=C grep -q '[^ -~]' "$work/screen" && return 1 || return 0; }
check "columns, ASCII and keys are as the file says" columns
check "looking writes nothing" cmp -s "$config" "$work/before"

written() { screen 'V s j Enter W' && grep -q '^sort = ' "$config" && has 'written: '; }
check "W writes what a key has changed and says where" written
only_that() { [ "$(diff "$work/before" "$config" | grep -c '^[<>]')" = 1 ]; }
check "and only that" only_that
check "the file is the user's alone" test "$(stat -c %a "$config")" = 600

printf '[screen]\nsort = size\nlimit = 1 %%\n[nonsense]\nx = y\n' >"$config"
mistake() { screen 2 && told 'config:2: "size" is nothing that sort can be; it is one of: rate live' && has 'above 1 % (L)'; }
check "a mistake is told with its line and what is allowed, and the rest counts" mistake
once() { [ "$(wc -l <"$work/err")" = 1 ]; }
check "in one line" once
in_list() { "$heaptop" list >"$work/out" 2>"$work/err" && told 'config:2:'; }
check "also where there is no screen" in_list

printf '[screen]\ncolor = never\n[record]\nmean = 1M\n' >"$config"
mean_of() { "$heaptop" record -p $service "$@" -d 2s -o "$work/m.heaptop" 2>"$work/err"; query "$work/m.heaptop" 'SELECT min(mean) FROM tick'; rm -f "$work/m.heaptop"; }
check "recordings are made as the file says" test "$(mean_of)" = 1048576
check "the command line wins" test "$(mean_of --mean 64K)" = 65536
rm -f "$config"

screen 2
leak=session_store_put
printf '# as it should be\nleak:^%s$\n' $leak >"$work/some.supp"
hidden() { "$heaptop" report "$session" --expected "$work/some.supp" >"$work/screen" 2>"$work/err" && has_not "$leak" && has 'expected   1 sites'; }
check "report leaves an expected site out and counts it" hidden
exported() { "$heaptop" export "$session" --to folded -o - --expected "$work/some.supp" >"$work/screen" 2>"$work/err" && has_not "$leak" && has 'main'; }
check "so does export" exported
compared() { "$heaptop" diff "$session@start" "$session@end" --min 1 --expected "$work/some.supp" >"$work/screen" 2>"$work/err"; has_not "$leak" && told 'expected sites are left out'; }
check "and diff" compared
marked() { screen '2 j X W' && grep -q '^leak:\^.*\$$' "$XDG_CONFIG_HOME/heaptop/expected.supp" && has 'hidden: 1 expected'; }
check "X marks a site and W keeps it" marked
again() { screen 2 && has 'hidden: 1 expected'; }
check "the next time it is hidden" again
printf 'leak:fine\nthread:x\n' >"$work/bad.supp"
bad() { ! "$heaptop" report "$session" --expected "$work/bad.supp" >"$work/screen" 2>"$work/err" && told 'bad.supp:2: a suppression is leak:PATTERN'; }
check "a file that is wrong is refused with its line" bad
the_end
