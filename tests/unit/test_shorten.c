#include "unit.h"

#include "base/alloc.h"
#include "base/shorten.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void expect(const char *name, enum shorten_level level, const char *wanted)
{
        char *got = shorten_name(name, level, "..");

        assert_string_equal(got, wanted);
        free(got);
}

static void tags_and_hashes_that_say_nothing_go_first(void **state)
{
        expect("Cache::name[abi:cxx11]", SHORTEN_TIDY, "Cache::name");
        expect("std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::append", SHORTEN_TIDY,
               "std::string::append");
        expect("std::vector<std::vector<int> >::at", SHORTEN_TIDY, "std::vector<std::vector<int>>::at");
        expect("grow [clone .constprop.0]", SHORTEN_TIDY, "grow");
        expect("shop::cache::put::h0123456789abcdef", SHORTEN_TIDY, "shop::cache::put");
        expect("shop::h0123456789abcdefg", SHORTEN_TIDY, "shop::h0123456789abcdefg");
        expect("main", SHORTEN_TIDY, "main");
}

static void template_arguments_fold_from_the_inside(void **state)
{
        static const char name[] = "std::map<std::string, Foo<int>, std::less<std::string>>::find(Key<int> const&) const";

        expect(name, SHORTEN_INNER, "std::map<std::string, Foo<..>, std::less<..>>::find(Key<int> const&) const");
        expect(name, SHORTEN_OUTER, "std::map<..>::find(..) const");
        expect(name, SHORTEN_BARE, "std::map::find const");
        expect("Foo<(a>b), (Bar)1>::f", SHORTEN_OUTER, "Foo<..>::f");
        expect("Foo<(a<b)>::f", SHORTEN_OUTER, "Foo<..>::f");
        expect("std::function<void (int)>::operator()", SHORTEN_OUTER, "std::function<..>::operator()");
        expect("A<>::f()", SHORTEN_OUTER, "A<>::f()");
}

static void operators_are_no_brackets(void **state)
{
        expect("bool operator< <int>(A const&)", SHORTEN_OUTER, "bool operator< <..>(..)");
        expect("bool operator< <int>(A const&)", SHORTEN_BARE, "bool operator<");
        expect("std::operator<< <std::char_traits<char> >", SHORTEN_OUTER, "std::operator<< <..>");
        expect("X::operator->", SHORTEN_BARE, "X::operator->");
        expect("P<T>::operator->*", SHORTEN_BARE, "P::operator->*");
        expect("Less::operator()<A<int>, B>", SHORTEN_OUTER, "Less::operator()<..>");
        expect("Less::operator()(int) const", SHORTEN_BARE, "Less::operator() const");
        expect("V<int>::operator<=>", SHORTEN_OUTER, "V<..>::operator<=>");
        expect("V<int>::operator>>=(int)", SHORTEN_BARE, "V::operator>>=");
        expect("V<int>::operator[]", SHORTEN_BARE, "V::operator[]");
        expect("operator new", SHORTEN_BARE, "operator new");
        expect("V::operator std::vector<int>", SHORTEN_OUTER, "V::operator std::vector<..>");
        expect("operators<int>::f", SHORTEN_OUTER, "operators<..>::f");
        expect("my_operator<int>::f", SHORTEN_OUTER, "my_operator<..>::f");
}

static void lambdas_and_anonymous_namespaces_keep_their_sense(void **state)
{
        static const char lambda[] = "shop::run(std::vector<int>&)::{lambda(int, A<int>)#2}::operator()(int) const";

        expect(lambda, SHORTEN_OUTER, "shop::run(..)::{lambda(..)#2}::operator()(..) const");
        expect(lambda, SHORTEN_BARE, "shop::run::{lambda#2}::operator() const");
        expect("(anonymous namespace)::grow<int>", SHORTEN_OUTER, "(anonymous namespace)::grow<..>");
        expect("shop::(anonymous namespace)::grow<int>", SHORTEN_BARE, "shop::(anon)::grow");
}

static void rust_types_keep_their_last_names(void **state)
{
        static const char name[] =
                "<alloc::vec::Vec<shop::Item> as core::iter::traits::collect::Extend<shop::Item>>::extend";

        expect(name, SHORTEN_INNER, "<alloc::vec::Vec<shop::Item> as core::iter::traits::collect::Extend<shop::Item>>::extend");
        expect(name, SHORTEN_OUTER, "<Vec as Extend>::extend");
        expect(name, SHORTEN_BARE, "Vec::extend");
        expect("<shop::Cache<T>>::put", SHORTEN_OUTER, "<Cache>::put");
        expect("<shop::Cache<T>>::put", SHORTEN_BARE, "Cache::put");
        expect("<impl core::fmt::Display for shop::Item>::fmt", SHORTEN_OUTER, "<impl Display for Item>::fmt");
        expect("<impl core::fmt::Display for shop::Item>::fmt", SHORTEN_BARE, "Item::fmt");
        expect("core::ptr::drop_in_place<alloc::string::String>", SHORTEN_OUTER, "core::ptr::drop_in_place<..>");
        expect("shop::main::{{closure}}", SHORTEN_BARE, "shop::main::{{closure}}");
        expect("<T as core::convert::Into<U>>::into", SHORTEN_OUTER, "<T as Into>::into");
}

static void d_templates_fold_too(void **state)
{
        expect("app.Cache!(int, immutable(char)[]).put(int)", SHORTEN_OUTER, "app.Cache!(..).put(..)");
        expect("app.Cache!(int, immutable(char)[]).put(int)", SHORTEN_BARE, "app.Cache.put");
}

static void brackets_without_a_partner_stay(void **state)
{
        expect("a>>b)<((", SHORTEN_BARE, "a>>b)<((");
        expect("<<<<", SHORTEN_BARE, "<<<<");
        expect("f<int", SHORTEN_BARE, "f<int");
        expect("", SHORTEN_BARE, "");
        expect("operator", SHORTEN_BARE, "operator");
        expect("<>", SHORTEN_BARE, "");
}

static void the_last_components_are_found_outside_of_brackets(void **state)
{
        static const char name[] = "a::b<c::d>::{lambda(e::f)#1}::operator()";

        assert_string_equal(shorten_tail(name, 1), "operator()");
        assert_string_equal(shorten_tail(name, 2), "{lambda(e::f)#1}::operator()");
        assert_string_equal(shorten_tail(name, 3), "b<c::d>::{lambda(e::f)#1}::operator()");
        assert_ptr_equal(shorten_tail(name, 4), name);
        assert_ptr_equal(shorten_tail(name, 99), name);
        assert_string_equal(shorten_tail("libthing.so.3+0x1a2b", 1), "+0x1a2b");
        assert_string_equal(shorten_tail("main", 1), "main");
}

/* Random pieces: nothing gets longer by more than what stands for the rest, nothing splits UTF-8, and it takes no time. */
static void anything_is_shortened_without_harm(void **state)
{
        static const char *const pieces[] = { "<", ">", "(", ")", "{", "}", "::", "operator", "a", " ", "-", "\xe6\xbc\xa2",
                                              "<x as y>", "impl ", " for ", "[abi:", "]", "::h0123456789abcdef", "!", "&",
                                              "(anonymous namespace)", "std::__cxx11::", "[clone " };
        uint64_t random = 7;

        for (int round = 0; round < 3000; round++) {
                char name[512] = "";

                while (strlen(name) < (size_t)(round % 400)) {
                        random = random * 6364136223846793005ull + 1442695040888963407ull;
                        strcat(name, pieces[(random >> 33) % array_len(pieces)]);
                }
                for (int level = 0; level < SHORTEN_LEVELS; level++) {
                        char *got = shorten_name(name, (enum shorten_level)level, "..");
                        char *clean = text_clean(got);

                        assert_string_equal(clean, got);
                        assert_true(strlen(got) <= 4 * strlen(name));
                        free(clean);
                        free(got);
                }
        }
}

static void endless_brackets_come_to_an_end(void **state)
{
        static const char *const units[] = { "<", "(", "{", "<>", "a<b>::", "<a as ", "operator<", "<(" };
        enum { LENGTH = 64 << 10 };
        char *name = malloc(LENGTH + 16);

        for (size_t i = 0; i < array_len(units); i++) {
                size_t n = strlen(units[i]), len = 0, most = LENGTH;

                while (len + n < most) {
                        memcpy(name + len, units[i], n);
                        len += n;
                }
                name[len] = '\0';
                for (int level = 0; level < SHORTEN_LEVELS; level++)
                        free(shorten_name(name, (enum shorten_level)level, ".."));
                shorten_tail(name, 16);
        }
        free(name);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(tags_and_hashes_that_say_nothing_go_first),
                cmocka_unit_test(template_arguments_fold_from_the_inside),
                cmocka_unit_test(operators_are_no_brackets),
                cmocka_unit_test(lambdas_and_anonymous_namespaces_keep_their_sense),
                cmocka_unit_test(rust_types_keep_their_last_names),
                cmocka_unit_test(d_templates_fold_too),
                cmocka_unit_test(brackets_without_a_partner_stay),
                cmocka_unit_test(the_last_components_are_found_outside_of_brackets),
                cmocka_unit_test(anything_is_shortened_without_harm),
                cmocka_unit_test(endless_brackets_come_to_an_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
