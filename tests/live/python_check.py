"""python_check.py SESSION CHAINS: compares the Python frames of a session's stacks with what the program says of itself
(tests/targets/chains.py). Prints lines of figures; exits with 1 when a stack is not one that the program knows."""
import collections
import json
import os
import sqlite3
import sys

COPIED = 128  # frames at most in a sample (WIRE_INTERPRETED_MAX)
MORE = "(more Python frames)"
NAMED = 1

session, truth_file = sys.argv[1:3]
db = sqlite3.connect("file:%s?mode=ro" % session, uri=True)
modules = dict(db.execute("SELECT id, path FROM module"))
frames = {}
for id, module, func, file, line, flags in db.execute("SELECT id, module, func, file, line, flags FROM frame WHERE inlined_in = 0"):
    frames[id] = (modules.get(module, ""), func, file, line, flags)
stacks = {id: (parent, frame) for id, parent, frame in db.execute("SELECT id, parent, frame FROM stack")}
samples = dict(db.execute("SELECT stack, max(born_samples) FROM stack_tick GROUP BY stack"))
sites = {stack: frames[frame] for stack, frame in db.execute("SELECT stack.id, site.frame FROM stack JOIN site ON site.id = stack.site")}

truth = {tuple((f, os.path.basename(p), l) for f, p, l in chain) for chain in json.load(open(truth_file))}
places = {chain[-1] for chain in truth}
script = collections.Counter(chain[-1][1] for chain in truth).most_common(1)[0][0]
deep = {chain[-COPIED:] for chain in truth if len(chain) > COPIED}


def path(stack):
    """The frames of a stack, outermost first."""
    found = []
    while stack:
        stack, frame = stacks[stack]
        found.append(frames[frame])
    return found[::-1]


def is_known(chain):
    """Whether the program knows the chain; one that ends at another line of a function that leaks, in the program's account or in a
    library: whether it knows the callers."""
    if chain[-1] in places:
        return chain[1:] in deep if chain[0][0] == MORE else chain in truth
    counts["elsewhere"] += n
    while chain and (chain[-1][1] != script or chain[-1][0].startswith("_note")):
        chain = chain[:-1]
    if chain and chain[0][0] == MORE:
        part = chain[1:-1]
        return any(part == known[i:i + len(part)] for known in truth for i in range(len(known) - len(part) + 1))
    return any(chain[:-1] == known[:max(len(chain) - 1, 0)] for known in truth)


counts = collections.Counter()
seen = set()
wrong = collections.Counter()
for stack, n in samples.items():
    woven = path(stack)
    chain = tuple((f[1], os.path.basename(f[2] or ""), f[3]) for f in woven if f[0] == "[python]")
    if not chain:
        counts["without"] += n
        continue
    counts["woven"] += n
    good = is_known(chain)
    if not good:
        wrong[chain] += n
        continue
    if chain[-1] in places:
        counts["places"] += n
        seen.add(chain if chain[0][0] != MORE else next(k for k in truth if k[-COPIED:] == chain[1:]))
        site = sites.get(stack)
        if site and (site[1], os.path.basename(site[2] or ""), site[3]) == chain[-1]:
            counts["sites"] += n
    # Each run of Python frames is inside of a call of the interpreter's loop.
    for i, frame in enumerate(woven):
        if frame[0] != "[python]" and i + 1 < len(woven) and woven[i + 1][0] == "[python]":
            counts["runs"] += n
            counts["loops"] += n * ((frame[1] or "").startswith("_PyEval_EvalFrame"))
        elif i == 0 and frame[0] == "[python]":
            counts["outermost"] += n
for name in "without", "woven", "places", "sites", "elsewhere", "runs", "loops", "outermost":
    print("%s=%d" % (name, counts[name]))
print("truth=%d" % len(truth))
print("seen=%d" % len(seen & truth))
print("wrong=%d" % sum(wrong.values()))
for chain, n in wrong.most_common(5):
    print("# %d samples: %s" % (n, " < ".join("%s (%s:%d)" % f for f in reversed(chain))[:600]))
for chain in sorted(truth - seen, key=len)[:8]:
    print("# not seen: %s" % " < ".join("%s (%s:%d)" % f for f in reversed(chain))[:300])
sys.exit(1 if wrong else 0)
