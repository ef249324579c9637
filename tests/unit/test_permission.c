#include "unit.h"

#include "inject/permission.h"

#include <errno.h>
#include <string.h>

static const char *words(struct permission permission)
{
        static struct err err;

        err = (struct err){ 0 };
        permission.pid = 4711;
        strcpy(permission.user, "www-data");
        assert_int_equal(permission_refused(&permission, &err), -EPERM);
        assert_non_null(strstr(err.text, "4711"));
        return err.text;
}

static void says(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void yama_names_its_scope_and_what_to_do(void **state)
{
        (void)state;
        says(words((struct permission){ .own = true, .yama = 1 }), "ptrace_scope is 1; try: sudo heaptop -p 4711");
        says(words((struct permission){ .own = true, .yama = 1 }), "heaptop run");
        says(words((struct permission){ .own = true, .yama = 2 }), "ptrace_scope is 2; try: sudo");
        says(words((struct permission){ .own = true, .yama = 1 }), " (E101)");
}

static void scope_3_is_for_everyone(void **state)
{
        (void)state;
        says(words((struct permission){ .own = true, .yama = 3 }), "rebooted");
        says(words((struct permission){ .root = true, .capable = true, .yama = 3 }), "rebooted");
        says(words((struct permission){ .own = true, .yama = 3 }), " (E103)");
}

static void a_capability_that_is_not_enough_points_outside(void **state)
{
        (void)state;
        says(words((struct permission){ .root = true, .capable = true }), "security module or the container");
        says(words((struct permission){ .root = true, .capable = true, .yama = 1 }), "outside the container");
        says(words((struct permission){ .root = true, .capable = true }), " (E104)");
}

static void root_of_a_container_is_told_which_capability(void **state)
{
        (void)state;
        says(words((struct permission){ .root = true, .yama = 1 }), "--cap-add SYS_PTRACE");
        says(words((struct permission){ .root = true, .yama = 1 }), " (E105)");
}

static void another_user_is_named(void **state)
{
        (void)state;
        says(words((struct permission){ .yama = 1 }), "belongs to www-data; try: sudo heaptop -p 4711");
        says(words((struct permission){ .yama = 1 }), " (E102)");
}

static void an_undumpable_process_of_our_own_needs_root(void **state)
{
        (void)state;
        says(words((struct permission){ .own = true, .undumpable = true }), "undumpable");
        says(words((struct permission){ .own = true, .undumpable = true }), " (E106)");
        says(words((struct permission){ .own = true }), "CAP_SYS_PTRACE is needed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(yama_names_its_scope_and_what_to_do),
                cmocka_unit_test(scope_3_is_for_everyone),
                cmocka_unit_test(a_capability_that_is_not_enough_points_outside),
                cmocka_unit_test(root_of_a_container_is_told_which_capability),
                cmocka_unit_test(another_user_is_named),
                cmocka_unit_test(an_undumpable_process_of_our_own_needs_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
