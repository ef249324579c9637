"""bench: what heaptop costs the process it watches, as a table in Markdown.

    bench.py HEAPTOP BUILD [quick]

Everything is measured against the plain program in the same run, plain and watched in turn, so that a noisy machine hits
both alike. Medians; the ratio is watched/plain.
"""
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HEAPTOP, BUILD = sys.argv[1], sys.argv[2]
QUICK = "quick" in sys.argv[3:]
DIR = tempfile.mkdtemp()
ROUNDS = 3 if QUICK else 10
serial = 0


def record(pid, seconds, mean):
    """Watches PID for a while; returns the report as data."""
    global serial
    serial += 1
    path = f"{DIR}/{serial}.heaptop"
    subprocess.run([HEAPTOP, "record", "-p", str(pid), "-o", path, "-d", f"{seconds}s", "--mean", mean], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    report = subprocess.run([HEAPTOP, "report", path, "--json"], check=True, stdout=subprocess.PIPE)
    return json.loads(report.stdout)


def row(what, plain, watched, unit, reach):
    a, b = statistics.median(plain), statistics.median(watched)
    print(f"| {what} | {a:.3g} {unit} | {b:.3g} {unit} | {b - a:+.3g} {unit} | {b / a:.3f} | {reach} |", flush=True)


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


def stops(threads, reach):
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
    print(f"| stop at attach / detach, {threads} idle thread(s) | | {statistics.median(attach):.2f} ms / "
          f"{statistics.median(detach):.2f} ms | | | {reach} |", flush=True)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def redis(pipeline, reach):
    """CPU time of redis-server for the same number of requests, PIPELINE of them sent at a time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", DIR],
                              stdout=subprocess.DEVNULL)
    requests = (50000 if QUICK else 100000) * min(pipeline, 4)

    def load():
        before = cpu_seconds(server.pid)
        subprocess.run(["redis-benchmark", "-p", str(port), "-n", str(requests), "-q", "-P", str(pipeline), "-d", "200", "-r", "20000",
                        "-t", "set,get,lpush,lpop"], check=True, stdout=subprocess.DEVNULL)
        return cpu_seconds(server.pid) - before

    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    load()
    plain, watched = [], []
    for _ in range(ROUNDS):
        plain.append(load())
        recorder = subprocess.Popen([HEAPTOP, "record", "-p", str(server.pid), "--mean", "512K",
                                     "-o", f"{DIR}/redis-{pipeline}-{len(plain)}.heaptop"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while "heaptop" not in open(f"/proc/{server.pid}/maps").read():
            time.sleep(0.02)
        watched.append(load())
        recorder.terminate()
        recorder.wait()
    server.kill()
    server.wait()
    row(f"redis-server, CPU time of 4 redis-benchmark tests, -P {pipeline}, 512 KiB mean", plain, watched, "s", reach)


print("| what | plain | watched | added | ratio | reach |\n|---|---|---|---|---|---|", flush=True)
pair(64, "1T", "malloc(64)/free pair, never sampled, exact counters", "<= 4 ns")
pair(128, "512K", "malloc(128)/free pair, 512 KiB mean, samples included", "<= 5.5 ns")
for n, limit in ((1, "1 ms"), (16, "3 ms"), (200, "15 ms")):
    stops(n, f"<= {limit} each")
redis(1, "ratio <= 1.02")
redis(16, "-")
