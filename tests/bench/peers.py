"""peers: heaptop and the tools it is compared with, each in the same few words: how it starts, when it is there, what it wrote.

A tool is attached (`attach` gives its command) or put around the program at its start (`around` and `env`). `found` looks at what
the tool wrote after the program has ended and says how many allocations it knows of: a tool that measured nothing is no peer.
"""
import atexit
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

from measure import family, wait_until

LIBRARY = "/usr/lib/x86_64-linux-gnu"
JEMALLOC, TCMALLOC, MEMUSAGE = (f"{LIBRARY}/{name}" for name in ("libjemalloc.so.2", "libtcmalloc.so.4", "libmemusage.so"))


def text_of(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False).stdout


def number(pattern, text):
    """The largest number that PATTERN's group matches in TEXT; 0 when there is none."""
    return max((int(word.replace(",", "")) for word in re.findall(pattern, text)), default=0)


@functools.cache
def kernel_headers():
    """Kernel headers for bcc, "" when there are none. Where the running kernel's are not installed those of another do for a program
    that only looks at user space; Debian keeps them in two trees, bcc wants one."""
    own = f"/lib/modules/{os.uname().release}/build"
    if os.path.exists(own):
        return own
    for special in sorted(glob.glob("/usr/src/linux-headers-*-amd64"), reverse=True):
        common = special[:-len("amd64")] + "common"
        if os.path.isdir(common):
            merged = tempfile.mkdtemp(prefix="heaptop-headers.")
            atexit.register(shutil.rmtree, merged, True)
            subprocess.run(["sh", "-c", f"cp -rs {common}/. {merged}/ && cp -rsf {special}/. {merged}/"], check=True)
            return merged
    return ""


class Tool:
    """Plain program; the tools below change what they must. DIR is a fresh folder for each run."""
    name = "plain"
    needs = ""          # a program or file without which there is no such tool here
    preload = ""        # a library to put into the program
    allocator = ""      # what the plain program of the comparison runs with
    attaches = False
    detaches = False    # the same program can be measured again afterwards
    linger = 0          # seconds of more work until it has written what it knows

    def missing(self):
        if self.needs and not shutil.which(self.needs) and not os.path.exists(self.needs):
            return f"{self.needs} is not installed"
        return ""

    def env(self, dir):
        return {}

    def around(self, command, dir):
        return command

    def attach(self, pid, dir):
        return []

    def attach_env(self):
        return {}

    def ready(self, tool, pid, dir):
        """Whether it has got in; what it says when it cannot is raised."""
        return True

    def found(self, dir):
        return 1


class Heaptop(Tool):
    attaches = detaches = True

    def __init__(self, program, mean):
        self.program, self.mean = program, mean
        self.name = f"heaptop --mean {mean}" if mean else "heaptop"

    def attach(self, pid, dir):
        return [self.program, "record", "-p", str(pid), "-o", f"{dir}/s.heaptop"] + (["--mean", self.mean] if self.mean else [])

    def ready(self, tool, pid, dir):
        return "heaptop" in text_of(f"/proc/{pid}/maps")

    def found(self, dir):
        report = json.loads(subprocess.run([self.program, "report", f"{dir}/s.heaptop", "--json"], check=True,
                                           stdout=subprocess.PIPE).stdout)
        return report["process"]["allocated_calls"]


class HeaptrackAttached(Tool):
    """With --raw: its interpreter beside it takes 8 GB and ends with bad_alloc after 50,000 operations of the churn, and then the
    program hangs. So its figures leave out what the interpreter costs."""
    name, needs, attaches = "heaptrack --raw -p", "heaptrack", True

    def attach(self, pid, dir):
        return ["heaptrack", "--raw", "-o", f"{dir}/h", "-p", str(pid)]

    def ready(self, tool, pid, dir):
        said = re.search(r"^(Couldn't|No symbol).*", text_of(f"{dir}/tool"), re.M)
        if said:
            raise RuntimeError("gdb, which it gets in by: " + said.group(0))
        names = [text_of(f"/proc/{child}/comm").strip() for child in family(tool)]
        return "libheaptrack_inject" in text_of(f"/proc/{pid}/maps") and "gdb" not in names

    def found(self, dir):
        wait_until(lambda: glob.glob(f"{dir}/h.raw.*"), 5, "no file of heaptrack's")
        return output("sh", "-c", f"zstdcat -f {dir}/h.raw.* 2>/dev/null | grep -c '^+'").strip() not in ("", "0")


class Heaptrack(HeaptrackAttached):
    name, attaches = "heaptrack --raw", False

    def around(self, command, dir):
        return ["heaptrack", "--raw", "-o", f"{dir}/h"] + command


class Memleak(Tool):
    name, needs, attaches, linger = "memleak-bpfcc", "memleak-bpfcc", True, 6

    def missing(self):
        if not os.path.exists("/sys/kernel/tracing/uprobe_events"):
            return "no tracefs: mount -t tracefs tracefs /sys/kernel/tracing"
        return super().missing() or ("" if kernel_headers() else "no kernel headers: install linux-headers-amd64")

    def attach_env(self):
        return {"BCC_KERNEL_SOURCE": kernel_headers(), "PYTHONUNBUFFERED": "1"}

    def attach(self, pid, dir):
        return ["memleak-bpfcc", "-p", str(pid), "3"]

    def ready(self, tool, pid, dir):  # it says nothing when it is there; the first list comes after
        return "stacks with outstanding" in text_of(f"{dir}/tool")

    def found(self, dir):
        """Its lists; what has been freed by then is in none, so that they may be empty."""
        return text_of(f"{dir}/tool").count("stacks with outstanding") - 1


class Ltrace(Tool):
    name, needs, attaches = "ltrace -e malloc+free", "ltrace", True

    def attach(self, pid, dir):
        return ["ltrace", "-f", "-e", "malloc+free", "-o", f"{dir}/l", "-p", str(pid)]

    def ready(self, tool, pid, dir):
        return not re.search(r"^TracerPid:\s0$", text_of(f"/proc/{pid}/status"), re.M)

    def found(self, dir):
        return text_of(f"{dir}/l").count("malloc(")


class Valgrind(Tool):
    needs = "valgrind"
    counted = {"massif": r"mem_heap_B=([0-9]+)", "dhat": r'"tbk":([0-9]+)', "memcheck": r"heap usage: ([0-9,]+) allocs"}

    def __init__(self, tool):
        self.tool, self.name = tool, f"valgrind {tool}"

    def around(self, command, dir):
        out = {"massif": [f"--massif-out-file={dir}/v"], "dhat": [f"--dhat-out-file={dir}/v"], "memcheck": ["--leak-check=full"]}
        return ["valgrind", f"--tool={self.tool}", f"--log-file={dir}/log"] + out[self.tool] + command

    def found(self, dir):
        return number(self.counted[self.tool], text_of(f"{dir}/v") + text_of(f"{dir}/log"))


class Preload(Tool):
    """A library that the program starts with."""
    def __init__(self, name, library, env=None, allocator="", pattern="", files=""):
        self.name, self.needs, self.preload, self.allocator = name, library, library, allocator
        self.settings, self.pattern, self.files = env or {}, pattern, files

    def env(self, dir):
        return {"LD_PRELOAD": self.preload, **{key: value.format(dir=dir) for key, value in self.settings.items()}}

    def found(self, dir):
        if not self.pattern:
            return 1
        return number(self.pattern, "".join(text_of(path) for path in glob.glob(f"{dir}/{self.files}")))


def jemalloc(name, settings):
    return Preload(name, JEMALLOC, {"MALLOC_CONF": "prof:true,prof_final:true,prof_prefix:{dir}/j," + settings}, "jemalloc",
                   r"t\*: ([0-9]+):", "j.*.heap")


PLAIN = {"": Tool(), "jemalloc": Preload("jemalloc", JEMALLOC), "tcmalloc": Preload("tcmalloc", TCMALLOC)}


def heaptops(program):
    return [Heaptop(program, mean) for mean in (None, "512K", "64K", "4K")]


def peers():
    """In the order of the table: those that attach, then those that a program must be started with."""
    return [HeaptrackAttached(), Memleak(), Ltrace(), Heaptrack(), Valgrind("massif"), Valgrind("dhat"), Valgrind("memcheck"),
            jemalloc("jemalloc prof, 512 KiB", "lg_prof_sample:19"), jemalloc("jemalloc prof, every allocation", "lg_prof_sample:0"),
            Preload("gperftools HEAPPROFILE", TCMALLOC, {"HEAPPROFILE": "{dir}/t"}, "tcmalloc",
                    r"heap profile:.*\[\s*([0-9]+):", "t.*.heap"),
            Preload("memusage", MEMUSAGE, {}, "", r"malloc\|\S*\s+([0-9]+)", "err")]
