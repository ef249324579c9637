#!/bin/sh
# What report, diff and export write: totals are the same everywhere, JSON is as its schema says, and the programs that it is for read it.
#
# Checked by readers of our own, and by go tool pprof, flamegraph.pl and Prometheus's parser where they are installed. With NODE_PATH set
# to a folder that has pprof-format, speedscope and stackvis, these read it, too:
#
#     npm install pprof-format speedscope stackvis; NODE_PATH=$PWD/node_modules sh tests/live/export.sh
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3
python=/usr/bin/python3
[ -x $python ] || skip_all "no $python here"
flamegraph=/usr/share/perl5/Devel/NYTProf/flamegraph.pl
unset PAGER LESS

start_service || exit 99
session=$work/s.heaptop
"$heaptop" record -p $service --mean 16K -o "$session" 2>"$work/record.err" &
guardian=$!
started="$started $guardian"
has_ticks() { [ "$(query "$session" 'SELECT coalesce(max(id), 0) FROM tick' 2>/dev/null || echo 0)" -ge "$1" ]; }
wait_for has_ticks 3

looked_at() { $python "$HEAPTOP_SRC/tests/live/export_check.py" "$@" 2>&1 | note; }
valid() { # SCHEMA FILE
        $python "$HEAPTOP_SRC/tests/live/export_check.py" schema "$HEAPTOP_SRC/doc/schema/$1.json" "$2" >"$work/checked" 2>&1 ||
                { note <"$work/checked"; return 1; }
}
has_jsonschema() { $python -c 'import jsonschema' 2>/dev/null; }
# prints STATUS COMMAND...: exit status; output to $work/out
prints() {
        wanted=$1
        shift
        status_of "$@"
        [ "$status" = "$wanted" ] || { echo "# $*: $status"; note <"$work/err"; return 1; }
}
# refuses STATUS WORDS COMMAND...: one sentence on stderr, nothing on stdout
refuses() {
        wanted=$1 words=$2
        shift 2
        status_of "$@"
        [ "$status" = "$wanted" ] && is_one_sentence && grep -q -e "$words" "$work/err" ||
                { echo "# $*: $status"; note <"$work/err"; head -n 3 "$work/out" | note; return 1; }
}
# optional PROGRAM NAME COMMAND...: a point that needs PROGRAM
optional() {
        if [ "$1" = - ]; then
                n_tests=$((n_tests + 1))
                echo "ok $n_tests - $2 # SKIP it is not installed here"
                return
        fi
        shift
        check "$@"
}

points=57
[ "$(id -u)" != 0 ] || points=$((points + 1))
[ -z "${NODE_PATH:-}" ] || points=$((points + 3))
plan $points

# ---- while it is recorded ----

report_live() { prints 0 "$heaptop" report -p $service --json && cp "$work/out" "$work/live.json"; }
check "report -p tells of a session that is recorded" report_live
export_live() { prints 0 "$heaptop" export -p $service --to folded && grep -q 'session_store_put [0-9]' "$work/out"; }
check "so does export -p" export_live
check "diff compares two moments of it" prints 1 "$heaptop" diff "$session@1" "$session" --min 4K
"$heaptop" list --json >"$work/list.json"
wait_for has_ticks 8
kill -INT $guardian
wait $guardian
"$heaptop" replay "$session" --screen 80x24 --keys ': =start Enter . . m' >"$work/screen" 2>"$work/err"
mark=$(query "$session" 'SELECT name FROM mark LIMIT 1')
check "a mark is there" test -n "$mark"

# ---- all formats, and their sums ----

exported() {
        "$heaptop" report "$session" --range "$mark..7" --top 1000 --json >"$work/report.json" || return 1
        for format in pprof folded speedscope json csv openmetrics; do
                "$heaptop" export "$session" --range "$mark..7" --to $format >"$work/$format" || return 1
        done
        "$heaptop" export "$session" --range "$mark..7" --to pprof --metric kept -o "$work/pprof.kept" || return 1
        for metric in born kept; do
                "$heaptop" export "$session" --range "$mark..7" --to folded --metric $metric -o "$work/folded.$metric" || return 1
        done
}
check "a session is exported in every format" exported
check "all of them add up to the report" looked_at totals "$work"
check "the export has every schema's number" sh -c 'grep -q "\"heaptop_schema\":1" "$1/json" && grep -q "\"heaptop_schema\": 1" "$1/report.json"' sh "$work"
csv_of_report() {
        "$heaptop" report "$session" --range "$mark..7" --csv --top 1000 >"$work/report.csv" &&
                [ "$(sort "$work/report.csv")" = "$(sort "$work/csv")" ]
}
check "report --csv is the same table" csv_of_report
check "an export is the same each time" sh -c '"$1" export "$2" --range "$3..7" --to pprof | cmp - "$4"' sh "$heaptop" "$session" "$mark" "$work/pprof"

# ---- schemas ----

"$heaptop" diff "$session@$mark" "$session" --json >"$work/diff.json"
"$heaptop" doctor --json >"$work/doctor.json"
"$heaptop" resymbolize "$session" --json -o "$work/again.heaptop" --no-debuginfod >"$work/resymbolize.json" 2>"$work/err"
"$heaptop" export "$session" --to json --redact >"$work/redacted.json"
"$heaptop" report "$session" --at 1 --json >"$work/early.json"
has_jsonschema && jsonschema=yes || jsonschema=-
for schema in report list diff doctor resymbolize; do
        optional $jsonschema "$schema --json is as doc/schema says" valid $schema "$work/$schema.json"
done
optional $jsonschema "the JSON of export, too" valid export "$work/json"
optional $jsonschema "also redacted" valid export "$work/redacted.json"
optional $jsonschema "a report of the first second, with what cannot be said yet" valid report "$work/early.json"
optional $jsonschema "a report while it is recorded" valid report "$work/live.json"
broken() { sed 's/"tick"/"tock"/' "$work/report.json" >"$work/broken.json" && ! valid report "$work/broken.json" >/dev/null; }
optional $jsonschema "and what is not would be found" broken

# ---- what it is for ----

live=$(sed -n '/^  "live_bytes"/,/}/s/.*"value": \([0-9]*\),.*/\1/p' "$work/report.json")
go=$(command -v go || echo -)
export PPROF_TMPDIR="$work" HOME="$work"
go_top() {
        go tool pprof -top -sample_index="$1" -unit=B "$work/pprof" >"$work/top" 2>"$work/err" &&
                [ "$(awk '/session_store_put/ { print $1 }' "$work/top")" = "$2B" ] || { note <"$work/top"; return 1; }
}
store_put=$($python -c "import csv; print(sum(int(r['live_bytes']) for r in csv.DictReader(open('$work/csv', newline='')) if r['function'] == 'session_store_put'))")
store_born=$(awk '/session_store_put/ { sum += $NF } END { print sum }' "$work/folded.born")
optional "$go" "go tool pprof -top: inuse_space" go_top inuse_space "$store_put"
optional "$go" "go tool pprof -top: alloc_space" go_top alloc_space "$store_born"
go_all() {
        for type in alloc_objects inuse_objects; do
                go tool pprof -top -sample_index=$type "$work/pprof" >"$work/top" 2>"$work/err" &&
                        grep -q session_store_put "$work/top" || return 1
        done
        go tool pprof -top "$work/pprof" 2>"$work/err" | grep -q 'Type: inuse_space' &&
                go tool pprof -raw "$work/pprof" 2>"$work/err" | grep -q "session_store_put .*demo_service.c:[1-9]"
}
optional "$go" "the others, the default type, files and lines" go_all
go_traces() { go tool pprof -traces -tagfocus=class=. "$work/pprof" 2>"$work/err" | grep -q 'handle_login'; }
optional "$go" "go tool pprof -traces, by label" go_traces
[ -r $flamegraph ] && command -v perl >/dev/null 2>&1 && perl=yes || perl=-
flame() {
        perl $flamegraph "$work/folded" >"$work/flame.svg" 2>"$work/err" &&
                [ "$(sed -n 's/.*<title>_start ([^)]*\b\([0-9,]*\) samples, 100.00%).*/\1/p; s/.*<title>all (\([0-9,]*\) samples.*/\1/p' "$work/flame.svg" |
                        tr -d , | sort -n | tail -n 1)" = "$live" ] || { note <"$work/err"; grep -o '<title>[^<]*' "$work/flame.svg" | head -n 3 | note; return 1; }
}
optional $perl "flamegraph.pl draws all of it" flame
$python -c 'import prometheus_client.openmetrics.parser' 2>/dev/null && prometheus=yes || prometheus=-
scrape() {
        $python - "$work/openmetrics" <<'EOF'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1]).read())}
assert families["heaptop_alloc_bytes"].type == "counter" and families["heaptop_site_live_bytes"].unit == "bytes"
assert any(s.labels["func"] == "session_store_put" for s in families["heaptop_site_live_bytes"].samples)
EOF
}
optional $prometheus "Prometheus's parser reads openmetrics" scrape
if [ -n "${NODE_PATH:-}" ]; then
        node "$HEAPTOP_SRC/tests/live/export_npm.js" "$work" >"$work/npm" 2>&1
        for package in pprof-format speedscope stackvis; do
                check "the npm package $package reads it" grep -q "^$package $live\$" "$work/npm"
        done
        note <"$work/npm"
fi

# ---- files, terminals, redaction ----

check "-o writes a file" prints 0 "$heaptop" export "$session" --to csv -o "$work/o.csv"
check "and does not replace one" refuses 73 "is there already" "$heaptop" export "$session" --to csv -o "$work/o.csv"
check "unless it is told to" prints 0 "$heaptop" export "$session" --to csv -o "$work/o.csv" --force
check "nothing is left of a file that could not be written" refuses 73 "cannot write /dev/full/x" "$heaptop" export "$session" --to csv -o /dev/full/x
check "a full disk is said" sh -c '"$1" export "$2" --to csv >/dev/full 2>"$3"; [ $? = 73 ] && grep -q "^heaptop: " "$3"' sh "$heaptop" "$session" "$work/err"
check "no temporary file stays" sh -c '! ls "$1" | grep -q "o.csv."' sh "$work"
binary() { script -qec "'$heaptop' export '$session' --to pprof" /dev/null </dev/null >"$work/tty" 2>&1; [ $? = 64 ] && grep -q "is binary" "$work/tty"; }
check "a terminal gets no binary" binary
silent() {
        for format in pprof folded speedscope json csv openmetrics; do
                "$heaptop" export "$session" --to $format --redact >"$work/redacted" || return 1
                [ $format != pprof ] || { gzip -dc <"$work/redacted" >"$work/raw" && mv "$work/raw" "$work/redacted"; }
                for secret in "$(uname -n)" "$work" "$HEAPTOP_BUILD" /usr/lib; do
                        ! grep -q -a -w -F -e "$secret" "$work/redacted" || { echo "# $secret is in $format"; return 1; }
                done
        done
}
check "--redact leaves neither host nor folders" silent

by_key() {
        "$heaptop" replay "$session" --screen 140x24 --keys 'E Down Enter' >"$work/screen" 2>"$work/err"
        written=$(sed -n 's/.*folded, [0-9.KM]*: \([^ ]*\).*/\1/p' "$work/screen")
        [ -n "$written" ] && "$heaptop" export "$session" --to folded | cmp -s - "$written" || { tail -n 2 "$work/screen" | note; return 1; }
}
check "E in the viewer writes the same" by_key
by_key_of_marks() {
        "$heaptop" replay "$session" --screen 140x24 --keys "4 E Down Space =$work/pair Enter" \
                >"$work/screen" 2>"$work/err"
        "$heaptop" export "$session" --to folded --metric kept --range "$mark.." | cmp -s - "$work/pair" ||
                { tail -n 2 "$work/screen" | note; note <"$work/err"; return 1; }
}
check "where marks are compared, what is between them" by_key_of_marks

# ---- paging ----

paged() { script -qec "PAGER='sed s/^/paged:/' '$heaptop' report '$session' $1" /dev/null </dev/null >"$work/tty" 2>&1; grep -q '^paged:heaptop report' "$work/tty"; }
check "a report on a terminal goes through the pager" paged ""
check "not with --no-pager" sh -c '! script -qec "PAGER=\"sed s/^/paged:/\" $1 report $2 --no-pager" /dev/null </dev/null | grep -q paged:' sh "$heaptop" "$session"
check "nor with PAGER=cat, nor as JSON" sh -c 'script -qec "PAGER=cat $1 report $2" /dev/null </dev/null | grep -q "^heaptop report" &&
        ! script -qec "PAGER=\"sed s/^/paged:/\" $1 report $2 --json" /dev/null </dev/null | grep -q paged:' sh "$heaptop" "$session"

if [ "$(id -u)" = 0 ]; then
        cp "$session" "$work/readable.heaptop" && chmod 644 "$work/readable.heaptop" && chmod 711 "$work"
        as_who_called() {
                script -qec "SUDO_UID=$(id -u nobody) SUDO_GID=$(id -g nobody) PAGER='id -u; cat >/dev/null; :' '$heaptop' report '$work/readable.heaptop'" \
                        /dev/null </dev/null | tr -d '\r' | grep -qx "$(id -u nobody)"
        }
        check "the pager runs as who called sudo" as_who_called
fi

# ---- two sessions, and what is wrong said in one sentence ----

"$heaptop" record -p $service -d 2s --mean 16K -o "$work/other.heaptop" 2>"$work/err"
check "diff of two sessions finds the leak" sh -c '"$1" diff "$2@1" "$3" --min 64K >"$4"; [ $? = 1 ] && grep -q "grown .*session_store_put" "$4"' \
        sh "$heaptop" "$work/other.heaptop" "$session" "$work/out"
check "and no growth in nothing" prints 0 "$heaptop" diff "$session@2" @3 --min 1G
check "the same file twice is said" refuses 2 "the same moment" "$heaptop" diff "$session" "$session"
check "so are moments in the wrong order" refuses 2 "comes before the first" "$heaptop" diff "$session" "@$mark"
check "a mark of the other file is not one of this" refuses 2 "other.heaptop: '$mark' is no moment" "$heaptop" diff "$session@$mark" "$work/other.heaptop@$mark"
check "a file that is missing" refuses 2 "cannot open" "$heaptop" diff "$session" "$work/none.heaptop"
check "diff without a second moment" refuses 64 "two moments are compared" "$heaptop" diff "$session"
check "report of a missing file" refuses 66 "cannot open" "$heaptop" report "$work/none.heaptop"
check "report at a wrong mark" refuses 64 "is no moment" "$heaptop" report "$session" --at nosuchmark
check "report with --at and --range" refuses 64 "which is meant" "$heaptop" report "$session" --at 1 --range 1..2
check "report in two forms at once" refuses 64 "cannot both" "$heaptop" report "$session" --json --csv
check "export of what is no session" refuses 2 "no heaptop session\|not a" "$heaptop" export /dev/null --to csv
check "export of a missing file" refuses 66 "cannot open" "$heaptop" export "$work/none.heaptop" --to csv
check "export at a wrong range" refuses 64 "no moment" "$heaptop" export "$session" --to csv --range "$mark..Q"
check "export into nothing" refuses 64 "into which format" "$heaptop" export "$session"
check "export into what there is not" refuses 64 "xml" "$heaptop" export "$session" --to xml
check "a recorder that does not run" refuses 66 "." "$heaptop" export -p $$ --to csv
check "--fail-on leak, which is growth so far" sh -c '"$1" report "$2" --fail-on growing >/dev/null; a=$?; "$1" report "$2" --fail-on leak >/dev/null; [ $? = $a ]' sh "$heaptop" "$session"
check "the service runs on, untouched" is_untouched $service
the_end
