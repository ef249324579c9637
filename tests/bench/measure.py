"""measure: CPU time of processes, and what a series of noisy figures says."""
import math
import os
import statistics
import time


def cpu_ns(pid):
    """CPU time of a whole process since its start; 0 when it is gone."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)  # CPUCLOCK_SCHED of another process, see clock_getcpuclockid(3)
    except OSError:
        return 0


def family(pid):
    """PID and everything below it."""
    found, new = [], [pid]
    while new:
        pid = new.pop()
        found.append(pid)
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as file:
                    new += [int(word) for word in file.read().split()]
        except OSError:
            continue
    return found


def cpu_of(roots):
    """CPU time of each process at or below ROOTS, by process: those that come and go in between do not spoil a difference."""
    return {pid: cpu_ns(pid) for root in roots for pid in family(root)}


def cpu_between(before, after):
    return sum(value - before.get(pid, 0) for pid, value in after.items() if value > 0)


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def spread(values):
    """'median (lowest-highest)' as text."""
    def short(value):
        return f"{value:.2f}" if value < 9.95 else f"{value:.3g}" if value < 1000 else f"{value:.0f}"

    middle = short(statistics.median(values))
    return middle + "x" + (f" ({short(min(values))}-{short(max(values))})" if len(values) > 1 else "")


def centre(ratios):
    """Hodges and Lehmann's centre of paired ratios with its 95 % interval, by the signed rank test: (low, centre, high).

    As sharp as the mean where the noise is even, and a disturbed pair does not move it."""
    logs = [math.log(ratio) for ratio in ratios]
    n = len(logs)
    walsh = sorted((logs[i] + logs[k]) / 2 for i in range(n) for k in range(i, n))
    skip = int(n * (n + 1) / 4 - 1.96 * math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    skip = max(0, min(skip, (len(walsh) - 1) // 2))
    return math.exp(walsh[skip]), math.exp(statistics.median(walsh)), math.exp(walsh[-1 - skip])
