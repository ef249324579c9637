"""screens: how fast the screens are, on a real pseudo terminal with 60,000 sites and a session of a day, as tables in Markdown.

The viewer tells on HEAPTOP_TEST_FD when a frame has been written and how many keys it has seen by then: that is what is waited for.
"Key to screen" is from the write of the key into the terminal until the frame with its effect has been written out; CPU is what the
viewer itself took for it (median), which a busy machine makes no longer.
"""
import datetime
import fcntl
import os
import pty
import random
import re
import select
import signal
import statistics
import struct
import subprocess
import tempfile
import termios
import time

HANGS_S = 60  # nothing takes that long
PAUSE_S = 0.15  # between keys: the same key in quick succession counts as held down, which is drawn four times a second
SIZES = ((80, 24), (140, 40), (200, 50))
START_NS, WALL_NS = 5000 * 10**9, 1763800000 * 10**9  # of bench_session


class Screen:
    """heaptop on a terminal of its own."""

    def __init__(self, heaptop, path, size=(200, 50), options=()):
        self.frames, self.inputs, self.output, self.said = 0, 0, 0, b""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.master, (self.pipe, tell) = master, os.pipe()
        os.set_blocking(master, False)
        os.set_blocking(self.pipe, False)
        environment = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.environ["PATH"],
                       "HEAPTOP_TEST_FD": str(tell), "HOME": tempfile.gettempdir(), "XDG_CONFIG_HOME": "/nonexistent",
                       "XDG_STATE_HOME": tempfile.gettempdir()}
        self.began = time.monotonic()
        self.process = subprocess.Popen([heaptop, "replay", path, *options], stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        pass_fds=(tell,), start_new_session=True)
        os.close(slave)
        os.close(tell)

    def read(self, timeout):
        ready, _, _ = select.select([self.master, self.pipe], [], [], timeout)
        for file in ready:
            try:
                data = os.read(file, 65536)
            except (BlockingIOError, OSError):
                continue
            if file == self.master:
                self.output += len(data)
                continue
            self.said += data
            *lines, self.said = self.said.split(b"\n")
            for line in lines:
                found = re.match(rb"frame (\d+) input (\d+)", line)
                if found:
                    self.frames, self.inputs = int(found[1]), int(found[2])
        return bool(ready)

    def wait(self, condition):
        """Until CONDITION holds; how long that took since it was called, in ms."""
        start = time.monotonic()
        while not condition():
            self.read(1)
            if time.monotonic() - start > HANGS_S or self.process.poll() is not None:
                raise SystemExit("bench: the screen does not answer")
        return (time.monotonic() - start) * 1000

    def first_frame(self):
        self.wait(lambda: self.frames >= 1)
        return (time.monotonic() - self.began) * 1000

    def ready(self):
        """Until everything is read; the first frame only says that it is going on."""
        self.wait(lambda: self.frames >= 2)
        while self.read(0.4):
            pass

    def key(self, text):
        """Presses the keys of TEXT at once; ms until they are on the screen."""
        goal = self.inputs + (len(text) if not text.startswith("\033") else 1)
        cpu = self.cpu_ns()
        os.write(self.master, text.encode())
        took = self.wait(lambda: self.inputs >= goal)
        return took, (self.cpu_ns() - cpu) / 1e6

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(max(0, end - time.monotonic()))

    def viewer(self):
        """heaptop itself or, when it has one, its child."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return (file.read().split() or [self.process.pid])[0]

    def resident(self):
        """MiB: all, and without what is of files."""
        with open(f"/proc/{self.viewer()}/status") as file:
            found = dict(re.findall(r"(VmRSS|RssAnon):\s+(\d+)", file.read()))
        return int(found["VmRSS"]) / 1024, int(found["RssAnon"]) / 1024

    def cpu_ns(self):
        with open(f"/proc/{self.viewer()}/schedstat") as file:
            return int(file.read().split()[0])

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + HANGS_S
            while self.process.poll() is None and time.monotonic() < deadline:
                self.read(0.1)
        self.process.wait()
        os.close(self.master)
        os.close(self.pipe)


class Live:
    """Somebody who records."""

    def __init__(self, program, path, sites):
        self.path = path
        self.process = subprocess.Popen([program, "live", path, str(sites)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "READY\n":
            raise SystemExit("bench: no live session")

    def tick(self, changed):
        self.process.stdin.write(f"{changed}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def row(what, values, unit, reach, form="{:.1f}"):
    """VALUES are numbers, or pairs with the CPU that each took."""
    cpu = f"{statistics.median(pair[1] for pair in values):.1f} ms" if isinstance(values[0], tuple) else ""
    values = sorted(value[0] if isinstance(value, tuple) else value for value in values)
    high = values[min(len(values) - 1, int(len(values) * 0.95))]
    print("| {} | {} {u} | {} {u} | {} {u} | {cpu} | {} |".format(what, *(form.format(v) for v in (statistics.median(values), high, values[-1])),
                                                                  reach, u=unit, cpu=cpu), flush=True)


def head():
    print("| what | median | 95 % | most | CPU | reach |\n|---|---|---|---|---|---|", flush=True)


# What is pressed, in this order; each row of keys ends where the next begins.
KEYS = (("j (next row)", "j", ""), ("PgDn", "\033[6~", ""), ("G (last row)", "G", "\033OH"), ("2 (sites)", "2", ""), ("1 (overview)", "1", ""),
        ("> (sort by the next column)", ">", ""), ("I (other way round)", "I", "I"), ("Enter (stack)", "\r", ""), ("t (invert)", "t", "t"),
        ("q (back)", "q", ""), ("? (help)", "?", "q"), ("i (info)", "i", "q"), ("z (zoom)", "z", "Z"), ("3 (stack of all)", "3", "1"),
        ("4 (marks)", "4", "1"), ("6 (flame)", "6", "1"), ("7 (replay)", "7", "1"), ("8 (alerts)", "8", "1"), ("F2 (menu)", "\033OQ", "\033"),
        ("o (options)", "o", "\033"))
FILTER = "/insert"


def keys(heaptop, path, rounds, what):
    screen = Screen(heaptop, path)
    screen.ready()
    screen.key("1")
    screen.drain(PAUSE_S)
    overview = screen.resident()
    times = {name: [] for name, _, _ in KEYS}
    typing = []
    for _ in range(rounds):
        for name, key, undo in KEYS:
            times[name].append(screen.key(key))
            screen.drain(PAUSE_S)
            if undo:
                screen.key(undo)
                screen.drain(PAUSE_S)
        for letter in FILTER:
            typing.append(screen.key(letter))
            screen.drain(PAUSE_S)
        screen.key("\033")
        screen.drain(PAUSE_S)
    for name, _, _ in KEYS:
        row(f"{what}: {name}", times[name], "ms", "<= 30 ms")
    row(f"{what}: each key of a filter ({FILTER})", typing, "ms", "<= 30 ms")
    result = overview, screen.resident()
    screen.close()
    return result


def starts(heaptop, path, rounds, what, reach):
    """First paint, and the first one with data."""
    first, full = [], []
    for _ in range(rounds):
        screen = Screen(heaptop, path)
        first.append(screen.first_frame())
        screen.wait(lambda: screen.frames >= 2)
        full.append(((time.monotonic() - screen.began) * 1000, screen.cpu_ns() / 1e6))
        screen.close()
    row(f"{what}: first paint", first, "ms", reach)
    row(f"{what}: open, with all data", full, "ms", "<= 1000 ms")


def clock(tick):
    seconds = (START_NS + WALL_NS) // 10**9 + tick
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%H:%M:%S")


def jumps(heaptop, path, n, hours):
    screen = Screen(heaptop, path)
    screen.ready()
    numbers = random.Random(1)
    times = []
    for _ in range(n):
        screen.key(f":{clock(numbers.randrange(1, hours * 3600))}")
        screen.drain(PAUSE_S)
        times.append(screen.key("\r"))
        screen.drain(PAUSE_S)
    row(f"{n} jumps to any time (:13:05:30 Enter)", times, "ms", "<= 200 ms")
    screen.close()


def frames(heaptop, live, ticks):
    """Bytes a frame while a tick comes each time, and when nothing comes."""
    for size in SIZES:
        screen = Screen(heaptop, live.path, size)
        screen.ready()
        amounts = []
        for _ in range(ticks):
            before, frame = screen.output, screen.frames
            live.tick(60)
            screen.wait(lambda: screen.frames > frame)
            screen.drain(0.05)
            amounts.append(screen.output - before)
        row(f"live, {size[0]}x{size[1]}: bytes a frame, 60 stacks changed", amounts, "B", "<= 2100 B" if size == (200, 50) else "",
            "{:.0f}")
        screen.close()


def stillness(heaptop, live, path, seconds):
    print("\n| what | frames | bytes | CPU of one core | reach |\n|---|---|---|---|---|", flush=True)
    for what, file in (("a replay that is paused", path), ("a live view without a new tick", live.path)):
        screen = Screen(heaptop, file)
        screen.ready()
        still(screen, what, seconds, None, "0 bytes")
        screen.close()
    screen = Screen(heaptop, live.path)
    screen.ready()
    still(screen, "a live view, a tick a second in which nothing changes", seconds, lambda: live.tick(0), "<= 1 %")
    still(screen, "a live view, a tick a second, 60 stacks change", seconds, lambda: live.tick(60), "<= 1 %")
    screen.close()


def still(screen, what, seconds, each_second, reach):
    output, frame, cpu, start = screen.output, screen.frames, screen.cpu_ns(), time.monotonic()
    for _ in range(seconds):
        if each_second:
            each_second()
        screen.drain(1)
    share = (screen.cpu_ns() - cpu) / 1e9 / (time.monotonic() - start)
    print(f"| {what}, {seconds} s | {screen.frames - frame} | {screen.output - output} | {share * 100:.2f} % | {reach} |", flush=True)


def make_day(program, path, hours):
    """Made once and kept: it takes minutes."""
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(program):
        for suffix in ("", ".part", ".part-wal", ".part-shm", ".part-live"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
        subprocess.run([program, "day", path + ".part", str(hours)], check=True)
        os.rename(path + ".part", path)


def tables(heaptop, build, quick):
    program, hours = f"{build}/tests/bench/bench_session", 2 if quick else 24
    path = f"{build}/bench-screens-{hours}.heaptop"
    rounds = 3 if quick else 9
    make_day(program, path, hours)
    with tempfile.TemporaryDirectory() as folder:
        live = Live(program, f"{folder}/live.heaptop", 60000)
        print(f"60,000 sites; the replay is of {hours} hours, {os.path.getsize(path) / 1e6:.0f} MB. Terminal 200x50; load "
              f"{os.getloadavg()[0]:.1f} when it began.\n")
        head()
        starts(heaptop, path, rounds, "replay", "<= 100 ms")
        starts(heaptop, live.path, rounds, "live", "<= 100 ms")
        of_replay = keys(heaptop, path, rounds, "replay")
        of_live = keys(heaptop, live.path, rounds, "live")
        jumps(heaptop, path, 10 if quick else 50, hours)
        frames(heaptop, live, 10 if quick else 60)
        stillness(heaptop, live, path, 10 if quick else 60)
        print("\n| viewer | RSS | of it not of files | reach |\n|---|---|---|---|")
        for what, (overview, after) in (("live", of_live), ("replay", of_replay)):
            for when, (rss, anonymous) in (("overview", overview), ("after all these keys, trees of all sites among them", after)):
                print(f"| {what}, {when} | {rss * 1.048576:.0f} MB | {anonymous * 1.048576:.0f} MB | "
                      f"{'<= 40 MB' if when == 'overview' else ''} |", flush=True)
        live.close()
