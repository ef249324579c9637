# layers.awk: which folder of src/ may include which, and which may use which library.
# To change the architecture, change these tables in the same commit and say why.
BEGIN {
        may["base"]   = "base"
        may["model"]  = "model base"
        may["target"] = "target base"
        may["probe"]  = "probe"
        may["inject"] = "inject target base probe"
        may["live"]   = "live inject target model base probe"
        may["store"]  = "store model base"
        may["tui"]    = "tui model base"
        may["report"] = "report model base"
        may["app"]    = "app live store tui report inject target model base"

        library["ncurses.h"] = "tui/term.c"
        library["curses.h"] = "tui/term.c"
        library["sqlite3.h"] = "store"
        library["libunwind"] = "target"
        library["libelf.h"] = library["gelf.h"] = library["elfutils"] = library["dwarf.h"] = "target"
        library["libiberty"] = library["lzma.h"] = "target"
        library["Zydis"] = "inject"
        library["jansson.h"] = "app report"
        library["ini.h"] = "app/config.c" # screens and recorder get a plain struct
        library["protobuf-c"] = library["zlib.h"] = "report/export_pprof.c"
        library["sys/ptrace.h"] = "inject"
}
FNR == 1 {
        file = FILENAME
        sub(/^\.\//, "", file)
        folder = file
        sub(/\/.*/, "", folder)
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, part, "\"")
        included = part[2]
        to = included
        if (!sub(/\/.*/, "", to))
                complain("write the folder: \"" folder "/" included "\"")
        else if (!(folder in may))
                complain("no such folder in the picture: " folder)
        else if (index(" " may[folder] " ", " " to " ") == 0)
                complain(folder " may not include " included)
        else if (to == "probe" && folder != "probe" && included != "probe/wire.h")
                complain("only probe/wire.h leaves the probe")
}
/^[ \t]*#[ \t]*include[ \t]*</ {
        for (name in library)
                if (index($0, "<" name) && !lies_in(file, library[name]))
                        complain("<" name " belongs to " library[name])
}
function lies_in(file, places,    place, i, n) {
        n = split(places, place, " ")
        for (i = 1; i <= n; i++)
                if (index(file, place[i]) == 1)
                        return 1
        return 0
}
function complain(what) {
        print "# " file ":" FNR ": " what
        bad = 1
}
END { exit bad }
