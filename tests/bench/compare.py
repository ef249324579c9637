"""compare: heaptop and its peers on the same work, plain and watched in turn, as tables.

Measured is the CPU time of the program and of the tool together for a unit of work, while the tool is there: from half a second
after it has got in. The ratio is to the same program without a tool in the same minute; a tool that brings an allocator along is
compared with that allocator without the tool.
"""
import os
import signal
import statistics
import subprocess
import tempfile

from measure import spread, wait_until
from peers import PLAIN, heaptops, peers
from works import Worker, works

SETTLE = 0.5  # seconds

# What takes minutes: a unit of work of these under ltrace, and node's start and its compilers under valgrind.
TOO_SLOW = {"ltrace -e malloc+free": ("sqlite3", "python3", "node", "churn, 4 threads"),
            "valgrind massif": ("node",), "valgrind dhat": ("node",), "valgrind memcheck": ("node",)}


class Cell:
    """What one tool costs one program."""
    def __init__(self):
        self.plain, self.watched, self.trouble = [], [], ""

    def text(self):
        if not self.watched:
            return self.trouble or "-"
        ratios = [watched / plain for plain, watched in zip(self.plain, self.watched)]
        return spread(ratios) + (f" *{self.trouble}*" if self.trouble else "")

    def ratio(self):
        return statistics.median(watched / plain for plain, watched in zip(self.plain, self.watched))


def start_tool(tool, pid, dir):
    """Attaches TOOL and returns when it is there."""
    with open(f"{dir}/tool", "w") as out:
        process = subprocess.Popen(tool.attach(pid, dir), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=dir,
                                   env={**os.environ, **tool.attach_env()}, start_new_session=True)

    def is_there():
        if process.poll() is not None:
            with open(f"{dir}/tool", errors="replace") as file:
                raise RuntimeError("it ended: " + file.read().strip().split("\n")[-1][:100])
        return tool.ready(process.pid, pid, dir)

    try:
        wait_until(is_there, 60, f"{tool.name} has not got in")
    except RuntimeError:
        stop_tool(process)
        raise
    return process


def stop_tool(process):
    """Ends a tool that leads its own group, and what it may have left behind."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Comparison:
    def __init__(self, heaptop, build, quick):
        self.heaptop, self.build = heaptop, build
        self.seconds = 0.3 if quick else 0.6
        self.rounds = 1 if quick else 2
        self.heaptop_rounds = 2 if quick else 5  # its differences are smaller than those of others
        self.missing = {}

    def attached(self, work, tool, dir):
        worker = Worker(work, PLAIN[""], dir)
        process = None
        try:
            worker.window(SETTLE / 2, [worker.pid])
            plain = worker.window(self.seconds, [worker.pid])
            process = start_tool(tool, worker.pid, dir)
            worker.units = 1  # it may be a thousand times slower now
            worker.window(SETTLE, [worker.pid])
            watched = worker.window(self.seconds, [worker.pid, process.pid])
            if tool.linger:
                worker.window(tool.linger, [])
            if tool.detaches:
                stop_tool(process)
                plain = (plain + worker.window(self.seconds, [worker.pid])) / 2
            return plain, watched
        finally:
            worker.kill()
            if process is not None and process.poll() is None:
                stop_tool(process)

    def launched(self, work, tool, plain_worker, dir):
        worker = None
        plain = plain_worker.window(self.seconds, [plain_worker.pid])
        try:
            worker = Worker(work, tool, dir)
            worker.window(SETTLE, [worker.pid])
            watched = worker.window(self.seconds, [worker.pid])
            worker.end()
            return plain, watched
        finally:
            if worker is not None:
                worker.kill()

    def once(self, work, tool, cell, plain_workers):
        with tempfile.TemporaryDirectory() as dir:
            if tool.attaches:
                figures = self.attached(work, tool, dir)
            else:
                if tool.allocator not in plain_workers:
                    with tempfile.TemporaryDirectory() as empty:
                        worker = plain_workers[tool.allocator] = Worker(work, PLAIN[tool.allocator], empty)
                        worker.window(SETTLE, [worker.pid])
                figures = self.launched(work, tool, plain_workers[tool.allocator], dir)
            if tool.found(dir) == 0:
                raise RuntimeError("it recorded nothing")
            cell.plain.append(figures[0])
            cell.watched.append(figures[1])

    def work(self, work, tools):
        """Measures WORK under TOOLS; returns the cells."""
        cells, plain_workers = {tool.name: Cell() for tool in tools}, {}
        for number in range(self.heaptop_rounds):
            for tool in tools:
                cell = cells[tool.name]
                if cell.trouble or (number >= self.rounds and not tool.detaches):
                    continue
                if work.name in TOO_SLOW.get(tool.name, ()):
                    cell.trouble = "-"
                    continue
                try:
                    self.once(work, tool, cell, plain_workers)
                except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                    cell.trouble = str(error)
        for worker in plain_workers.values():
            worker.kill()
        return cells

    def tables(self, chosen):
        """Prints the table of the works whose name begins with one of CHOSEN."""
        tools = heaptops(self.heaptop)
        for tool in peers():
            why = tool.missing()
            if why:
                self.missing[tool.name] = why
            else:
                tools.append(tool)
        todo = [work for work in works(self.build) if work.name.split(",")[0] in chosen]
        columns = {}
        for work in todo:
            columns[work.name] = self.work(work, tools)
        self.print_table(todo, tools, columns)
        return columns

    def print_table(self, todo, tools, columns):
        notes = []
        print("| tool | how | " + " | ".join(work.name for work in todo) + " |\n|---|---|" + "---|" * len(todo))
        plain = []
        for work in todo:
            values = [value for cell in columns[work.name].values() for value in cell.plain]
            plain.append(f"{statistics.median(values) / 1000:.3g} us")
        print("| no tool: CPU time a unit | | " + " | ".join(plain) + " |")
        for tool in tools:
            cells = []
            for work in todo:
                cell = columns[work.name][tool.name]
                if len(cell.trouble) > 1:
                    notes.append(f"{tool.name}, {work.name}: {cell.trouble}")
                cells.append(cell.text() if cell.watched else "-" if len(cell.trouble) <= 1 else f"[{len(notes)}]")
            print(f"| {tool.name} | {'attach' if tool.attaches else 'start'} | " + " | ".join(cells) + " |")
        notes += [f"{name}: {why}" for name, why in self.missing.items()]
        print()
        for i, note in enumerate(notes, 1):
            print(f"[{i}] {note}  ")
        print("Units: " + "; ".join(f"{work.name}: {work.what}" for work in todo) + ".", flush=True)
