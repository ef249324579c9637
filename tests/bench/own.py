"""own: what the recorder itself takes, in processor time and memory, as a table in Markdown.

    own.py HEAPTOP SRC [SECONDS]

Records redis-server, node and python3 under load without --mean, so at the budget of about 500 samples a second. CPU: of all
threads, from the fifth second on (the first go into names), as a share of one processor. First: CPU of the first five
seconds. RSS: the most, with the process that reads debug information; beside it what the recorder proper consists of in the end.
"""
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HEAPTOP, SRC = os.path.abspath(sys.argv[1]), sys.argv[2]
SECONDS = int(sys.argv[3]) if len(sys.argv) > 3 else 25
DIR = tempfile.mkdtemp()
WARM_S = 5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def child_of(pid):
    """The recorder is the only child of the guardian."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    raise SystemExit("no recorder")


def resident(pid):
    """MiB of RSS by what it is."""
    parts = {"malloc": 0, "files": 0, "shared": 0, "other": 0}
    kind = "other"
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ (\S+) \S+ (\d+)\s*(.*)", line)
            if head:
                name = head[3]
                kind = ("shared" if "memfd:" in name or name.startswith("/dev/shm") or name.endswith("-shm")
                        else "files" if name.startswith("/") else "malloc" if name == "[heap]" or not name else "other")
            elif line.startswith("Rss:"):
                parts[kind] += int(line.split()[1]) / 1024
    return parts


def measure(what, pid, reach):
    path = f"{DIR}/{what}.heaptop"
    guardian = subprocess.Popen([HEAPTOP, "record", "-p", str(pid), "-o", path, "-d", f"{SECONDS}s"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    recorder = child_of(guardian.pid)
    parts = {}
    end = time.monotonic() + SECONDS - 2
    while time.monotonic() < end and guardian.poll() is None:
        try:
            parts = resident(recorder)
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(1)
    guardian.wait()
    rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(
        "SELECT time_ns, recorder_cpu_ns, recorder_rss, samples, mean FROM tick ORDER BY id").fetchall()
    rows = rows[:-1]  # the last one is made after the end, with time for names
    start = rows[0][0]
    first = [row for row in rows if row[0] - start <= WARM_S * 1e9][-1]
    last = rows[-1]
    seconds = (last[0] - first[0]) / 1e9
    print(f"| {what} | {(last[1] - first[1]) / 1e9 / seconds * 100:.2f} % | {(last[3] - first[3]) / seconds:.0f} "
          f"| {last[4] // 1024} KiB | {first[1] / 1e6:.0f} ms | {max(row[2] for row in rows) / 2**20:.1f} MiB | "
          + ", ".join(f"{name} {size:.1f}" for name, size in parts.items()) + f" | {reach} |", flush=True)


def redis():
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", DIR],
                              stdout=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    load = subprocess.Popen(["redis-benchmark", "-p", str(port), "-n", "100000000", "-q", "-d", "200", "-r", "20000", "-t",
                             "lpush,lpop,set,get"], stdout=subprocess.DEVNULL)
    try:
        measure("redis-server", server.pid, "2 %, 32 MiB")
    finally:
        load.kill()
        server.kill()
        load.wait()
        server.wait()


def program(what, command, reach):
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        child.stdout.readline()
        measure(what, child.pid, reach)
    finally:
        child.kill()
        child.wait()


print("| recording | CPU | samples/s | mean | first 5 s | RSS | MiB of it | reach |\n|---|---|---|---|---|---|---|---|", flush=True)
if shutil.which("redis-server") and shutil.which("redis-benchmark"):
    redis()
if shutil.which("node"):
    program("node", ["node", f"{SRC}/tests/live/grow.js"], "2 %, 64 MiB")
program("python3", ["/usr/bin/python3", f"{SRC}/tests/live/grow.py"], "2 %")
shutil.rmtree(DIR)
