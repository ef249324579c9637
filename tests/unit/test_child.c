#include "unit.h"

#include "app/child.h"
#include "base/exit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONG_MS = 10000 };

static char folder[64], path[96];

static int set_up(void **state)
{
        snprintf(folder, sizeof folder, "/tmp/heaptop-child.XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/ran", folder);
        return 0;
}

static int tear_down(void **state)
{
        unlink(path);
        return rmdir(folder);
}

static void start(struct child *child)
{
        static char touch[] = "touch";
        char *argv[] = { touch, path, NULL };
        const struct child_options options = { .held = true, .output = -1 };
        struct err err = { 0 };

        if (child_start(argv, &options, child, &err) < 0)
                fail_msg("%s", err.text);
}

static void a_held_child_begins_when_it_is_let_go(void **state)
{
        struct child child;

        start(&child);
        assert_false(child_has_ended(&child));
        child_go(&child);
        child_done(&child);
        assert_true(child_wait(&child, LONG_MS));
        assert_int_equal(child_exit_status(&child), 0);
        assert_int_equal(access(path, F_OK), 0);
}

static void a_held_child_that_nobody_lets_go_never_begins(void **state)
{
        struct child child;

        start(&child);
        child_done(&child);
        assert_true(child_wait(&child, LONG_MS));
        assert_int_equal(child_exit_status(&child), EXIT_RUN_FAILED);
        assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_held_child_begins_when_it_is_let_go, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_held_child_that_nobody_lets_go_never_begins, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
