"""Looks at what heaptop exports, by means of its own: nothing here shares code with heaptop.

    export_check.py schema SCHEMA FILE      FILE is valid, and has nothing that SCHEMA does not describe
    export_check.py totals FOLDER           FOLDER/report.json and the exports beside it add up to the same
    export_check.py pprof FILE              what a gzip'd profile holds, as JSON
"""

import csv
import gzip
import json
import pathlib
import re
import sys


def closed(schema):
    """SCHEMA without room for members that it does not name."""
    if isinstance(schema, dict):
        made = {key: closed(value) for key, value in schema.items()}
        if "properties" in made:
            made["additionalProperties"] = False
        return made
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    return schema


def check_schema(schema_path, path):
    import jsonschema

    schema = json.loads(pathlib.Path(schema_path).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    value = json.loads(pathlib.Path(path).read_text())
    bad = list(jsonschema.Draft202012Validator(closed(schema)).iter_errors(value))
    for error in bad[:5]:
        print("#", "/".join(map(str, error.absolute_path)), error.message[:200])
    return not bad


# ---- pprof: protobuf by its wire format ----

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            assert at + size <= len(data), "a field goes beyond its message"
            value, at = data[at:at + size], at + size
        else:
            raise ValueError("wire type %d" % (tag & 7))
        yield tag >> 3, value


def numbers(value):
    if isinstance(value, int):
        return [signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(signed(number))
    return found


def message(data, names):
    """NAMES: number -> (name, repeated)."""
    made = {name: [] if repeated else 0 for name, repeated in names.values()}
    for number, value in fields(data):
        name, repeated = names[number]
        if repeated:
            made[name] += [value] if isinstance(value, bytes) and repeated == "bytes" else numbers(value)
        else:
            made[name] = value if isinstance(value, bytes) else signed(value)
    return made


def read_pprof(path):
    data = gzip.decompress(pathlib.Path(path).read_bytes())
    top = message(data, {1: ("types", "bytes"), 2: ("samples", "bytes"), 3: ("mappings", "bytes"), 4: ("locations", "bytes"),
                         5: ("functions", "bytes"), 6: ("strings", "bytes"), 9: ("time", 0), 10: ("duration", 0),
                         11: ("period_type", 0), 12: ("period", 0), 13: ("comments", "numbers"), 14: ("default", 0)})
    strings = [text.decode() for text in top["strings"]]
    assert strings[0] == ""
    unit = {1: ("type", 0), 2: ("unit", 0)}

    def named(value):
        one = message(value, unit)
        return "%s/%s" % (strings[one["type"]], strings[one["unit"]])

    mappings = {}
    for value in top["mappings"]:
        one = message(value, {1: ("id", 0), 2: ("start", 0), 3: ("limit", 0), 4: ("offset", 0), 5: ("file", 0), 6: ("build_id", 0),
                              7: ("a", 0), 8: ("b", 0), 9: ("c", 0), 10: ("d", 0)})
        mappings[one["id"]] = {"start": one["start"], "limit": one["limit"], "file": strings[one["file"]],
                               "build_id": strings[one["build_id"]]}
    functions = {}
    for value in top["functions"]:
        one = message(value, {1: ("id", 0), 2: ("name", 0), 3: ("system_name", 0), 4: ("file", 0), 5: ("line", 0)})
        functions[one["id"]] = {"name": strings[one["name"]], "file": strings[one["file"]]}
    locations = {}
    for value in top["locations"]:
        one = message(value, {1: ("id", 0), 2: ("mapping", 0), 3: ("address", 0), 4: ("lines", "bytes")})
        lines = [message(line, {1: ("function", 0), 2: ("line", 0)}) for line in one["lines"]]
        if one["address"]:
            mapping = mappings[one["mapping"]]
            assert mapping["start"] <= one["address"] < mapping["limit"], "an address outside of its mapping"
        locations[one["id"]] = [(functions[line["function"]]["name"], line["line"]) for line in lines]
    samples = []
    for value in top["samples"]:
        one = message(value, {1: ("locations", "numbers"), 2: ("values", "numbers"), 3: ("labels", "bytes")})
        assert len(one["values"]) == len(top["types"])
        samples.append({"values": one["values"], "stack": [name for at in one["locations"] for name, _ in locations[at]]})
    return {"types": [named(value) for value in top["types"]], "period": top["period"],
            "period_type": named(top["period_type"]), "default": strings[top["default"]],
            "time": top["time"], "mappings": list(mappings.values()), "samples": samples,
            "comments": [strings[at] for at in top["comments"]]}


# ---- sums ----

def read_folded(path):
    stacks = {}
    for line in pathlib.Path(path).read_text().splitlines():
        found = re.fullmatch(r"(.+) ([0-9]+)", line)
        assert found, "no folded stack: " + line
        assert found[1] not in stacks, "twice: " + found[1]
        stacks[found[1]] = int(found[2])
    return stacks


def check_totals(folder):
    folder = pathlib.Path(folder)
    report = json.loads((folder / "report.json").read_text())
    everything = json.loads((folder / "json").read_text())
    kinds = {site["id"]: site["kind"] for site in everything["sites"]}
    stacks = [stack for stack in everything["stacks"] if kinds[stack["site"]] == "heap"]
    pprof = read_pprof(folder / "pprof")
    scope = json.loads((folder / "speedscope").read_text())
    with open(folder / "csv", newline="") as text:
        table = list(csv.DictReader(text, strict=True))
    metrics = (folder / "openmetrics").read_text()
    live = report["live_bytes"]["value"]
    kept = sum(stack["kept_bytes"] for stack in stacks)
    born = sum(stack["born_bytes"] for stack in stacks)
    found = {
        "live: sites of the report": sum(site["live_bytes"]["value"] for site in report["sites"] if site["kind"] == "heap"),
        "live: stacks of json": sum(stack["live_bytes"] for stack in stacks),
        "live: sites of json": sum(site["live_bytes"]["value"] for site in everything["sites"] if site["kind"] == "heap"),
        "live: pprof": sum(sample["values"][3] for sample in pprof["samples"]),
        "live: folded": sum(read_folded(folder / "folded").values()),
        "live: speedscope": sum(scope["profiles"][0]["weights"]),
        "live: csv": sum(int(row["live_bytes"]) for row in table if row["kind"] == "heap"),
        "born: pprof": sum(sample["values"][1] for sample in pprof["samples"]),
        "born: speedscope": sum(scope["profiles"][2]["weights"]),
        "born: folded": sum(read_folded(folder / "folded.born").values()),
        "kept: speedscope": sum(scope["profiles"][1]["weights"]),
        "kept: folded": sum(read_folded(folder / "folded.kept").values()),
        "kept: pprof": sum(sample["values"][3] for sample in read_pprof(folder / "pprof.kept")["samples"]),
        "kept: csv": sum(int(row["kept_bytes"]) for row in table if row["kind"] == "heap"),
        "kept: sites of json": sum(site["kept_bytes"] for site in everything["sites"] if site["kind"] == "heap"),
    }
    wanted = {"live": live, "born": born, "kept": kept}
    bad = ["%s is %d, not %d" % (name, value, wanted[name[:4]]) for name, value in found.items() if value != wanted[name[:4]]]
    if not 0 < kept <= live or not kept <= born:
        bad.append("kept %d, live %d, born %d" % (kept, live, born))
    blocks = sum(sample["values"][2] for sample in pprof["samples"])
    if blocks != sum(stack["live_blocks"] for stack in stacks):
        bad.append("inuse_objects are %d" % blocks)
    if pprof["types"] != ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"]:
        bad.append("types " + str(pprof["types"]))
    if (pprof["default"], pprof["period_type"], pprof["period"]) != ("inuse_space", "space/bytes", report["sampling"]["mean_bytes"]):
        bad.append("default %(default)s, period %(period)s %(period_type)s" % pprof)
    names = {";".join(name.replace(";", "\\x3b") for name in reversed(sample["stack"])).replace(" ", "_") for sample in pprof["samples"] if sample["values"][3]}
    if names != {stack.replace(" ", "_") for stack in read_folded(folder / "folded")}:
        bad.append("the stacks of pprof and folded differ")
    told = {name: int(value) for name, value in re.findall(r"^(heaptop_\w+) (\d+)$", metrics, re.M)}
    process = report["process"]
    for name, key in (("heaptop_heap_live_bytes", "heap_used_bytes"), ("heaptop_alloc_bytes_total", "allocated_bytes"),
                      ("heaptop_freed_bytes_total", "freed_bytes")):
        if told.get(name) != process[key]:
            bad.append("%s is %s, %s is %s" % (name, told.get(name), key, process[key]))
    largest = sorted((site["live_bytes"]["value"] for site in everything["sites"] if site["kind"] == "heap"), reverse=True)
    series = [int(value) for value in re.findall(r"^heaptop_site_live_bytes\{.*\} (\d+)$", metrics, re.M)]
    if series != [value for value in largest if value > 0][:10]:
        bad.append("the largest sites are " + str(series))
    for line in bad:
        print("#", line)
    return not bad


if __name__ == "__main__":
    if sys.argv[1] == "schema":
        sys.exit(not check_schema(sys.argv[2], sys.argv[3]))
    if sys.argv[1] == "totals":
        sys.exit(not check_totals(sys.argv[2]))
    if sys.argv[1] == "pprof":
        json.dump(read_pprof(sys.argv[2]), sys.stdout, indent=1)
