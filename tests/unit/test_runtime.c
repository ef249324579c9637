#include "unit.h"

#include "base/io.h"
#include "base/rules.h"
#include "target/runtime.h"

#include <stdio.h>
#include <stdlib.h>

static void folds_allocators_and_runtimes(void **state)
{
        assert_true(runtime_is("/usr/lib/x86_64-linux-gnu/libc.so.6", "qsort"));
        assert_true(runtime_is("/usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)", NULL));
        assert_true(runtime_is("libstdc++.so.6.0.30", NULL));
        assert_true(runtime_is("/opt/shop/shopd", "operator new"));
        assert_true(runtime_is("/opt/shop/shopd", "operator new[]"));
        assert_true(runtime_is("/opt/shop/shopd", "std::vector<int, std::allocator<int> >::push_back"));
        assert_true(runtime_is("redis-server", "zmalloc"));
        assert_true(runtime_is("redis-server", "ztrymalloc_usable_internal"));
        assert_true(runtime_is("python3.11", "PyMem_RawMalloc"));
        assert_true(runtime_is("app", "<alloc::string::String as core::clone::Clone>::clone"));
}

static void leaves_the_programs_own_functions_alone(void **state)
{
        assert_false(runtime_is("/opt/shop/shopd", "SessionStore::put"));
        assert_false(runtime_is("/opt/shop/shopd", NULL));
        assert_false(runtime_is("redis-server", "dictAdd"));
        assert_false(runtime_is("redis-server", "sdsnewlen"));
        assert_false(runtime_is("shopd", "malloc_statistics"));
        assert_false(runtime_is("shopd", "my_xmalloc"));
        assert_false(runtime_is("", ""));
        assert_false(runtime_is(NULL, NULL));
}

static void what_runs_compiled_code_is_folded_below_it_only(void **state)
{
        assert_true(runtime_is("[jit]", "Builtin:ArrayPrototypePush"));
        assert_true(runtime_is("[jit]", "BytecodeHandler:Add"));
        assert_true(runtime_is("node:internal", "readSync"));
        assert_false(runtime_is("[jit]", "handler"));
        assert_false(runtime_is("/usr/bin/node", "v8::internal::BackingStore::Allocate"));
        assert_true(runtime_is_engine("/usr/bin/node", "v8::internal::BackingStore::Allocate"));
        assert_true(runtime_is_engine("/usr/bin/node (deleted)", "v8::internal::BackingStore::Allocate"));
        assert_true(runtime_is_engine("/usr/bin/node", NULL));
        assert_false(runtime_is_engine("/usr/bin/node", "Builtins_InterpreterEntryTrampoline"));
        assert_false(runtime_is_engine("/srv/addon.node", "keep"));
        assert_false(runtime_is_engine("[jit]", "handler"));
}

static void the_file_itself_is_well_formed(void **state)
{
        const char *src = getenv("HEAPTOP_SRC");
        struct rules *rules = rules_new();
        struct err err = { 0 };
        char path[4096], *text = NULL;

        snprintf(path, sizeof path, "%s/data/frames.conf", src ? src : "..");
        assert_int_equal(io_read_file(path, 1 << 20, &text, NULL), 0);
        if (rules_add(rules, text, "frames.conf", &err) < 0)
                fail_msg("%s", err.text);
        assert_string_equal(text, runtime_rules());
        rules_free(rules);
        free(text);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(folds_allocators_and_runtimes),
                cmocka_unit_test(leaves_the_programs_own_functions_alone),
                cmocka_unit_test(what_runs_compiled_code_is_folded_below_it_only),
                cmocka_unit_test(the_file_itself_is_well_formed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
