"""bench: what heaptop costs the process it watches, and what its peers cost, as tables in Markdown.

    bench.py HEAPTOP BUILD [quick] [into=FILE] [pair] [stops] [churn] [programs] [redis] [naming] [screens]

Everything is measured against the plain program in the same run, plain and watched in turn, so that a noisy machine hits
both alike. Medians; the ratio is watched/plain. Without a selection everything is measured; into=FILE replaces what stands between
the two lines "<!-- bench -->" of FILE by the result; with a selection only what was measured.
"""
import contextlib
import datetime
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import compare
import redis
import screens

HEAPTOP, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
QUICK = "quick" in sys.argv[3:]
INTO = [word[5:] for word in sys.argv[3:] if word.startswith("into=")]
SECTIONS = ("pair", "stops", "churn", "programs", "redis", "naming", "screens")
CHOSEN = [word for word in sys.argv[3:] if word != "quick" and not word.startswith("into=")] or SECTIONS
ROUNDS = 3 if QUICK else 8
DIR = tempfile.TemporaryDirectory()
serial = 0


def record(pid, seconds, mean):
    """Watches PID for a while; returns the report as data."""
    global serial
    serial += 1
    path = f"{DIR.name}/{serial}.heaptop"
    subprocess.run([HEAPTOP, "record", "-p", str(pid), "-o", path, "-d", f"{seconds}s"] + (["--mean", mean] if mean else []), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    report = subprocess.run([HEAPTOP, "report", path, "--json"], check=True, stdout=subprocess.PIPE)
    return json.loads(report.stdout)


def row(what, plain, watched, unit, reach):
    a, b = statistics.median(plain), statistics.median(watched)
    print(f"| {what} | {a:.3g} {unit} | {b:.3g} {unit} | {b - a:+.3g} {unit} | {reach} |", flush=True)


def pair(size, mean, what, reach):
    """Added cost of a malloc/free pair."""
    program = subprocess.Popen([f"{BUILD}/tests/bench/pair", str(size)], stdout=subprocess.PIPE, text=True)
    times = {"plain": [], "hooked": []}

    def read():
        for line in program.stdout:
            word = line.split()
            if word[0] in times:
                times[word[0]].append(float(word[1]))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(ROUNDS):
        wait_for(times["plain"], 20)
        record(program.pid, 1, mean)
    wait_for(times["plain"], 20)
    program.kill()
    program.wait()
    reader.join()
    row(what, times["plain"], times["hooked"], "ns", reach)


def wait_for(values, more):
    """Until MORE values have come in."""
    goal = len(values) + more
    while len(values) < goal:
        time.sleep(0.02)


def pairs():
    print("| what | plain | watched | added | reach |\n|---|---|---|---|---|", flush=True)
    pair(64, "1T", "malloc(64)/free pair, never sampled, exact counters", "<= 4 ns")
    pair(128, "512K", "malloc(128)/free pair, 512 KiB mean, samples included", "<= 5.5 ns")
    pair(128, None, "malloc(128)/free pair, default mean, samples included", "<= 5.5 ns")


def stops():
    print("| idle threads | stop at attach | stop at detach | reach |\n|---|---|---|---|", flush=True)
    for threads, reach in ((1, 1), (16, 3), (200, 15)):
        stop(threads, f"<= {reach} ms each")


def stop(threads, reach):
    """How long attach and detach stop a program with idle threads."""
    program = subprocess.Popen([f"{BUILD}/tests/bench/pair", "0", str(threads)], stdout=subprocess.PIPE, text=True)
    program.stdout.readline()
    attach, detach = [], []
    for _ in range(ROUNDS):
        report = record(program.pid, 1, "512K")
        attach.append(report["target"]["stopped_ns"] / 1e6)
        for event in report.get("events", []):
            found = re.match(r"detached: stopped for ([0-9.]+) ms", event["text"])
            if found:
                detach.append(float(found.group(1)))
    program.kill()
    program.wait()
    print(f"| {threads} | {statistics.median(attach):.2f} ms | {statistics.median(detach):.2f} ms | {reach} |", flush=True)


def churn():
    compare.Comparison(HEAPTOP, BUILD, QUICK).tables(("churn",))


def programs():
    compare.Comparison(HEAPTOP, BUILD, QUICK).tables(("sqlite3", "python3", "node"))


def redis_server():
    redis.pairs(HEAPTOP, QUICK, 1)
    redis.pairs(HEAPTOP, QUICK, 16)
    redis.table(HEAPTOP, QUICK)


def naming():
    """Naming 10,000 places of a C++ program with 100 MB of debug information, and of what else runs here."""
    program = f"{BUILD}/tests/bench/zoo"
    if not os.path.exists(program):
        subprocess.run([sys.executable, "-B", f"{os.path.dirname(os.path.abspath(__file__))}/zoo.py", program, "100"], check=True,
                       stdout=subprocess.DEVNULL)
    print("| program | places | CPU | CPU, asked again | memory: recorder, its child | with a line | with inlined calls | reach |\n"
          "|---|---|---|---|---|---|---|---|", flush=True)
    for what, path, reach in (("C++, 100 MB of debug information", program, "<= 2 s, <= 150 MB"), ("heaptop", HEAPTOP, ""),
                              ("node, symbols only", subprocess.run(["which", "node"], stdout=subprocess.PIPE, text=True).stdout.strip(), "")):
        runs = {"first": [], "again": []}
        for _ in range(ROUNDS if path else 0):
            for line in subprocess.run([f"{BUILD}/tests/bench/bench_naming", path], check=True, stdout=subprocess.PIPE,
                                       text=True).stdout.splitlines():
                runs[line.split()[0]].append([float(word) for word in line.split()[1:]])
        if path:
            first, again = ([statistics.median(column) for column in zip(*runs[name])] for name in ("first", "again"))
            print(f"| {what} | {first[0]:.0f} | {first[2]:.2f} s | {again[2]:.2f} s | {first[4]:.0f} MiB, {first[5]:.0f} MiB | "
                  f"{first[6] * 100:.0f} % | {first[7] * 100:.0f} % | {reach} |", flush=True)


def first_line(*command):
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
        return (out.strip().split("\n") or [""])[0]
    except OSError:
        return f"no {command[0]}"


def machine():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"model name\s*: (.*)", file.read())
    model = found.group(1) if found else "?"
    packages = ("heaptrack", "bpfcc-tools", "valgrind", "ltrace", "libjemalloc2", "libgoogle-perftools4", "libc-devtools", "libc6",
                "redis-server", "sqlite3", "python3.11", "nodejs")
    versions = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False).stdout if os.path.exists("/usr/bin/dpkg-query") else ""
    print(f"{datetime.date.today()}, {model}, {os.cpu_count()} processors, Linux {os.uname().release}, {first_line(HEAPTOP, '--version')}; "
          f"{versions}load when it began {os.getloadavg()[0]:.1f}{', quick' if QUICK else ''}.\n", flush=True)


STEPS = {"pair": ("A pair of calls", pairs), "stops": ("How long it stands still", stops), "churn": ("Churn", churn),
         "programs": ("Programs", programs), "redis": ("redis-server", redis_server),
         "naming": ("Names", naming), "screens": ("Screens", lambda: screens.tables(HEAPTOP, BUILD, QUICK))}


def run():
    began = time.monotonic()
    machine()
    for name in SECTIONS:
        if name in CHOSEN:
            print(f"### {STEPS[name][0]}\n", flush=True)
            STEPS[name][1]()
            print(flush=True)
    print(f"(measured in {(time.monotonic() - began) / 60:.0f} minutes)", flush=True)


class Both(io.StringIO):
    """Shows what it keeps."""
    def write(self, text):
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
        return super().write(text)


def parts(text):
    """What stands before the first title, and each title with what is below it."""
    head, *rest = re.split(r"^(?=### )", re.sub(r"^\(measured in .*\n", "", text, flags=re.M), flags=re.M)
    return head, {part.split("\n", 1)[0]: part for part in rest}


def merged(old, result):
    """OLD with the sections of RESULT, each with the line that tells where and when it was measured."""
    (head, kept), (machine_line, measured) = parts(old), parts(result)
    for title, part in measured.items():
        kept[title] = part.replace("\n\n", "\n\n" + machine_line.strip() + "\n\n", 1)
    return head + "".join(part.rstrip("\n") + "\n\n" for part in kept.values())


def put_into(path, result):
    mark = "<!-- bench -->\n"
    with open(path) as file:
        before, old, after = file.read().split(mark)
    if len(CHOSEN) < len(SECTIONS):
        result = merged(old, result)
    with open(path, "w") as file:
        file.write(before + mark + result + mark + after)


if set(CHOSEN) - set(SECTIONS):
    sys.exit("bench: choose from: " + " ".join(SECTIONS))
with contextlib.redirect_stdout(Both()) as kept:
    run()
for name in INTO:
    put_into(name, kept.getvalue())
