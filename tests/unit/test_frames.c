#include "unit.h"

#include "app/frames.h"
#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A home with both places for the file. */
static char home[64];
static struct user user;

static char *place(const char *folder)
{
        return xasprintf("%s/%s/heaptop/frames.conf", home, folder);
}

static int set_up(void **state)
{
        static const char *const folders[] = { "", "/.config", "/.config/heaptop", "/xdg", "/xdg/heaptop" };

        snprintf(home, sizeof home, "/tmp/heaptop-test-XXXXXX");
        if (!mkdtemp(home))
                return -1;
        for (size_t i = 1; i < array_len(folders); i++) {
                char *path = xasprintf("%s%s", home, folders[i]);

                mkdir(path, 0700);
                free(path);
        }
        user = (struct user){ .uid = getuid() };
        snprintf(user.home, sizeof user.home, "%s", home);
        unsetenv("XDG_CONFIG_HOME");
        return 0;
}

static int tear_down(void **state)
{
        static const char *const folders[] = { "/.config/heaptop/frames.conf", "/xdg/heaptop/frames.conf", "/.config/heaptop",
                                               "/xdg/heaptop", "/.config", "/xdg", "" };

        for (size_t i = 0; i < array_len(folders); i++) {
                char *path = xasprintf("%s%s", home, folders[i]);

                remove(path);
                free(path);
        }
        return 0;
}

static void write_file(const char *folder, const void *text, size_t len)
{
        char *path = place(folder);
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, len, f), len);
        fclose(f);
        free(path);
}

static void write_text(const char *folder, const char *text)
{
        write_file(folder, text, strlen(text));
}

static void use_xdg(void)
{
        char *path = xasprintf("%s/xdg", home);

        setenv("XDG_CONFIG_HOME", path, 1);
        free(path);
}

/* What the rules say of the function mine() and of malloc(). */
static void expect(bool own, enum rules_verdict mine, enum rules_verdict of_malloc)
{
        struct rules *rules = NULL;
        struct err err = { 0 };
        bool found = !own;

        if (frames_read(&user, &rules, &found, &err) < 0)
                fail_msg("%s", err.text);
        assert_int_equal(found, own);
        assert_int_equal(rules_match(rules, "/usr/bin/shopd", "mine"), mine);
        assert_int_equal(rules_match(rules, "/usr/bin/shopd", "malloc"), of_malloc);
        rules_free(rules);
}

static void without_a_file_there_are_those_built_in(void **state)
{
        expect(false, RULES_NONE, RULES_FOLD);
        user.home[0] = '\0';
        expect(false, RULES_NONE, RULES_FOLD);
}

static void the_users_rules_add_to_them_and_take_out(void **state)
{
        write_text(".config", "* mine\n!* malloc\n");
        expect(true, RULES_FOLD, RULES_KEEP);
        write_text(".config", "![libc]\n");
        expect(true, RULES_NONE, RULES_NONE);
}

static void the_folder_of_the_environment_comes_first(void **state)
{
        write_text(".config", "!* malloc\n");
        use_xdg();
        expect(true, RULES_NONE, RULES_KEEP); /* nothing there: the other one */
        write_text("xdg", "* mine\n");
        expect(true, RULES_FOLD, RULES_FOLD);
        setenv("XDG_CONFIG_HOME", "relative", 1);
        expect(true, RULES_NONE, RULES_KEEP);
}

static void who_called_sudo_has_his_own_home_whatever_the_environment_says(void **state)
{
        use_xdg();
        write_text("xdg", "* mine\n");
        user.invoking = true;
        expect(false, RULES_NONE, RULES_FOLD);
}

static void expect_error(const char *words)
{
        struct rules *rules = NULL;
        struct err err = { 0 };
        bool own = true;

        assert_true(frames_read(&user, &rules, &own, &err) < 0);
        if (!strstr(err.text, words) || !strstr(err.text, "/.config/heaptop/frames.conf"))
                fail_msg("'%s' does not say '%s'", err.text, words);
        assert_false(own);
        assert_int_equal(rules_match(rules, "/usr/bin/shopd", "malloc"), RULES_FOLD); /* those built in are there */
        assert_int_equal(rules_match(rules, "/usr/bin/shopd", "mine"), RULES_NONE);
        rules_free(rules);
}

static void what_is_wrong_is_said_and_the_rest_works(void **state)
{
        char *path = place(".config"), *large = xcalloc(1, (1 << 20) + 2);

        write_text(".config", "* mine\n!* malloc\nlonely\n");
        expect_error("frames.conf:3: there is a file, but no function");
        write_file(".config", "* mine\n\0", 8);
        expect_error("there is a NUL byte in it");
        memset(large, '\n', (1 << 20) + 1);
        write_text(".config", large);
        expect_error("it has more than 1 MB");
        unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        expect_error("it is no regular file");
        unlink(path);
        assert_int_equal(symlink("frames.conf", path), 0);
        expect_error("cannot read"); /* a circle of links */
        free(large);
        free(path);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(without_a_file_there_are_those_built_in),
                TEST(the_users_rules_add_to_them_and_take_out),
                TEST(the_folder_of_the_environment_comes_first),
                TEST(who_called_sudo_has_his_own_home_whatever_the_environment_says),
                TEST(what_is_wrong_is_said_and_the_rest_works),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
