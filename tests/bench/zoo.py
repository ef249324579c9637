"""zoo: makes a C++ program with much debug information, for bench_naming.

    zoo.py PROGRAM MEGABYTES

One unit full of templates is compiled once (g++ -O1 -g); further units are copies of it whose functions have other names, as
objcopy makes them, so that a program with 100 MB of debug information takes seconds and not an hour. Each copy is code of its own at
addresses of its own; what it says of types is what linkers and compilers repeat in every unit anyway.
"""
import os
import subprocess
import sys
import tempfile

FUNCTIONS = 12
HEAD = """#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>
template <int N> struct Animal {
        std::string name;
        std::vector<int> legs;
        int weight = N;
        int eat(int food) { for (int i = 0; i < food; i++) legs.push_back(i * N); return weight += food; }
        const std::string &call(const std::string &suffix) { name += suffix; return name; }
};
template <int N> struct Cage {
        std::map<int, Animal<N>> animals;
        int feed(int food) { int sum = 0; for (auto &animal : animals) sum += animal.second.eat(food + N); return sum; }
        void add(int id) { animals[id].call("x"); std::sort(animals[id].legs.begin(), animals[id].legs.end()); }
};
"""
KEEPER = """__attribute__((noinline)) int keep{i}(int n)
{{
        Cage<{i}> cage;
        std::function<int(int)> feed = [&cage](int food) {{ return cage.feed(food); }};
        for (int i = 0; i < n; i++)
                cage.add(i);
        return feed(n) + {i};
}}
"""


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def debug_bytes(path):
    rows = (line.split() for line in run("size", "-A", path).splitlines())
    return sum(int(row[1]) for row in rows if row and row[0].startswith(".debug_"))


def first_unit(folder):
    source = f"{folder}/zoo.cc"
    with open(source, "w") as file:
        file.write(HEAD + "".join(KEEPER.format(i=i) for i in range(FUNCTIONS)))
        file.write("int zoo(int n)\n{\n        int sum = 0;\n" + "".join(f"        sum += keep{i}(n);\n" for i in range(FUNCTIONS)) +
                   "        return sum;\n}\n")
    run("g++", "-O1", "-g", "-c", source, "-o", f"{folder}/zoo.o")
    return f"{folder}/zoo.o"


def copy_of(unit, number, folder):
    """The same code under other names: of what the unit defines itself, which also makes its COMDAT groups others."""
    defined = {row.split()[-1] for row in run("nm", "--defined-only", unit).splitlines()}
    names = f"{folder}/names"
    with open(names, "w") as file:
        file.writelines(f"{name} {name}_{number}\n" for name in sorted(defined) if not name.startswith("."))
    copy = f"{folder}/zoo{number}.o"
    run("objcopy", f"--redefine-syms={names}", unit, copy)
    return copy


def link(program, unit, n, folder):
    """PROGRAM of N copies; returns its megabytes of debug information."""
    copies = [f"{folder}/zoo{i}.o" if os.path.exists(f"{folder}/zoo{i}.o") else copy_of(unit, i, folder) for i in range(n)]
    main = f"{folder}/main.cc"
    with open(main, "w") as file:
        file.write("".join(f"int zoo{i}(int) asm(\"_Z3zooi_{i}\");\n" for i in range(n)))
        file.write("int main(int argc, char **)\n{\n        return 0" + "".join(f" + zoo{i}(argc)" for i in range(n)) + ";\n}\n")
    run("g++", "-O1", "-g", main, *copies, "-o", program)
    return debug_bytes(program) / 1e6


def make(program, megabytes):
    with tempfile.TemporaryDirectory() as folder:
        unit = first_unit(folder)
        n = 8
        while link(program + ".new", unit, n, folder) < megabytes:
            n = max(n + 1, int(n * 1.02 * megabytes / (debug_bytes(program + ".new") / 1e6)))
    os.replace(program + ".new", program)
    print(f"# {program}: {debug_bytes(program) / 1e6:.0f} MB of debug information in {n} units")


make(sys.argv[1], int(sys.argv[2]))
