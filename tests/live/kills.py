"""kills: kills heaptop's processes at random moments while they watch a target, and looks after the target.

    kills.py HEAPTOP PID COUNT SEED

Each round starts `heaptop -p PID` on a terminal of its own, waits a random time of up to HEAPTOP_KILLS_WAIT (1.2)
seconds (so that attach, watching and, in some rounds, detach are hit) and kills -9 guardian, recorder, viewer or all of them. Counts who was
killed: in rounds so early that there is only the guardian, that is the guardian. Ends with exit status 1
and a line that names the seed and the round when the target is gone, stopped, traced, or when a heaptop of ours is left.
"""
import os
import pty
import random
import select
import shutil
import signal
import sys
import tempfile
import time

heaptop, target, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rng = random.Random(seed)
state = tempfile.mkdtemp()
longest = float(os.environ.get("HEAPTOP_KILLS_WAIT", "1.2"))


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def stat(pid):
    """State letter and session id, or None."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return fields[0], int(fields[3])
    except OSError:
        return None


def tracer(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("TracerPid:"))


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def drain(fd, seconds):
    """Reads the terminal for a while; false at its end."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            try:
                if not os.read(fd, 65536):
                    return False
            except OSError:
                return False
    return True


def wait_gone(fd, pids, seconds, press=None):
    """Until all have ended; meanwhile the user may press a key."""
    end = time.monotonic() + seconds
    while any((s := stat(pid)) and s[0] != "Z" for pid in pids):
        if time.monotonic() > end:
            return False
        if press:
            try:
                os.write(fd, press)
            except OSError:
                press = None
        drain(fd, 0.02)
    return True


def play(role):
    """One round; returns what went wrong, or None."""
    guardian, fd = pty.fork()
    if guardian == 0:
        os.environ.update(TERM="xterm", XDG_STATE_HOME=state)
        os.execv(heaptop, [heaptop, "-p", str(target), "--mean", "16K"])
    drain(fd, rng.random() * longest)
    if rng.random() < 0.3:
        os.write(fd, b"q")
        drain(fd, rng.random() * 0.05)
    kids = children(guardian)
    recorders = [pid for pid in kids if (s := stat(pid)) and s[1] == pid]
    viewers = [pid for pid in kids if (s := stat(pid)) and s[1] != pid]
    victims = {"guardian": [guardian], "recorder": recorders, "viewer": viewers, "all": [guardian, *kids]}[role]
    if not victims: # so early there is only the guardian
        role, victims = "guardian", [guardian]
    for pid in victims:
        kill(pid)
    # a viewer whose recorder died stays to show what there is
    press = b"Q" if role == "recorder" else None
    left = None
    kids = sorted({*kids, *children(guardian)})
    if not wait_gone(fd, [guardian, *kids], 60, press):
        left = f"heaptop's processes did not end after kill -9 of {role}: " + str(
            [(pid, stat(pid)) for pid in [guardian, *kids]])
        for pid in [guardian, *kids]:
            kill(pid)
    os.close(fd)
    os.waitpid(guardian, 0)
    done[role] += 1
    return left


def look_after(target):
    """The target runs: not gone, not stopped, not traced."""
    for _ in range(200):
        now = stat(target)
        if now is None or now[0] in "ZX":
            return "the target is gone"
        if now[0] not in "tT" and tracer(target) == 0:
            return None
        time.sleep(0.01)  # its tracer is being reaped
    return f"the target is stuck in state {now[0]}, tracer {tracer(target)}"


done = dict.fromkeys(("guardian", "recorder", "viewer", "all"), 0)
for turn in range(count):
    role = rng.choice(list(done))
    wrong = play(role) or look_after(target)
    if wrong or turn == count - 1:
        shutil.rmtree(state, ignore_errors=True)
    if wrong:
        sys.exit(f"seed {seed} round {turn} ({role}): {wrong}")
print(" ".join(f"{role}={n}" for role, n in done.items()))
