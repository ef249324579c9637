"""work: an allocation-heavy Python program for the benchmark. Reads a number of rounds a line, does them, answers "done"."""
import json
import sys

table = {}


def words(number):
    """A record as programs make them: text, lists, a dictionary."""
    return {"id": number, "name": "n%d" % number, "tags": ["t%d" % (number * k % 97) for k in range(8)],
            "body": "x" * (600 + number % 2000)}


def one_round(number):
    record = json.loads(json.dumps(words(number)))
    record["big"] = bytearray(1024 + number % 4096)
    table[number % 2000] = record


counter = 0
for line in sys.stdin:
    for _ in range(int(line)):
        counter += 1
        one_round(counter)
    print("done", flush=True)
