"""works: the programs that are watched. A worker reads how much to do a line and answers "done", so that any tool, however slow,
is measured over the same time with the amount of work that it manages."""
import os
import select
import subprocess
import time

from measure import cpu_between, cpu_of

HERE = os.path.dirname(os.path.abspath(__file__))
SLOWEST_ANSWER = 90  # seconds


class Work:
    def __init__(self, name, what, command, body=None, setup=""):
        self.name, self.what, self.command, self.body, self.setup = name, what, command, body, setup


def works(build):
    with open(f"{HERE}/work.sql") as file:
        sql = file.read()
    table = "CREATE TABLE item(id INTEGER, name TEXT, body TEXT);\n"
    return [
        Work("churn, 1 thread", "one block ended and one made", [f"{build}/tests/bench/deep", "1"]),
        Work("churn, 4 threads", "one block ended and one made", [f"{build}/tests/bench/deep", "4"]),
        Work("sqlite3", "one run of work.sql", ["sqlite3", "-batch", ":memory:"], sql, table),
        Work("python3", "one round of work.py", ["/usr/bin/python3", f"{HERE}/work.py"]),
        Work("node", "one round of work.js", ["node", f"{HERE}/work.js"]),
    ]


class Worker:
    """A program at work, started under TOOL (which may be the plain program)."""
    def __init__(self, work, tool, dir):
        self.work, self.units = work, 1
        env = {**os.environ, **tool.env(dir)}
        with open(f"{dir}/err", "w") as err:
            self.process = subprocess.Popen(tool.around(work.command, dir), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                                            env=env, cwd=dir)
        os.set_blocking(self.process.stdout.fileno(), False)
        if work.setup:
            self.process.stdin.write(work.setup.encode())
            self.process.stdin.flush()
        self.do(1)

    @property
    def pid(self):
        return self.process.pid

    def do(self, units):
        """Does UNITS of work."""
        text = f"{units}\n" if self.work.body is None else self.work.body * units
        answers = 1 if self.work.body is None else units
        end = time.monotonic() + SLOWEST_ANSWER
        sent, tail = text.encode(), b""
        out = self.process.stdout.fileno()
        os.set_blocking(self.process.stdin.fileno(), False)
        while answers > 0:
            readable, writable, _ = select.select([out], [self.process.stdin] if sent else [], [], 1)
            if writable:
                try:
                    sent = sent[os.write(self.process.stdin.fileno(), sent):]
                except BrokenPipeError:
                    raise RuntimeError("the program died") from None
            if readable:
                data = os.read(out, 65536)
                if not data:
                    raise RuntimeError("the program died")
                *lines, tail = (tail + data).split(b"\n")
                answers -= lines.count(b"done")
            if time.monotonic() > end:
                raise RuntimeError(f"{units} units of work took more than {SLOWEST_ANSWER} s")

    def window(self, seconds, roots):
        """Works for about SECONDS; returns CPU time a unit of ROOTS and everything below them, in ns."""
        self.do(self.units)
        done = 0
        before, start = cpu_of(roots), time.monotonic()
        while time.monotonic() - start < seconds or done == 0:
            began = time.monotonic()
            self.do(self.units)
            done += self.units
            took = time.monotonic() - began
            self.units = max(1, int(self.units * min(8, max(0.1, 0.1 / max(took, 1e-4)))))
        return cpu_between(before, cpu_of(roots)) / done

    def end(self):
        """Lets the program end by itself, so that a tool inside it can write what it knows."""
        try:
            self.process.stdin.close()
            self.process.wait(SLOWEST_ANSWER)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
