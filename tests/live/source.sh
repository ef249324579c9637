#!/bin/sh
# From a frame to its source: inlined calls as frames, the lines of the file when it is the one that was compiled, where the source map
# leads, and the user's own rules for frames.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 gcc md5sum

mkdir -p "$work/build/src" "$work/config/heaptop"
cat >"$work/build/src/app.c" <<'END'
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

void *kept[1 << 20];
static unsigned n_kept;

static inline __attribute__((always_inline)) void app_keep(size_t size)
{
        void *block = malloc(size); /* line 10 */
        kept[n_kept++ % (1 << 20)] = block;
}

__attribute__((noinline)) void app_grow(size_t size)
{
        app_keep(size); /* line 16 */
}

int main(void)
{
        puts("READY");
        fflush(stdout);
        for (;;) {
                app_grow(4096); /* line 24 */
                usleep(500);
        }
}
END
source=$work/build/src/app.c
sum=$(md5sum <"$source" | cut -c 1-32)
gcc -O2 -gdwarf-5 -S -o "$work/app.s" "$source" && gcc -o "$work/plain" "$work/app.s" || exit 99
# the compiler tells no sums, the assembler can write them; for it they are numbers, the last byte first
turned=$(echo "$sum" | fold -w 2 | tac | tr -d '\n')
sed "s/^\(\t\.file [0-9].*\)/\1 md5 0x$turned/" "$work/app.s" >"$work/summed.s" && gcc -o "$work/summed" "$work/summed.s" || exit 99

# recorded PROGRAM: into $work/PROGRAM.heaptop
recorded() {
        : >"$work/target"
        "$work/$1" >"$work/target" &
        target=$!
        started="$started $target"
        wait_for grep -q READY "$work/target" || return 1
        status_of "$heaptop" record -p $target -o "$work/$1.heaptop" -d 2s --mean 16K
        note <"$work/err"
        kill $target
        [ "$status" = 0 ]
}

# screen_of SESSION KEYS WORDS [OPTION...]: after KEYS the screen holds WORDS
screen_of() {
        session=$work/$1.heaptop pressed=$2 words=$3
        shift 3
        status_of "$heaptop" replay "$@" --keys "$pressed" --screen 110x45 "$session"
        grep -q -e "$words" "$work/out" || { note <"$work/err"; note <"$work/out"; return 1; }
}
no_screen_of() { ! screen_of "$@" >/dev/null; }

plan 28
check "a program is recorded" recorded plain
place='SELECT group_concat(line) FROM (SELECT line FROM frame WHERE func = "app_keep" OR func = "app_grow" ORDER BY inlined_in)'
check "the call that was inlined has its own line, its caller that of the call" test "$(query "$work/plain.heaptop" "$place")" = 16,10
status_of "$heaptop" report "$work/plain.heaptop"
check "the site is named for the inlined call" grep -q 'app_keep  app.c:10' "$work/out"

keys="/ =app_keep Enter Enter"
check "it is a line of the tree" screen_of plain "$keys" 'app_keep (inl)'
check "which x folds into its caller" no_screen_of plain "$keys x" 'app_keep (inl)'
check "and counts" screen_of plain "$keys x" '1 inlined call folded (x)'
check "the source is shown at the line" screen_of plain "$keys" '>   10 .*malloc(size)'
check "without a word of warning" no_screen_of plain "$keys" 'newer than the program'
touch "$source"
check "a file that was changed after the program is marked" screen_of plain "$keys" 'app.c:10 - newer than the program'

mv "$work/build" "$work/moved"
check "a file that is gone is not shown" no_screen_of plain "$keys" 'malloc(size)'
check "but where the source map leads" screen_of plain "$keys" '>   10 .*malloc(size)' -i "$work/build=$work/moved"
check "the longest folder wins" screen_of plain "$keys" '>   10 .*malloc(size)' \
        --source-map "$work=$work/config" -i "$work/build/src=$work/moved/src" -i "$work/build=$work/config"
status_of "$heaptop" replay -i "$work/build" --screen 80x24 "$work/plain.heaptop"
check "a map without = is refused" test "$status" = 64
check "and the sentence says what it must be" grep -q 'source-map.*it must be FROM=TO' "$work/err"
status_of "$heaptop" replay -i "$work/build=$work/nowhere" --screen 80x24 "$work/plain.heaptop"
check "so is one that leads nowhere" grep -q 'is no folder here' "$work/err"
mv "$work/moved" "$work/build"

check "a program whose debug information has sums is recorded" recorded summed
touch "$source" # its time says nothing when there is a sum
check "the sum is in the session" test \
        "$(query "$work/summed.heaptop" "SELECT md5 FROM source_file WHERE path = '$source'")" = "$sum"
check "the right file is shown" screen_of summed "$keys" '-- app.c:10 ---.* e: editor'
sed -i 's/line 16/line xvi/' "$source"
touch -d '2020-01-01' "$source"
check "another is shown as such, whatever its time" screen_of summed "$keys" 'app.c:10 - not the file that was compiled'

echo '* app_keep' >"$work/config/heaptop/frames.conf"
status_of "$heaptop" report "$work/plain.heaptop"
check "a rule of the user's own names the site by the next frame" grep -q 'app_grow  app.c:16' "$work/out"
check "and folds the frame" no_screen_of plain "/ =app_grow Enter Enter" 'app_keep (inl)'
printf '# mine\nlonely\n' >"$work/config/heaptop/frames.conf"
status_of "$heaptop" report "$work/plain.heaptop"
check "a mistake in it is told with file and line" grep -q 'heaptop/frames.conf:2: there is a file, but no function' "$work/err"
check "and the report is written without it" grep -q 'app_keep  app.c:10' "$work/out"
rm "$work/config/heaptop/frames.conf"
mkfifo "$work/config/heaptop/frames.conf"
status_of timeout 20 "$heaptop" report "$work/plain.heaptop"
check "a FIFO in its place is refused, not waited for" grep -q 'it is no regular file' "$work/err"

shows_it() { screen_of rooted "$keys" '>   10 .*malloc(size)' >/dev/null; }

# A file that is only in the root of the target, while it runs.
mkdir -p "$work/root/only/here"
cp "$work/build/src/app.c" "$work/root/only/here"
gcc -O2 -g -static -ffile-prefix-map="$work/root"= -o "$work/root/app" "$work/root/only/here/app.c" || exit 99
if [ "$(id -u)" = 0 ]; then
        : >"$work/target"
        chroot "$work/root" /app >"$work/target" &
        target=$!
        started="$started $target"
        wait_for grep -q READY "$work/target"
        "$heaptop" record -p $target -o "$work/rooted.heaptop" --mean 16K >"$work/record" 2>&1 &
        recorder=$!
        started="$started $recorder"
        check "a file in the target's root is found while the process runs" wait_for shows_it
        mv "$work/root/only/here/app.c" "$work/app.c"
        ln -s "$work/app.c" "$work/root/only/here/app.c"
        check "a link that leads out of that root is not followed" no_screen_of rooted "$keys" 'malloc(size)'
        kill -INT $recorder
        wait $recorder
        note <"$work/record"
        kill $target
        check "and no more when it is over" no_screen_of rooted "$keys" 'malloc(size)'
        check "but its name is still told" screen_of rooted "$keys" 'app_keep (inl).* app.c:10'
else
        for i in 25 26 27 28; do echo "ok $i # SKIP only root can chroot"; done
fi
the_end
