"""run: takes each cure of tests/mutants/list away in a copy of the source, and looks whether the test it names fails.

    run.py SOURCE WORK [NAME...]        WORK is a folder that is kept: done mutants are not run again

Also by `make check-mutants`, with MUTANTS="name name" for some of them. A test that passes without the cure proves nothing; such
mutants are listed at the end and make the exit status 1. Before the first mutant of a test the test must pass as it is.
Results stand in WORK/results, one line each; take a line out to run its mutant again.
"""
import filecmp
import os
import re
import shutil
import signal
import subprocess
import sys
import time

SLOWEST = int(os.environ.get("MUTANTS_SECONDS", "300"))  # a test that takes longer hangs, which is a failure too


def read_list(path):
    """Mutants as dictionaries: name, trap, edits [(file, old, new)], test, sentence, env."""
    mutants, current, edit = [], None, None
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            word, _, rest = line.partition(" ")
            if not line or word == "#":
                continue
            if word == "mutant":
                name, _, trap = rest.partition(" ")
                current = {"name": name, "trap": trap, "edits": [], "env": {}}
                mutants.append(current)
            elif word == "file":
                edit = {"file": rest, "old": [], "new": []}
                current["edits"].append(edit)
            elif word == "-":
                edit["old"].append(rest)
            elif word == "+":
                edit["new"].append(rest)
            elif word == "env":
                key, _, value = rest.partition("=")
                current["env"][key] = value
            elif word == "test":
                current["test"], _, current["sentence"] = rest.partition(": ")
            else:
                sys.exit(f"{path}:{number}: what is '{word}'?")
    return mutants


def copy_source(source, tree):
    """The source as it is now, without what was built; a file that has changed since the last time is new to make."""
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name != ".git" and not os.path.exists(f"{folder}/{name}/config.status")
                      and not os.path.exists(f"{folder}/{name}/results")]
        there = os.path.join(tree, os.path.relpath(folder, source))
        os.makedirs(there, exist_ok=True)
        for name in files:
            one, two = f"{folder}/{name}", f"{there}/{name}"
            if os.path.exists(two) and not filecmp.cmp(one, two, shallow=False):
                shutil.copy(one, two)
            elif not os.path.exists(two):
                shutil.copy2(one, two)


def configure(tree, build):
    if os.path.exists(f"{build}/config.status"):
        return
    os.makedirs(build, exist_ok=True)
    if not os.path.exists(f"{tree}/configure"):
        subprocess.run(["autoreconf", "-fi"], cwd=tree, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["../tree/configure"] + ([f"CC={os.environ['CC']}"] if "CC" in os.environ else []), cwd=build, check=True,
                   stdout=subprocess.DEVNULL)


def program_of(test):
    return test if not test.endswith(".sh") else ""


def make(build, test):
    """Builds what TEST needs. Warnings are no errors here: a mutant leaves things unused."""
    wanted = [program_of(test)] if program_of(test) else ["heaptop", "heaptop-demo", "tests/live/attach_tool", "tests/live/fingerprint",
                                                          "tests/live/reach_tool", "tests/live/record_truth",
                                                          "tests/targets/churn", "tests/targets/edge",
                                                          "tests/targets/tracer", "tests/targets/truth"]
    with open(f"{build}/mutant.make", "w") as out:
        return subprocess.run(["make", "-j2", *wanted], cwd=build, stdout=out, stderr=out).returncode == 0


def run_test(tree, build, test, env):
    """Output and exit status of TEST."""
    command = [f"{build}/{test}"] if program_of(test) else ["sh", f"{tree}/{test}"]
    env = {**os.environ, **env, "HEAPTOP_BUILD": build, "HEAPTOP_SRC": tree, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    with open(f"{build}/mutant.test", "w+") as out:
        process = subprocess.Popen(command, cwd=build, stdout=out, stderr=out, env=env, start_new_session=True)
        try:
            status = process.wait(SLOWEST)
        except subprocess.TimeoutExpired:
            status = "hangs"
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        out.seek(0)
        return out.read(), status


def verdict(output, status, sentence):
    """'passes', or how it fails; only the SENTENCE counts, when one is named and the test came to it."""
    for line in output.splitlines():
        found = re.match(r"(not ok|ok)\b[ \d]*-? *(.*)", line)
        if found and sentence and sentence in found.group(2):
            if "# SKIP" in line:
                return "skipped"
            return "fails" if found.group(1) == "not ok" else "passes"
    if status == "hangs":
        return "hangs"
    if sentence or status != 0:
        return f"ends with {status} before it" if status != 0 else "lacks the sentence"
    return "passes"


def apply(tree, mutant):
    """Makes the edits; each must match in one place. Returns how to take them back."""
    before = {}
    for edit in mutant["edits"]:
        path = f"{tree}/{edit['file']}"
        with open(path) as file:
            text = file.read()
        before.setdefault(path, text)
        old, new = "\n".join(edit["old"]) + "\n", "".join(line + "\n" for line in edit["new"])
        if text.count(old) != 1:
            undo(before)
            return None, f"its lines stand {text.count(old)} times in {edit['file']}"
        with open(path, "w") as file:
            file.write(text.replace(old, new))
    return before, ""


def undo(before):
    for path, text in before.items():
        with open(path, "w") as file:
            file.write(text)


def try_mutant(tree, build, mutant):
    before, trouble = apply(tree, mutant)
    if before is None:
        return trouble
    try:
        if not make(build, mutant["test"]):
            with open(f"{build}/mutant.make") as file:
                errors = [line for line in file if "error:" in line]
            return "does not build: " + (errors[0].strip() if errors else "?")
        output, status = run_test(tree, build, mutant["test"], mutant["env"])
        result = verdict(output, status, mutant["sentence"])
        with open(f"{build}/{mutant['name']}.log", "w") as file:
            file.write(output)
        return result
    finally:
        undo(before)


def results_of(path):
    try:
        with open(path) as file:
            return dict(line.rstrip("\n").split("\t")[:2] for line in file if "\t" in line)
    except OSError:
        return {}


def main():
    source, work, chosen = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    tree, build, results = f"{work}/tree", f"{work}/build", f"{work}/results"
    copy_source(source, tree)
    configure(tree, build)
    done, sound, weak = results_of(results), {}, []
    for mutant in read_list(f"{source}/tests/mutants/list"):
        name = mutant["name"]
        if chosen and name not in chosen:
            continue
        result = done.get(name) if not chosen else None
        if result is None:
            began = time.monotonic()
            key = (mutant["test"], mutant["sentence"], str(mutant["env"]))
            if key not in sound:
                sound[key] = "passes" if make(build, mutant["test"]) else "does not build"
                if sound[key] == "passes":
                    output, status = run_test(tree, build, mutant["test"], mutant["env"])
                    sound[key] = verdict(output, status, mutant["sentence"])
            result = try_mutant(tree, build, mutant) if sound[key] == "passes" else f"unchanged it {sound[key]}"
            with open(results, "a") as file:
                file.write(f"{name}\t{result}\ttrap {mutant['trap']}\t{mutant['test']}: {mutant['sentence']}\n")
            took = f" ({time.monotonic() - began:.0f} s)"
        else:
            took = " (before)"
        good = result == "fails" or result == "hangs" or result.startswith("ends with")
        print(f"{'ok' if good else 'NOT CAUGHT'}: {name}: without the cure {mutant['test']} {result}{took}", flush=True)
        if not good:
            weak.append(name)
    if weak:
        print("not caught: " + " ".join(weak))
        sys.exit(1)


if not shutil.which("make"):
    sys.exit("no make")
main()
