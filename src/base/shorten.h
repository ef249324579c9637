/* shorten: function names of C++, Rust and D made short for the eye, step by step. Pure text.
 *
 * What says least goes first: tags and hashes of compilers, then what stands in the arguments of templates, then those
 * arguments as a whole, then parameters. Who has even less room keeps the last components (shorten_tail()). Operators
 * (operator<, operator->, operator()), lambdas ({lambda(int)#1}), anonymous namespaces and Rust's <T as Trait>::f are seen as
 * what they are. Brackets without a partner are copied as they stand. Text is only ever cut at ASCII characters, so UTF-8 stays
 * whole. */
#pragma once

enum shorten_level {
        SHORTEN_TIDY,  /* std::string for its long name; no ABI tags, no Rust hashes, no "[clone ...]" */
        SHORTEN_INNER, /* std::map<K, Foo<...>>::find */
        SHORTEN_OUTER, /* std::map<...>::find, {lambda(...)#1}, <Vec as Extend>::extend */
        SHORTEN_BARE,  /* std::map::find, {lambda#1}, (anon)::f, Vec::extend */
        SHORTEN_LEVELS
};

/* NAME at LEVEL; DOTS stands for what was left out. The caller frees it. */
char *shorten_name(const char *name, enum shorten_level level, const char *dots);

/* Where the last N (1 or more) components of NAME begin: what "::" separates outside of brackets, or the "+0x..." of a module and
 * its offset. NAME itself when it has no more than N. */
const char *shorten_tail(const char *name, unsigned n);
