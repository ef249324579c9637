#!/bin/sh
# heaptop(5) describes every table and column of data/schema.sql, and the examples in doc/queries.sql work.
page=$HEAPTOP_SRC/doc/heaptop.5
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
echo 1..3

if ! command -v mandoc >/dev/null; then
        echo "ok 1 # SKIP mandoc is not installed"
# whether other pages are installed says nothing about this one
elif ! mandoc -T lint "$page" 2>&1 | grep -v -e 'referenced manual not found' -e 'outdated mandoc.db' >"$dir/lint"; then
        echo "ok 1 - mandoc finds nothing wrong"
else
        sed 's/^/# /' "$dir/lint"
        echo "not ok 1 - mandoc finds nothing wrong"
fi

if ! command -v sqlite3 >/dev/null; then
        echo "ok 2 # SKIP sqlite3 is not installed"
        echo "ok 3 # SKIP sqlite3 is not installed"
        exit
fi

sqlite3 "$dir/empty" <"$HEAPTOP_SRC/data/schema.sql"
sqlite3 "$dir/empty" "SELECT m.name || ' ' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
  WHERE m.type = 'table' ORDER BY m.rowid, c.cid" >"$dir/schema"
awk '/^.Sh FRAME/ { exit } $1 == ".Ss" { table = $2 } $1 == ".It" && $2 == "Li" { print table, $3 }' "$page" >"$dir/page"
if diff "$dir/schema" "$dir/page" >"$dir/diff"; then
        echo "ok 2 - every column is described, in order"
else
        sed 's/^/# /' "$dir/diff"
        echo "not ok 2 - every column is described, in order"
fi

"$HEAPTOP_BUILD/tests/unit/make_session" "$dir/s.heaptop" || exit 1
sqlite3 -bail -readonly -header "$dir/s.heaptop" <"$HEAPTOP_SRC/doc/queries.sql" >"$dir/out" 2>"$dir/errors"
# each question has a title, a line of column names and at least one row
if [ ! -s "$dir/errors" ] && awk '/^-- / { if (title && rows < 2) bad = 1; title = $0; rows = 0; n++; next } { rows++ }
        END { exit bad || rows < 2 || n < 8 }' "$dir/out"; then
        echo "ok 3 - every query of queries.sql has an answer"
else
        sed 's/^/# /' "$dir/errors" "$dir/out"
        echo "not ok 3 - every query of queries.sql has an answer"
fi
