"""names_check: compares the names of a recording with those of binutils' addr2line, elfutils' eu-addr2line and LLVM's.

    names_check.py WHAT SESSION AT_LEAST

Every frame of a file that can be opened is asked of all three, with its inlined calls, and must have the same functions and lines as
one of them has, from the innermost call to the function itself: they do not agree with each other on everything. elfutils has no lines
of what clang made (it wants .debug_aranges), binutils leaves out inlined calls whose ranges DWARF 5 keeps in a list. Names are compared as
linkers see them (c++filt -p of what the others print), files by their last part. Prints a line of counts and up to 20 of what differs.
Ends with 1 when a frame agrees with none for no reason that is known (see explained()), or when fewer than AT_LEAST were compared.
"""
import collections
import os
import re
import sqlite3
import subprocess
import sys

JIT, INTERPRETED, NEAREST = 32, 64, 16
OTHERS = {"binutils": ["addr2line", "-a", "-i", "-f"], "elfutils": ["eu-addr2line", "-a", "-i", "-f"],
          "LLVM": ["llvm-symbolizer", "--output-style=GNU", "--no-demangle", "--addresses", "--inlines", "--functions=linkage",
                   "--relative-address"]}
what, session, at_least = sys.argv[1], sys.argv[2], int(sys.argv[3])


def frames():
    """(module path, address asked about, [(function, file, line) innermost first], nearest) of each real frame."""
    db = sqlite3.connect(f"file:{session}?mode=ro", uri=True)
    paths = dict(db.execute("SELECT id, path FROM module"))
    rows = {row[0]: row for row in db.execute("SELECT id, module, offset, func, file, line, inlined_in, flags FROM frame")}
    inner = {row[6]: row[0] for row in rows.values() if row[6]}
    for row in rows.values():
        if row[6] or row[7] & (JIT | INTERPRETED) or not row[7] & 1 or not os.path.isfile(paths.get(row[1], "")):
            continue
        chain, at = [], row[0]
        while at:
            chain.append((rows[at][3], rows[at][4], rows[at][5]))
            at = inner.get(at, 0)
        yield paths[row[1]], row[2] - 1, chain[::-1], row[7] & NEAREST


def ask(command, path, addresses):
    """What an addr2line says of each address: [(function, file, line) innermost first]."""
    text = "".join(f"{address:#x}\n" for address in addresses)
    out = subprocess.run([*command, "-e", path], input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                         errors="replace", check=False).stdout.splitlines()
    answers, at = {}, None
    lines = iter(out)
    for line in lines:
        if re.fullmatch(r"0x[0-9a-f]+", line):
            at = answers.setdefault(int(line, 16), [])
            continue
        place = re.sub(r" \(discriminator.*\)| \(inlined by\).*", "", next(lines, "??:0"))
        file, _, number = place.partition(":")
        number = number.split(":")[0]
        at.append((re.sub(r" inlined at .*", "", line), file, int(number) if number.isdigit() else 0))
    return answers


def demangle(names):
    """All at once, without parameters."""
    names = sorted({name for name in names if name})
    out = subprocess.run(["c++filt", "-p"], input="\n".join(names), stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    return dict(zip(names, out))


def plain(name):
    """What compilers append to clones is no part of the name; nor are the parameters that some print."""
    return re.sub(r"( \[clone .*\]|\.(constprop|isra|part|cold|lto_priv|llvm)\b.*|@.*)$", "", name or "")


def same(ours, theirs, names):
    """Whether two chains are the same; of frames without debug information only the function counts."""
    if len(ours) != len(theirs):
        return False
    for (func, file, line), (other, place, number) in zip(ours, theirs):
        other = names.get(other, other)
        if plain(func) != plain(other) and not (func or "").endswith("::" + plain(other)) and not (not func and other == "??"):
            return False
        if (line or 0) != number or (number and os.path.basename(file or "") != os.path.basename(place)):
            return False
    return True


def explained(ours, nearest, answers):
    """Why a frame may agree with neither; None = for no reason."""
    known = [answer for answer in answers if answer and answer[0][0] not in ("??", "")]
    if nearest:
        return "only near a symbol: shown as a guess"
    if not known:
        return "the others know nothing"
    if len({tuple(answer) for answer in known}) > 1 and any(
            [line for _, _, line in ours] == [line for _, _, line in answer] for answer in known):
        return "the others name it differently from each other, the lines are one's"
    if all(answer[-1][2] == 0 for answer in known) and ours[0][2] == 0:
        return "no debug information, and the symbols of one place are several"
    return None


def main():
    by_module = collections.defaultdict(list)
    for path, address, chain, nearest in frames():
        by_module[path].append((address, chain, nearest))
    count = collections.Counter()
    different = []
    for path, asked in by_module.items():
        answers = [ask(command, path, [address for address, _, _ in asked]) for command in OTHERS.values()]
        names = demangle(name for answer in answers for chain in answer.values() for name, _, _ in chain)
        for address, chain, nearest in asked:
            theirs = [answer.get(address, []) for answer in answers]
            agrees = [other for other, answer in zip(OTHERS, theirs) if same(chain, answer, names)]
            count["frames"] += 1
            count["with lines"] += chain[0][2] > 0
            count["with inlined calls"] += len(chain) > 1
            if agrees:
                count["agree with " + (" and ".join(agrees) if len(agrees) < len(OTHERS) else "all")] += 1
                continue
            why = explained(chain, nearest, theirs)
            count[f"agree with none: {why or 'NOT EXPLAINED'}"] += 1
            if not why:
                different.append((path, address, chain, theirs))
    print(f"# {what}: " + ", ".join(f"{n} {name}" for name, n in count.items()))
    for path, address, chain, theirs in different[:20]:
        print(f"#   {path} {address:#x}\n#     heaptop  {chain}" +
              "".join(f"\n#     {other:8} {answer}" for other, answer in zip(OTHERS, theirs)))
    sys.exit(bool(different) or count["frames"] < at_least)


main()
