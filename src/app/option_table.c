#include "app/option_table.h"

#define FIELD(name) offsetof(struct options, name)

/* ---- everywhere ---- */

const struct option_row option_help = {
        .letter = 'h', .kind = OPTION_FLAG, .offset = FIELD(help),
        .help = "this page",
        .manual = "Print the options that are needed most, with examples, on one screen.",
};
const struct option_row option_help_all = {
        .name = "help", .kind = OPTION_FLAG, .offset = FIELD(help_all),
        .help = "all options, explained",
        .manual = "Print all options of a subcommand, and what they do.",
};
const struct option_row option_version = {
        .letter = 'V', .name = "version", .kind = OPTION_FLAG, .offset = FIELD(version),
        .help = "print the version",
        .manual = "Print the version.",
};
const struct option_row option_log = {
        .name = "log", .argument = "FILE", .kind = OPTION_TEXT, .offset = FIELD(log), .words = WORDS_FILE,
        .help = "append what heaptop itself does to FILE",
        .manual = "Append what heaptop itself does to FILE.",
};

/* ---- which process, which recorder ---- */

const struct option_row option_pid_main = {
        .letter = 'p', .name = "pid", .argument = "PID", .kind = OPTION_PID,
        .offset = FIELD(pid), .words = WORDS_PID,
        .help = "watch this process (a bare number will do)",
        .manual = "Watch this process. A bare number is taken as a PID, too.",
};
const struct option_row option_pid = {
        .letter = 'p', .name = "pid", .argument = "PID", .kind = OPTION_PID,
        .offset = FIELD(pid), .words = WORDS_PID,
        .help = "the process",
        .manual = "The process.",
};
const struct option_row option_pid_recorded = {
        .letter = 'p', .name = "pid", .argument = "PID", .kind = OPTION_PID,
        .offset = FIELD(pid), .words = WORDS_RECORDED,
        .help = "the session of the recorder that runs on PID",
        .manual = "Instead of a file: the session of the recorder that runs on PID.",
};
const struct option_row option_name = {
        .name = "name", .argument = "NAME", .kind = OPTION_TEXT, .offset = FIELD(name), .words = WORDS_NAME,
        .help = "the process of this name, instead of -p",
        .manual = "The process of that name, or whose executable is called that; the kernel keeps 15 bytes "
                  "of a name. Several processes of the name are listed, and none of them is taken. Where a "
                  "recorder is looked for, processes that are recorded come before others.",
};
const struct option_row option_unit = {
        .name = "unit", .argument = "UNIT", .kind = OPTION_TEXT, .offset = FIELD(unit), .words = WORDS_UNIT,
        .help = "the main process of this systemd unit",
        .manual = "The main process of this systemd unit (`.service` is added to a name without a suffix): "
                  "the oldest one in the cgroup of that name whose parent is not in it. systemd itself is "
                  "not asked.",
};
const struct option_row option_container = {
        .name = "container", .argument = "ID", .kind = OPTION_TEXT, .offset = FIELD(container),
        .help = "the main process of this container",
        .manual = "The main process of this container of docker, podman, containerd or CRI-O. ID is the "
                  "beginning of its id, four hexadecimal digits at least, as it stands in the `cgroup` or "
                  "`mountinfo` file of the process.",
};
const struct option_row option_wait = {
        .name = "wait", .kind = OPTION_FLAG, .offset = FIELD(wait),
        .help = "for it to appear, and follow it over restarts",
        .manual = "With --name, --unit or --container: wait for the process to appear, and follow the "
                  "service over restarts. When the process ends, or runs another program by exec(3), its "
                  "session is complete, and the next process that is meant gets a session of its own, "
                  "which names the one before it. With -o the second one is called `FILE-2.heaptop` and so "
                  "on. A live screen goes on with the new session by itself; `heaptop list` shows which "
                  "sessions belong together. Ctrl-C, `heaptop detach` or the end of the time given with "
                  "-d, which counts from the beginning, waiting included, ends it. Of a process and its "
                  "own children of the same name, a server and its workers, the parent is meant. One that ends "
                  "within five seconds again and again is looked for less often, up to every 30 seconds.",
};
const struct option_row option_all = {
        .name = "all", .kind = OPTION_FLAG, .offset = FIELD(all),
        .help = "all recorders, and all that dead ones left",
        .manual = "End all recorders, and remove what recorders that were killed may have left, from every "
                  "process.",
};

/* ---- a recording ---- */

const struct option_row option_output = {
        .letter = 'o', .name = "output", .argument = "FILE", .kind = OPTION_TEXT,
        .offset = FIELD(output), .words = WORDS_FILE,
        .help = "the session (default: in ~/.local/state/heaptop)",
        .manual = "The session file; it must not exist. Without this option the file is made in the state "
                  "directory, `~/.local/state/heaptop` as a rule.",
};
const struct option_row option_duration = {
        .letter = 'd', .name = "duration", .argument = "TIME", .kind = OPTION_DURATION,
        .offset = FIELD(duration_ns),
        .help = "stop after 30s, 10m, 1h30m",
        .manual = "Stop recording after this time, which is more than zero: `30s`, `10m`, `1h30m`. Without "
                  "it a recording goes on until it is interrupted, or the process ends.",
};
const struct option_row option_mean = {
        .name = "mean", .argument = "SIZE", .kind = OPTION_SIZE, .offset = FIELD(mean),
        .help = "sample once in so many bytes (default: as fits)",
        .manual = "Sample about once in so many allocated bytes, from beginning to end. A smaller mean "
                  "sees smaller leaks sooner and costs the process more. Without this option heaptop "
                  "chooses: 4K in a quiet process, in a busy one as much more as it takes to stay at about "
                  "500 samples a second. It follows the process several times a second, and size classes "
                  "that grow get a smaller mean of their own (class zoom). The figures stay unbiased: each "
                  "sample is weighed by the mean it was drawn with.",
};
const struct option_row option_stack = {
        .name = "stack", .argument = "SIZE", .kind = OPTION_SIZE, .offset = FIELD(stack),
        .help = "stack copied with a sample (default 16K, at most 64K)",
        .manual = "How much of the stack is copied with a sample; 16K by default, at most 64K. Deeper "
                  "stacks are shown cut.",
};
const struct option_row option_no_cmdline = {
        .name = "no-cmdline", .kind = OPTION_FLAG, .offset = FIELD(no_cmdline),
        .help = "do not store the command line",
        .manual = "Do not store the command line of the process.",
};
const struct option_row option_no_debuginfod = {
        .name = "no-debuginfod", .kind = OPTION_FLAG, .offset = FIELD(no_debuginfod),
        .help = "fetch nothing from $DEBUGINFOD_URLS",
        .manual = "Fetch no debug information from the servers in $DEBUGINFOD_URLS.",
};
const struct option_row option_no_python = {
        .name = "no-python", .kind = OPTION_FLAG, .offset = FIELD(no_python),
        .help = "no Python functions in the stacks",
        .manual = "Leave Python functions out of the stacks. Without it a process that runs CPython 3.9 to "
                  "3.13 has its Python functions in them, as `handler (app.py:31)`; what is copied with a "
                  "sample grows by 24 bytes for each.",
};
const struct option_row option_min_free = {
        .name = "min-free", .argument = "SIZE", .kind = OPTION_SIZE, .offset = FIELD(min_free),
        .help = "end when the disk has less than this left",
        .manual = "End the recording, with the process restored and the session complete, when the file "
                  "system of the session has less than this free. Without it: 64M, or a twentieth of the "
                  "file system where that is less. heaptop exits with 73 then.",
};
const struct option_row option_max_cost = {
        .name = "max-cost", .argument = "PERCENT", .kind = OPTION_PERCENT, .offset = FIELD(max_cost),
        .help = "coarser samples, then the end, above this cost",
        .manual = "What heaptop may cost the process, as a share of its processor time: `2`, `0.5%`. Above "
                  "that, measured over ten seconds, samples become coarser by a factor of four; when three "
                  "times of that did not help, the recording ends and the process is restored. Each step "
                  "is an event in the session. Without it there is no limit; an adaptive mean keeps to "
                  "about 500 samples a second.",
};
const struct option_row option_rss_only = {
        .name = "rss-only", .kind = OPTION_FLAG, .offset = FIELD(rss_only),
        .help = "watch the resident memory, trace nothing",
        .manual = "Watch only the resident memory of the process and its parts, as /proc tells them: "
                  "nothing is traced, stopped or changed, and there are no allocation sites. Works where "
                  "the kernel or the user's rights refuse to let heaptop attach. The screens say \"RSS "
                  "only\".",
};
const struct option_row option_follow_fork = {
        .name = "follow-fork", .kind = OPTION_FLAG, .offset = FIELD(follow_fork),
        .help = "record children, too, and what they exec",
        .manual = "Record the children of the process, too, theirs, and what they exec(3), into the same "
                  "session. The process figures are sums over all of them then, the sites are shared: the "
                  "same code in two processes is one site. Pages that processes share count in the "
                  "resident memory of each. A child is hooked some 50 ms after it was forked, so that one "
                  "that only calls exec(3) is left alone until it has; what it holds by then is \"before "
                  "attach\". Children that end earlier are not recorded; those that were seen at all are "
                  "counted in an event. At most 64 processes are recorded at the same time. When a process "
                  "ends, its blocks count as freed; only those of the last one stay, \"live at the end\". "
                  "The recording goes on until all have ended.\n\nWithout it children run unhooked: they "
                  "inherit hooks that do nothing, and these are taken out of them when the recording ends.",
};
const struct option_row option_follow_exec = {
        .name = "follow-exec", .kind = OPTION_FLAG, .offset = FIELD(follow_exec),
        .help = "go on when it execs another program",
        .manual = "When the process runs another program by exec(3), go on with that, in the same session. "
                  "What it held before is gone; what the new program does until it is hooked, some "
                  "milliseconds, is \"before attach\", and the span is shown as a gap. Without it the "
                  "recording ends there. Implied by --follow-fork and by `heaptop run`.",
};
const struct option_row option_malloc_at = {
        .name = "malloc-at", .argument = "FUNC[:ARG]", .kind = OPTION_MALLOC_AT, .offset = FIELD(extras),
        .help = "hook FUNC, or 0xADDR, too; ARG: the size",
        .manual = "Hook the function FUNC of the process, too: it gives out memory that no allocator known "
                  "to heaptop counts, a part of a pool for example. It must not leave by a C++ exception, "
                  "which finds no way through a sampled call; it is a symbol (of any module; where none is "
                  "global the only local one) or `0xADDR`, the address where a function starts in this "
                  "process. Its argument ARG, 1 (the default) or 2, is the size; it returns the block, or "
                  "NULL. May be given several times. What is wrong with it, a name that does not exist for "
                  "example, is said before anything is changed.",
};
const struct option_row option_pair = {
        .name = "pair", .argument = "ALLOC[:ARG],FREE[:ARG]", .kind = OPTION_PAIR, .offset = FIELD(extras),
        .help = "hook a pool's two functions, too",
        .manual = "The same as --malloc-at for two functions: one that gives blocks out and one that takes "
                  "them back; its argument ARG is the block. `--pair ngx_palloc:2,ngx_pfree:2` for "
                  "example.\n\nA pool gets its memory somewhere, from malloc(3) as a rule. These chunks "
                  "are counted, and so are the blocks in them: the totals count such bytes twice, and so "
                  "does \"heap in use\". Look at the sites, one by one: those of the chunks say when the "
                  "pool grew, those of the blocks who keeps them. Blocks that a pool gives back all at "
                  "once, when it is destroyed, are not seen to die until their memory is given out again. "
                  "How large blocks are is known when they are given out only, so that the bytes freed are "
                  "not exact.",
};
const struct option_row option_live = {
        .name = "live", .kind = OPTION_FLAG, .offset = FIELD(live),
        .help = "the screen takes the terminal, CMD writes to a file",
        .manual = "The screen takes the terminal, the output of the command goes to a file.",
};

/* ---- the screen ---- */

const struct option_row option_ascii = {
        .name = "ascii", .kind = OPTION_FLAG, .offset = FIELD(ascii),
        .help = "draw with ASCII only",
        .manual = "Draw with ASCII characters only.",
};
const struct option_row option_color = {
        .name = "color", .argument = "WHEN", .kind = OPTION_COLOR,
        .offset = FIELD(color), .values = "auto never 16 256",
        .help = "auto, never, 16, 256",
        .manual = "When colours are used, and how many: `auto`, `never`, `16` or `256`. Colour only "
                  "repeats what the text says.",
};
const struct option_row option_plain = {
        .name = "plain", .kind = OPTION_FLAG, .offset = FIELD(plain),
        .help = "lines with labels instead of charts and tables",
        .manual = "For screen readers: no chart, no box, one line with labels for each row, and the cursor "
                  "on the selected one.",
};
const struct option_row option_no_mouse = {
        .name = "no-mouse", .kind = OPTION_FLAG, .offset = FIELD(no_mouse),
        .help = "leave the mouse to the terminal",
        .manual = "Leave the mouse to the terminal.",
};
const struct option_row option_source_map = {
        .letter = 'i', .name = "source-map", .argument = "FROM=TO", .kind = OPTION_SOURCE_MAP,
        .offset = FIELD(source_map),
        .words = WORDS_DIRECTORY,
        .help = "sources that were in FROM are in folder TO",
        .manual = "Source files that were in the folder FROM when they were compiled are in the folder TO "
                  "here. It may be given several times; the longest FROM wins. A file is also looked for "
                  "where the debug information names it and, while the process runs, in its root "
                  "directory. Where the debug information tells the MD5 or the size of a file, one that is "
                  "another is shown as such; else a file that was changed after the program is marked "
                  "\"newer than the program\".",
};
const struct option_row option_expected = {
        .name = "expected", .argument = "FILE", .kind = OPTION_TEXT, .offset = FIELD(expected_file), .words = WORDS_FILE,
        .help = "sites to leave out, as LeakSanitizer suppresses",
        .manual = "Leave out the sites that are as they should be: FILE has a line `leak:PATTERN` for each, as for LeakSanitizer. A "
                  "site is expected when a function of its call stacks, a source file or a module matches; how many were left out "
                  "is told. The user's own file, `expected.supp` beside the config file, is read first (see heaptop(5)).",
};
const struct option_row option_keys = {
        .name = "keys", .argument = "KEYS", .kind = OPTION_TEXT, .offset = FIELD(keys),
        .help = "no terminal: press '> > Enter', print the screen",
        .manual = "Without a terminal, press these keys, parted by spaces as in `> > Enter PgDn ctrl-D`, "
                  "and print the screen. `=text` types text.",
};
const struct option_row option_screen = {
        .name = "screen", .argument = "WxH", .kind = OPTION_TEXT, .offset = FIELD(screen),
        .help = "no terminal: print a screen of this size",
        .manual = "Without a terminal, print a screen of this size; 80x24 by default.",
};
const struct option_row option_styles = {
        .name = "styles", .kind = OPTION_FLAG, .offset = FIELD(styles),
        .help = "then also print a letter for each cell's style",
        .manual = "With --keys or --screen: print the style of each cell as a letter below the screen.",
};

/* ---- what is printed ---- */

const struct option_row option_at = {
        .name = "at", .argument = "TIME", .kind = OPTION_TEXT, .offset = FIELD(at), .words = WORDS_MOMENT,
        .help = "at 13:05:00, -10m, a mark's name (default: the end)",
        .manual = "The moment it is about: `13:05:30`, `-10m`, a mark's name, a tick's number, `start` or "
                  "`end`. A time of day outside the session is refused. Without it: the end.",
};
const struct option_row option_range = {
        .name = "range", .argument = "A..B", .kind = OPTION_TEXT,
        .offset = FIELD(range), .words = WORDS_MOMENT,
        .help = "from A to B, each like --at",
        .manual = "The span it is about: two moments as for --at with dots between them. One that is left "
                  "out is the start or the end.",
};
const struct option_row option_top = {
        .name = "top", .argument = "N", .kind = OPTION_NUMBER, .offset = FIELD(top),
        .help = "this many sites (default 20)",
        .manual = "How many sites; 20 by default.",
};
const struct option_row option_json = {
        .name = "json", .kind = OPTION_FLAG, .offset = FIELD(json),
        .help = "as JSON",
        .manual = "Print JSON. Bytes are integers; the format carries a number and grows only by additions.",
};
const struct option_row option_fail_on = {
        .name = "fail-on", .argument = "WHAT", .kind = OPTION_CHOICE,
        .offset = FIELD(fail_on), .values = "leak growing",
        .help = "exit 1 when it was found: leak, growing",
        .manual = "Exit with status 1 when it was found: `growing`, a site that grows, or `leak`. Whether "
                  "growth is a leak is not judged yet: `leak` means the same as `growing` so far.",
};
const struct option_row option_output_copy = {
        .letter = 'o', .name = "output", .argument = "FILE", .kind = OPTION_TEXT,
        .offset = FIELD(output), .words = WORDS_FILE,
        .help = "write a copy, leave the session as it is",
        .manual = "Write a copy, mode 0600, and leave the session as it is.",
};
const struct option_row option_csv = {
        .name = "csv", .kind = OPTION_FLAG, .offset = FIELD(csv),
        .help = "the sites as CSV",
        .manual = "Print the table of sites as CSV, as `heaptop export --to csv` does, of the sites that "
                  "--top leaves.",
};
const struct option_row option_no_pager = {
        .name = "no-pager", .kind = OPTION_FLAG, .offset = FIELD(no_pager),
        .help = "do not page on a terminal",
        .manual = "Print at once also on a terminal. Without it a page of text goes through $PAGER there, "
                  "or less(1) where there is one; an empty $PAGER and `cat` mean the same as this option. "
                  "The pager runs as the user who called.",
};
const struct option_row option_to = {
        .name = "to", .argument = "FORMAT", .kind = OPTION_CHOICE, .offset = FIELD(to),
        .values = "pprof folded speedscope json csv openmetrics",
        .help = "pprof folded speedscope json csv openmetrics",
        .manual = "The format:\n\n`pprof`: a gzip'd profile for `go tool pprof`, Pyroscope and their kin, "
                  "with the sample types alloc_objects, alloc_space (allocated since the attach, or in the "
                  "range), inuse_objects and inuse_space (alive).\n\n`folded`: a line for each stack, "
                  "`main;dispatch;put 1048576`, for flamegraph.pl and its kin. A `;` in a name is written "
                  "`\\x3b`.\n\n`speedscope`: the JSON of www.speedscope.app, with a profile each of live, "
                  "kept and allocated bytes.\n\n`json`: everything that a report has, with all sites, "
                  "modules, frames and stacks, and how the process went in up to 1000 steps.\n\n`csv`: a "
                  "line for each site (RFC 4180). A text that a spreadsheet would take for a formula gets "
                  "an apostrophe before it.\n\n`openmetrics`: the process and its ten largest sites, as a "
                  "scrape would find them.\n\npprof, folded and speedscope have what has a stack and came "
                  "from malloc(3) and its kin since the attach; json and csv also tell of memory from "
                  "mmap(2) and of what is older. All of them come from the same figures as a report of "
                  "that moment, and add up to the same sums.",
};
const struct option_row option_metric = {
        .name = "metric", .argument = "WHAT", .kind = OPTION_CHOICE,
        .offset = FIELD(metric), .values = "live kept born",
        .help = "what counts: live (default), kept, born",
        .manual = "What a stack weighs: `live`, the bytes alive at that moment (the default); `kept`, of "
                  "these the ones born in the range given with --range, or since the attach; `born`, all "
                  "that was allocated in it, freed again or not. For folded it is the number; pprof and "
                  "speedscope have all of them and show this one first, and with `kept` the pprof types "
                  "inuse_* are what was kept. json and csv have all of them side by side, openmetrics what "
                  "lives.",
};
const struct option_row option_redact = {
        .name = "redact", .kind = OPTION_FLAG, .offset = FIELD(redact),
        .help = "without paths, arguments, host, user",
        .manual = "Leave out what tells where and by whom it was run: of paths, also those in the texts of "
                  "events and in names, only the last part stays; command line, host and user are left "
                  "out; of the limit's source only its kind stays. What stays: names of functions, of the "
                  "process, of files and modules without their folders, build ids, marks, and all figures "
                  "and times.",
};
const struct option_row option_output_export = {
        .letter = 'o', .name = "output", .argument = "FILE", .kind = OPTION_TEXT,
        .offset = FIELD(output), .words = WORDS_FILE,
        .help = "the file; - or none: stdout",
        .manual = "Write FILE; `-`, as without this option, is standard output. The file appears when all "
                  "of it is written, never half. One that exists is not replaced unless --force says so.",
};
const struct option_row option_force = {
        .name = "force", .kind = OPTION_FLAG, .offset = FIELD(force),
        .help = "replace FILE when it is there",
        .manual = "Replace the file given with -o when it exists.",
};
const struct option_row option_min = {
        .name = "min", .argument = "SIZE", .kind = OPTION_SIZE, .offset = FIELD(min),
        .help = "what grew by less is no growth (default 1M)",
        .manual = "A site that grew by less than this is not called grown; 1M by default.",
};
