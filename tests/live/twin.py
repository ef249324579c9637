"""twin: are the numbers on a screen those of `heaptop report --json`?

    twin.py HEAPTOP SESSION     one line of TAP for each kind of number

A number on screen has three digits: it must be the exact one, rounded to the digits shown.
"""
import json
import os
import re
import subprocess
import sys

HEAPTOP, SESSION = sys.argv[1:3]
UNITS = {"": 1, "k": 1000, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
number = 0


def output(*arguments):
    return subprocess.run([HEAPTOP, *arguments], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}).stdout


def is_rounded(shown, exact):
    """SHOWN is like "1.5M"."""
    found = re.fullmatch(r"([+-]?[0-9]+)(\.[0-9]+)?([kKMG]?)", shown)
    if not found:
        return False
    unit = UNITS[found[3]]
    step = unit / 10 ** (len(found[2]) - 1 if found[2] else 0)
    return abs(float(found[1] + (found[2] or "")) * unit - exact) <= step / 2 + 1


def check(what, wrong):
    global number
    number += 1
    for line in wrong:
        print("#", line)
    print(f"{'not ok' if wrong else 'ok'} {number} - {what}")


report = json.loads(output("report", SESSION, "--json", "--top", "1000"))
screen = output("replay", SESSION, "--screen", "200x50", "--keys", "1")
sites = output("replay", SESSION, "--screen", "200x50", "--keys", "2").split("\n")
process = report["process"]


def head_line():
    wrong = []
    for words, exact in (("RSS", sum(process[f"rss_{kind}_bytes"] for kind in ("anon", "file", "shmem"))),
                         ("heap in use(?: about)?", process["heap_used_bytes"]), ("free in heap", process["heap_free_bytes"])):
        found = re.search(rf"{words} ([0-9.]+[KMG]?)", screen)
        if not found or not is_rounded(found[1], exact):
            wrong.append(f"{words}: {found and found[1]} is not {exact}")
    return wrong


def rows():
    """Rows of the table by the site's name: what stands in LIVE and BLOCKS."""
    title = next(line for line in sites if "LIVE" in line and "SITE" in line)
    names = re.findall(r"\S+", title.replace("SITE (allocating frame)", "SITE").replace("▼", " "))
    for line in sites[sites.index(title) + 1:]:
        words = re.findall(r"\S+", line.lstrip(">"))
        if len(words) > len(names) - 2:
            yield dict(zip(names, words)), line


def table():
    by_name, wrong, seen = {}, [], 0
    for site in report["sites"]:
        by_name.setdefault(site["name"], []).append(site)
    for row, line in rows():
        same = [site for name, found in by_name.items() if name and name in line for site in found]
        if not same:
            continue
        seen += 1
        if not any(is_rounded(row["LIVE"], site["live_bytes"]["value"]) and is_rounded(row["BLOCKS"], site["live_blocks"]) and
                   is_rounded(row["BORN"], site["born_bytes"]) and row["CLASS"] == site["class"] for site in same):
            wrong.append(f"{line} is none of {[(site['live_bytes']['value'], site['class']) for site in same]}")
    if seen < 3:
        wrong.append(f"only {seen} rows were found")
    return wrong


def count():
    found = re.search(r"([0-9]+) sites", "\n".join(sites))
    return [] if found and int(found[1]) == report["n_sites"] else [f"{found and found[1]} is not {report['n_sites']}"]


print("1..3")
check("the line of the process has the numbers of the report", head_line())
check("live and born bytes, blocks and class of each site on screen are those of the report", table())
check("so is how many sites there are", count())
