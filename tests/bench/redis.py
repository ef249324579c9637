"""redis: redis-server under redis-benchmark, without and with a tool: CPU time a request, throughput, 99th percentile of latency."""
import csv
import os
import socket
import statistics
import subprocess
import tempfile
import time

from compare import start_tool, stop_tool
from measure import centre, cpu_between, cpu_of, spread, wait_until
from peers import PLAIN, heaptops, peers

TESTS = 4  # set, get, lpush, lpop
SKIPPED = {"ltrace -e malloc+free": "not tried: see its row in the churn", "memusage": "the server does not answer under it",
           "memleak-bpfcc": "it wants mmap in the same library as malloc: libjemalloc.so.2 has none (-O), libc's malloc is not called"}
SETTLE = 0.7  # seconds under a tool before it is measured


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, tool, dir):
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", dir]
        with open(f"{dir}/err", "w") as err:
            self.process = subprocess.Popen(tool.around(command, dir), stdout=err, stderr=err, env={**os.environ, **tool.env(dir)}, cwd=dir,
                                            start_new_session=True)
        try:
            wait_until(self.answers, 30, "redis-server does not answer")
        except RuntimeError:
            self.process.kill()
            self.process.wait()
            raise

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def load(self, requests, pipeline, roots):
        """REQUESTS of each kind; returns CPU time a request in ns, requests a second, milliseconds that 99 % stay under, and the
        server's share of the CPU time."""
        before, before_alone = cpu_of(roots), cpu_of([self.process.pid])
        out = subprocess.run(["redis-benchmark", "-p", str(self.port), "-n", str(requests), "-P", str(pipeline), "-d", "200", "-r", "20000",
                              "-t", "set,get,lpush,lpop", "--csv"], check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout
        cpu = cpu_between(before, cpu_of(roots)) / (requests * TESTS)
        alone = cpu_between(before_alone, cpu_of([self.process.pid])) / (requests * TESTS)
        rows = list(csv.DictReader(out.splitlines()))
        seconds = sum(requests / float(row["rps"]) for row in rows)
        return cpu, requests * len(rows) / seconds, max(float(row["p99_latency_ms"]) for row in rows), alone

    def settle(self, pipeline):
        """What a tool does only at first is not measured."""
        end = time.monotonic() + SETTLE
        while time.monotonic() < end:
            self.load(2000 * pipeline, pipeline, [])

    def end(self):
        """A clean end, so that a tool inside can write."""
        subprocess.run(["redis-cli", "-p", str(self.port), "shutdown", "nosave"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def print_row(name, how, plain, watched):
    """Three figures each, in pairs."""
    ratios = [b[0] / a[0] for a, b in zip(plain, watched)]
    middle = [statistics.median(row[i] for row in watched) for i in range(3)]
    print(f"| {name} | {how} | {middle[0] / 1000:.2f} us | {spread(ratios)} | {middle[1]:.0f}/s | {middle[2]:.2f} ms |", flush=True)


def pairs(heaptop, quick, pipeline):
    """heaptop against nothing on one server, in turn, whichever first changing: the ratio of CPU time a request with its interval."""
    count, requests = (6, 10000) if quick else (40 if pipeline == 1 else 12, 16000 * min(pipeline, 10))
    tool = [tool for tool in heaptops(heaptop) if tool.mean == "512K"][0]
    plain, watched = [], []
    with tempfile.TemporaryDirectory() as dir:
        server = Server(PLAIN[""], dir)

        def with_tool():
            process = start_tool(tool, server.process.pid, dir)
            server.settle(pipeline)
            watched.append(server.load(requests, pipeline, [server.process.pid, process.pid]))
            stop_tool(process)
            os.rename(f"{dir}/s.heaptop", f"{dir}/last.heaptop")

        def without():
            plain.append(server.load(requests, pipeline, [server.process.pid]))

        server.load(requests, pipeline, [])
        for number in range(count):
            for step in (without, with_tool) if number % 2 == 0 else (with_tool, without):
                step()
        server.end()
    both = centre([b[0] / a[0] for a, b in zip(plain, watched)])
    low, middle, high = centre([b[3] / a[3] for a, b in zip(plain, watched)])
    throughput = centre([b[1] / a[1] for a, b in zip(plain, watched)])
    reach = ""
    if pipeline == 1:
        reach = " (reach: upper end <= 1.02; " + ("reached)" if high <= 1.02 else f"resolved to +-{(high - low) / 2 * 100:.1f} %)")
    print(f"redis-server, -P {pipeline}, heaptop at 512 KiB, {count} pairs: the server's CPU time a request **{middle:.3f}x**, 95 % "
          f"interval {low:.3f}-{high:.3f}{reach}; together with heaptop's {both[1]:.3f}x ({both[0]:.3f}-{both[2]:.3f}); requests a second "
          f"{throughput[1]:.3f}x ({throughput[0]:.3f}-{throughput[2]:.3f}).\n", flush=True)


def once(tool, requests, dir, plain):
    """One load under TOOL, after one of the server PLAIN."""
    base = plain.load(requests, 1, [plain.process.pid])
    server = Server(PLAIN[""] if tool.attaches else tool, dir)
    process = None
    try:
        roots = [server.process.pid]
        if tool.attaches:
            process = start_tool(tool, server.process.pid, dir)
            roots.append(process.pid)
        server.load(500, 1, [])
        if tool.detaches:
            server.settle(1)
        figures = server.load(requests // (1 if tool.detaches else 4), 1, roots)
        if tool.detaches:
            stop_tool(process)
        server.end()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        if process is not None and process.poll() is None:
            stop_tool(process)
    if tool.found(dir) == 0:
        raise RuntimeError("it recorded nothing")
    return base, figures


def table(heaptop, quick):
    """One row for each tool: redis-benchmark without pipelining."""
    requests, rounds = (4000, 1) if quick else (16000, 2)
    print("| tool | how | CPU a request | ratio | requests | p99 |\n|---|---|---|---|---|---|")
    rows, notes = {}, []
    with tempfile.TemporaryDirectory() as empty:
        plain = Server(PLAIN[""], empty)
        plain.load(requests, 1, [])
        for _ in range(rounds):
            for tool in heaptops(heaptop) + peers():
                row = rows.setdefault(tool.name, ([], [], tool))
                why = tool.missing() or SKIPPED.get(tool.name)
                try:
                    if why:
                        raise RuntimeError(why)
                    with tempfile.TemporaryDirectory() as dir:
                        base, figures = once(tool, requests, dir, plain)
                    row[0].append(base)
                    row[1].append(figures)
                except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                    if f"{tool.name}: {error}" not in notes:
                        notes.append(f"{tool.name}: {error}")
        plain.end()
    bases = [base for row in rows.values() for base in row[0]]
    print_row("no tool", "", bases, bases)
    for name, (base, figures, tool) in rows.items():
        if figures:
            print_row(name, "attach" if tool.attaches else "start", base, figures)
    print()
    for note in notes:
        print(f"- {note}")
    print(flush=True)
