"""Allocates through known chains of Python calls and prints what it knows of them.

Each place that allocates first notes who called it, by Python's own account (sys._getframe), on the same line. When the file STOP
appears it writes the chains as JSON, outermost first: [[function, file, line], ...], and waits for a line or the end of its
standard input. Functions whose names begin with `_note` are the account itself.

usage: chains.py STOP CHAINS
"""
import asyncio
import functools
import json
import os
import re
import sys
import threading
import time

SIZE = 6000
chains = {}
keep = []
lock = threading.Lock()


def qualified(code):
    return getattr(code, "co_qualname", code.co_name)


def _note():
    """Who called: the chain outside of this function."""
    frame = sys._getframe(1)
    chain = []
    while frame:
        chain.append((qualified(frame.f_code), frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    chain = tuple(reversed(chain))
    if chain not in chains:
        chains[chain] = True
    return SIZE


def _noted():
    if len(keep) > 4000:
        del keep[:]


def plain():
    keep.append(bytearray(_note()))


def outer(n):
    plain(); keep.append(bytes(_note()))


class Shop:
    def method(self):
        keep.append(bytearray(_note()))

    @classmethod
    def of_class(cls):
        keep.append(bytearray(_note()))

    @staticmethod
    def static():
        keep.append(bytearray(_note()))

    @property
    def total(self):
        keep.append(bytearray(_note()))
        return 0

    def __getattr__(self, name):
        keep.append(bytearray(_note()))
        return 1

    def __lt__(self, other):
        keep.append(bytearray(_note()))
        return False


def recurse(n):
    if n == 0:
        keep.append(bytearray(_note()))
    else:
        recurse(n - 1)


def generate(n):
    for i in range(n):
        keep.append(bytearray(_note()))
        yield i


def delegate(n):
    yield from generate(n)


def consume():
    for i in delegate(2):
        keep.append(bytearray(_note()))


def from_c():
    sorted([3, 1], key=lambda x: keep.append(bytearray(_note())) or x)
    re.sub("a", replace, "abca")
    list(map(mapped, [1]))
    sorted([Shop(), Shop()])
    functools.reduce(folded, [1, 2])


def replace(match):
    keep.append(bytearray(_note()))
    return "b"


def mapped(x):
    plain()
    keep.append(bytearray(_note()))


def folded(a, b):
    keep.append(bytearray(_note()))
    return a


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        keep.append(bytearray(_note()))
        return function(*args)
    return wrapper


@decorated
def wrapped():
    keep.append(bytearray(_note()))


def over_several_lines():
    keep.append(
        bytearray(
            _note()))


def in_handler():
    try:
        raise ValueError
    except ValueError:
        keep.append(bytearray(_note()))
    finally:
        keep.append(bytearray(_note()))


def größe():
    keep.append(bytearray(_note()))


def deep(n):
    if n:
        deep(n - 1)
    else:
        keep.append(bytearray(_note()))


def through_c_and_back(n):
    if n:
        list(map(through_c_and_back, [n - 1]))
    else:
        keep.append(bytearray(_note()))


async def inner():
    keep.append(bytearray(_note()))
    await asyncio.sleep(0)
    keep.append(bytearray(_note()))


async def task():
    await inner()
    keep.append(bytearray(_note()))


async def main():
    await asyncio.gather(task(), task())
    async for _ in agen():
        keep.append(bytearray(_note()))


async def agen():
    keep.append(bytearray(_note()))
    yield 1


made = {"keep": keep, "_note": _note}
exec(compile("\n\ndef made_up():\n    keep.append(bytearray(_note()))\n", "<made up>", "exec"), made)


def a_round():
    outer(1)
    shop = Shop()
    shop.method()
    Shop.of_class()
    Shop.static()
    shop.total
    shop.nothing_of_that_name
    recurse(7)
    consume()
    from_c()
    wrapped()
    over_several_lines()
    in_handler()
    größe()
    made["made_up"]()
    deep(30)
    through_c_and_back(4)


def _note_goes_on():
    return not os.path.exists(sys.argv[1])


def thread_main():
    while _note_goes_on():
        with lock:
            a_round()
            _noted()
        time.sleep(0.001)


def run():
    threads = [threading.Thread(target=thread_main, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    while _note_goes_on():
        with lock:
            a_round()
            deep(300)
            asyncio.run(main())
            keep.append(bytearray(_note()))
            _noted()
        time.sleep(0.001)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    print("READY", flush=True)
    run()
    with open(sys.argv[2], "w") as out:
        json.dump([list(chain) for chain in chains], out)
    print("DONE", flush=True)
    sys.stdin.readline()
