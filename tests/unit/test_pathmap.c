#include "unit.h"

#include "base/err.h"
#include "base/md5.h"
#include "base/pathmap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], work[4096];

static int set_up(void **state)
{
        snprintf(folder, sizeof folder, "/tmp/heaptop-test-XXXXXX");
        return mkdtemp(folder) && getcwd(work, sizeof work) ? 0 : -1;
}

static int tear_down(void **state)
{
        return rmdir(folder);
}

static void add(struct pathmap *map, const char *from, const char *to)
{
        char text[256];
        struct err err = { 0 };

        snprintf(text, sizeof text, "%s=%s", from, to);
        if (pathmap_add(map, text, &err) < 0)
                fail_msg("%s", err.text);
}

static void expect(const struct pathmap *map, const char *path, const char *wanted)
{
        char *got = pathmap_apply(map, path);

        if (wanted)
                assert_string_equal(got, wanted);
        else
                assert_null(got);
        free(got);
}

static void the_longest_folder_wins(void **state)
{
        struct pathmap map = { .n = 0 };

        add(&map, "/build", "/usr");
        add(&map, "/build/shop/", "/tmp/");
        add(&map, "/build/shop/src/deep", "/");
        expect(&map, "/build/a.c", "/usr/a.c");
        expect(&map, "/build/shop/src/a.c", "/tmp/src/a.c");
        expect(&map, "/build/shop", "/tmp");
        expect(&map, "/build/shopping/a.c", "/usr/shopping/a.c");
        expect(&map, "/build/shop/src/deep/a.c", "/a.c");
        expect(&map, "/other/a.c", NULL);
        pathmap_done(&map);
        expect(&map, "/build/a.c", NULL);
        expect(NULL, "/build/a.c", NULL);
}

static void the_whole_tree_and_relative_folders_can_be_meant(void **state)
{
        struct pathmap map = { .n = 0 };
        char wanted[5000];

        add(&map, "/", "/usr");
        add(&map, "src", ".");
        expect(&map, "/a/b.c", "/usr/a/b.c");
        snprintf(wanted, sizeof wanted, "%s/./a.c", work);
        expect(&map, "src/a.c", wanted);
        pathmap_done(&map);
}

static void what_is_no_map_is_refused_in_words(void **state)
{
        static const struct {
                const char *text, *words;
        } wrong[] = {
                { "/build", "must be FROM=TO" },
                { "=/tmp", "must be FROM=TO" },
                { "/build=", "must be FROM=TO" },
                { "/build=/tmp/is-not-there-at-all", "is no folder here" },
                { "/build=/etc/passwd", "is no folder here" },
                { "\033[2J", "\\x1b[2J" },
        };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct pathmap map = { .n = 0 };
                struct err err = { 0 };

                assert_int_equal(pathmap_add(&map, wrong[i].text, &err), -EINVAL);
                if (!strstr(err.text, wrong[i].words))
                        fail_msg("'%s' does not say '%s'", err.text, wrong[i].words);
                assert_int_equal(map.n, 0);
        }
}

static void there_is_a_limit(void **state)
{
        struct pathmap map = { .n = 0 };
        struct err err = { 0 };

        for (int i = 0; i < PATHMAP_MAX; i++)
                add(&map, "/build", folder);
        assert_int_equal(pathmap_add(&map, "/a=/tmp", &err), -EINVAL);
        pathmap_done(&map);
}

/* RFC 1321, A.5, and lengths around the end of a block. */
static void sums_are_those_of_the_standard(void **state)
{
        static const struct {
                const char *text, *sum;
        } known[] = {
                { "", "d41d8cd98f00b204e9800998ecf8427e" },
                { "a", "0cc175b9c0f1b6a831c399e269772661" },
                { "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
                { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f" },
                { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                  "57edf4a22be3c955ac49da2e2107b67a" },
                { "1234567890123456789012345678901234567890123456789012345", "c9ccf168914a1bcfc3229f1948e67da0" },
                { "12345678901234567890123456789012345678901234567890123456", "49f193adce178490e34d1b3a4ec0064c" },
                { "1234567890123456789012345678901234567890123456789012345678901234", "eb6c4179c0a7c82cc2828c1e6338e165" },
        };
        char sum[MD5_TEXT];

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                md5_text(known[i].text, strlen(known[i].text), sum);
                assert_string_equal(sum, known[i].sum);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_longest_folder_wins),
                cmocka_unit_test(the_whole_tree_and_relative_folders_can_be_meant),
                cmocka_unit_test(what_is_no_map_is_refused_in_words),
                cmocka_unit_test(there_is_a_limit),
                cmocka_unit_test(sums_are_those_of_the_standard),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
