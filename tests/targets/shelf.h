/* shelf: a C++ program with inlined calls, in two files, to be built in many ways: tests/live/debug_files.sh. */
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

extern volatile int sink;
int other(int n);

namespace library {
struct Page {
        int words;
        char text[1000];
};
}

struct Book {
        library::Page page;
        explicit Book(int n) : page{ n, "" } { sink = sink + n; }
};

template <class T> struct Shelf {
        std::vector<std::unique_ptr<T>> all;

        __attribute__((noinline)) void add(int n) { put(std::make_unique<T>(n)); }
        __attribute__((always_inline)) inline void put(std::unique_ptr<T> one)
        {
                all.push_back(std::move(one));
                sink = sink + 1;
        }
        int sum() const
        {
                int s = 0;

                for (auto &book : all)
                        s += book->page.words;
                return s;
        }
};
