#include "unit.h"

#include "target/jitname.h"

#include <stdio.h>
#include <string.h>

/* "func|file|line" */
static const char *parsed(const char *name)
{
        static char text[400];
        struct jitname found = jitname_parse(name, strlen(name));

        snprintf(text, sizeof text, "%.*s|%.*s|%u", (int)found.func_len, found.func, (int)found.file_len,
                 found.file ? found.file : "", found.line);
        return text;
}

static void a_script_function_is_one_whatever_it_was_compiled_to(void **state)
{
        assert_string_equal(parsed("LazyCompile:*handler /srv/app.js:31:15"), "handler|/srv/app.js|31");
        assert_string_equal(parsed("LazyCompile:~handler /srv/app.js:31:15"), "handler|/srv/app.js|31");
        assert_string_equal(parsed("JS:*handler /srv/app.js:31:15"), "handler|/srv/app.js|31");
        assert_string_equal(parsed("JS:^handler /srv/app.js:31:15"), "handler|/srv/app.js|31");
        assert_string_equal(parsed("JS:+handler /srv/app.js:31:15"), "handler|/srv/app.js|31");
        assert_string_equal(parsed("JS:*'handler /srv/app.js:31:15"), "handler|/srv/app.js|31");
        assert_string_equal(parsed("Function:handler /srv/app.js:31"), "handler|/srv/app.js|31");
        assert_string_equal(parsed("JS:~handler file:///srv/app.mjs:31:15"), "handler|/srv/app.mjs|31");
}

static void names_with_spaces_and_without_a_name_are_understood(void **state)
{
        assert_string_equal(parsed("JS:~ /srv/app.js:1:1"), "(anonymous)|/srv/app.js|1");
        assert_string_equal(parsed("JS:~get rate node:events:3:4"), "get rate|node:events|3");
        assert_string_equal(parsed("JS:~f /srv/my app/main.js:3:4"), "f|/srv/my app/main.js|3");
        assert_string_equal(parsed("JS:~f evalmachine.<anonymous>:3:4"), "f|evalmachine.<anonymous>|3");
        assert_string_equal(parsed("JS:~f app.js:3:4"), "f|app.js|3");
        assert_string_equal(parsed("Eval:~ :1:1"), "(anonymous)||0");
}

static void other_names_stay_as_they_are(void **state)
{
        assert_string_equal(parsed("Builtin:ArrayPrototypePush"), "Builtin:ArrayPrototypePush||0");
        assert_string_equal(parsed("BytecodeHandler:Add.Wide"), "BytecodeHandler:Add.Wide||0");
        assert_string_equal(parsed("Ljava/util/HashMap;::put"), "Ljava/util/HashMap;::put||0");
        assert_string_equal(parsed("void [App] App.Shop::Put(string)[Optimized]"),
                            "void [App] App.Shop::Put(string)[Optimized]||0");
        assert_string_equal(parsed("JS:~handler"), "handler||0");
        assert_string_equal(parsed("JS:~handler here"), "handler here||0");
        assert_string_equal(parsed("JS:"), "(anonymous)||0");
        assert_string_equal(parsed(""), "||0");
        assert_string_equal(parsed("JS:~f /a:99999999999:1"), "f|/a:99999999999|1");
}

static void functions_of_python_tell_their_file(void **state)
{
        assert_string_equal(parsed("py::handler:/srv/app.py"), "handler|/srv/app.py|0");
        assert_string_equal(parsed("py::Shop.put:<string>"), "Shop.put|<string>|0");
        assert_string_equal(parsed("py::odd"), "py::odd||0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_script_function_is_one_whatever_it_was_compiled_to),
                cmocka_unit_test(names_with_spaces_and_without_a_name_are_understood),
                cmocka_unit_test(other_names_stay_as_they_are),
                cmocka_unit_test(functions_of_python_tell_their_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
