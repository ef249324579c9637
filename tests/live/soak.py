"""soak: attach, detach and kill -9, round after round, on programs under load; and hours of recording redis.

    soak.py BUILD SUMS MINUTES          a slice of rounds (see soak.sh)
    soak.py BUILD SUMS MINUTES redis    one recording of redis under load, for MINUTES

A round: one program and its load are started; its state is taken down; CYCLES attach/detach cycles; INJECTOR_KILLS
kill -9 of the injector in the middle of attach, detach and repair (injector_kills); HEAPTOP_KILLS kill -9 of guardian,
recorder, viewer or all of them (kills.py); what the last one left is removed; the state is as before, the load got right
answers only (or the program's own checks were right), and the program ends as usual. Rounds run in LANES at once. Sums
are written after each round, so that a slice may be ended at any time. The first failure ends the slice; it prints the
seed and what was seen.
"""
import fcntl
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

CYCLES, INJECTOR_KILLS, HEAPTOP_KILLS = 50, 15, 10
LANES = int(os.environ.get("HEAPTOP_SOAK_LANES", "3"))
TOTALS = {"cycles": 10000, "kills": 5000, "redis_seconds": 3600}
PYTHON = "/usr/bin/python3"
build, sums_path, minutes = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), float(sys.argv[3])
here = os.path.dirname(os.path.abspath(__file__))
heaptop, live, targets = f"{build}/heaptop", f"{build}/tests/live", f"{build}/tests/targets"
printing = threading.Lock()
failed = threading.Event()


class Wrong(Exception):
    pass


def say(text):
    with printing:
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)


# ---- sums ----

def read_sums():
    try:
        with open(sums_path) as file:
            words = file.read().split()
    except OSError:
        words = []
    return {name: int(value) for name, value in zip(words[::2], words[1::2])}


def add_sums(counts):
    with open(sums_path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sums = read_sums()
        for name, value in counts.items():
            sums[name] = sums.get(name, 0) + value
        with open(sums_path + ".new", "w") as file:
            file.writelines(f"{name} {value}\n" for name, value in sorted(sums.items()))
        os.replace(sums_path + ".new", sums_path)


def print_sums():
    sums = read_sums()
    for name, value in sorted(sums.items()):
        say(f"{name} {value}")
    for name, total in TOTALS.items():
        say(f"left to the total of {total}: {max(0, total - sums.get(name, 0))} {name}")


# ---- programs ----

def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"{what}: waited for {seconds} s")
        time.sleep(0.05)


class Program:
    """One target, and who keeps it busy (or it keeps busy by itself and checks its own data)."""

    def __init__(self, name, work):
        self.name, self.work, self.load = name, work, None
        port = free_port()
        argv, kind, self.good_end = self.commands(port)[name]
        self.log = open(f"{work}/target", "w+")
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        if kind:
            self.load_log = open(f"{work}/load", "w+")
            self.load = subprocess.Popen([PYTHON, f"{here}/load.py", kind, str(port), "50000"], stdin=subprocess.PIPE,
                                         stdout=self.load_log, stderr=self.load_log)
        wait_for(lambda: self.says("load" if kind else "target", "READY"), f"{name} did not start")

    def says(self, name, word):
        with open(f"{self.work}/{name}") as file:
            return word in file.read()

    def commands(self, port):
        return {
            "churn": ([f"{targets}/churn", "4", "86400", "5000"], None, 0),
            "redis": (["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", self.work],
                      "redis", 0),
            "memcached": (["memcached", "-p", str(port), "-l", "127.0.0.1", "-u", "root", "-m", "2048"],
                          "memcached", 0),
            "nginx": (["nginx", "-c", self.nginx(port), "-p", self.work], "http", 0),
            "python3": ([PYTHON, f"{here}/grow.py"], None, -signal.SIGTERM),
            "node": (["node", f"{here}/grow.js"], None, -signal.SIGTERM),
        }

    def nginx(self, port):
        os.makedirs(f"{self.work}/www", exist_ok=True)
        with open(f"{self.work}/www/index.html", "w") as page:
            page.write("x" * 3000)
        paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        with open(f"{self.work}/nginx.conf", "w") as conf:
            conf.write(f"daemon off; master_process off; pid {self.work}/nginx.pid; error_log {self.work}/nginx.err;\n"
                       "events { worker_connections 64; }\nhttp { access_log off; keepalive_requests 1000000000;\n"
                       + "".join(f"{p}_temp_path {self.work}/{p};\n" for p in paths)
                       + f"server {{ listen 127.0.0.1:{port}; root {self.work}/www; }} }}\n")
        return conf.name

    def end(self):
        """It must have been right up to now. Returns how many answers were checked."""
        answers = 0
        if self.load:
            self.load.communicate(b"", timeout=60)
            with open(f"{self.work}/load") as file:
                text = file.read()
            if self.load.returncode != 0:
                raise Wrong(f"{self.name} answered wrongly: {text}")
            answers = int(text.rsplit("answers=", 1)[1].split()[0])
        self.process.terminate()
        status = self.process.wait(60)
        if status != self.good_end:
            raise Wrong(f"{self.name} ended with {status}")
        return answers

    def kill(self):
        for process in (self.load, self.process):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def fingerprint(program):
    """Once it does not move any more: a thread begins with its signals blocked."""
    last = None
    for _ in range(200):
        now = subprocess.run([f"{live}/fingerprint", str(program.pid)], capture_output=True, text=True).stdout
        if now and now == last:
            return now
        last = now
        time.sleep(0.05)
    raise Wrong(f"{program.name} does not come to rest: {last}")


def run(what, argv, seconds, good=(0,)):
    environment = dict(os.environ, HEAPTOP_KILLS_WAIT="0.7")
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired as late:
        raise Wrong(f"{what}: not done after {seconds} s: {late.stdout}") from None
    if done.returncode not in good:
        raise Wrong(f"{what}: status {done.returncode}: {done.stdout}")
    return done.stdout


def numbers(text):
    pairs = (word.split("=") for word in text.split() if "=" in word)
    return {key: int(value) for key, value in pairs if value.isdigit()}


# ---- rounds ----

def compare(before, after, program):
    if before != after:
        lines = set(before.splitlines()) ^ set(after.splitlines())
        raise Wrong(f"{program.name} is not as before:\n" + "\n".join(sorted(lines)[:20]))


def repair(pid):
    """A recorder that had just been born when its guardian was killed ends by itself, when it gets a processor."""
    end = time.monotonic() + 60
    while True:
        try:
            return run("repair", [f"{live}/attach_tool", "repair", pid], 120)
        except Wrong as wrong:
            if "is watching" not in str(wrong) or time.monotonic() > end:
                raise
        time.sleep(0.2)


def play(name, seed, work):
    counts = {}
    program = Program(name, work)
    pid = str(program.pid)
    try:
        before = fingerprint(program)
        run("cycles", [f"{live}/attach_tool", "cycle", pid, str(CYCLES), "5"], 600)
        counts["cycles"] = counts[f"cycles_{name}"] = CYCLES
        killed = numbers(run("injector", [f"{live}/injector_kills", pid, str(INJECTOR_KILLS), str(seed)], 600))
        counts.update({f"killed_injector_in_{phase}": n for phase, n in killed.items() if n})
        killed = numbers(run("kills", [PYTHON, f"{here}/kills.py", heaptop, pid, str(HEAPTOP_KILLS), str(seed)], 900))
        counts.update({f"killed_{role}": n for role, n in killed.items() if n})
        counts["kills"] = INJECTOR_KILLS + HEAPTOP_KILLS
        repair(pid)
        compare(before, fingerprint(program), program)
        counts["answers"] = program.end()
    finally:
        program.kill()
    return counts


def lane(rounds, end):
    while time.monotonic() < end and not failed.is_set():
        seed, name = next(rounds)
        work = tempfile.mkdtemp(prefix="heaptop-soak.")
        try:
            add_sums(play(name, seed, work))
        except Exception as wrong: # whatever it is, it ends the slice and is told
            failed.set()
            say(f"seed {seed} {name}: {wrong}")
        finally:
            shutil.rmtree(work, ignore_errors=True)


def have(name):
    return shutil.which({"redis": "redis-server", "python3": PYTHON}.get(name, name)) or name == "churn"


def slice_of_rounds():
    names = [n for n in ("churn", "redis", "node", "python3", "nginx", "memcached") if have(n)]
    first = random.SystemRandom().randrange(1 << 30)
    guard = threading.Lock()
    order = zip(itertools.count(first), itertools.cycle(names))

    class Rounds:
        def __next__(self):
            with guard:
                return next(order)

    began = time.monotonic()
    lanes = [threading.Thread(target=lane, args=(Rounds(), began + minutes * 60)) for _ in range(LANES)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    add_sums({"round_seconds": int(time.monotonic() - began)})


# ---- redis for hours ----

def redis_info(port, key):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(b"*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n")
        text = b""
        while b"\r\n\r\n" not in text and not text.endswith(b"\r\n\r\n") and text.count(b"\r\n") < 40:
            text += sock.recv(65536)
    return next(int(line.split(b":")[1]) for line in text.split(b"\r\n") if line.startswith(key.encode() + b":"))


def check_figures(report, used, used_before):
    """What redis knows about its own heap against what was found: within the interval and a rounding to classes."""
    live, sampling = report["live_bytes"], report["sampling"]
    grown = used - used_before
    allowed = (live["high"] - live["low"]) + 0.15 * grown
    say(f"redis grew by {grown} bytes, found {live}, {sampling}, {len(report['gaps'])} gaps, {report['growth']}")
    if abs(live["value"] - grown) > allowed:
        raise Wrong(f"redis grew by {grown} bytes, and {live} were found")
    if report["session"]["length_ns"] < (minutes * 60 - 30) * 1e9:
        raise Wrong(f"the session ended early: {report['session']}")


def redis_recorded(work):
    program = Program("redis", work)
    try:
        return record_redis(program, work)
    finally:
        program.kill()


def record_redis(program, work):
    before = fingerprint(program)
    port = int(program.process.args[2])
    used_before = redis_info(port, "used_memory")
    recorder = subprocess.Popen([heaptop, "record", "-p", str(program.pid), "-o", f"{work}/redis.heaptop", "-d",
                                 f"{int(minutes * 60)}s"], stdin=subprocess.DEVNULL,
                                stdout=open(f"{work}/record", "w"), stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + minutes * 60 - 10
        wait_for(lambda: time.monotonic() >= end or recorder.poll() is not None, "the recorder", minutes * 60 + 60)
        used = redis_info(port, "used_memory")
        status = recorder.wait(120)
    finally:
        if recorder.poll() is None:
            recorder.terminate()
            recorder.wait(60)
    with open(f"{work}/record") as file:
        text = file.read()
    if status != 0:
        raise Wrong(f"the recorder ended with {status}: {text}")
    compare(before, fingerprint(program), program)
    report = json.loads(run("report", [heaptop, "report", "--json", f"{work}/redis.heaptop"], 120))
    answers = program.end()
    check_figures(report, used, used_before)
    add_sums({"redis_seconds": int(minutes * 60), "redis_answers": answers})


def main():
    if len(sys.argv) > 4 and sys.argv[4] == "redis":
        work = tempfile.mkdtemp(prefix="heaptop-soak.")
        try:
            redis_recorded(work)
        except Wrong as wrong:
            failed.set()
            say(f"redis: {wrong}")
        finally:
            shutil.rmtree(work, ignore_errors=True)
    else:
        slice_of_rounds()
    print_sums()
    sys.exit(failed.is_set())


main()
