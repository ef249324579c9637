# schema.awk: makes a C string of data/schema.sql, so that the program carries its own schema.
BEGIN {
        print "/* made from data/schema.sql by data/schema.awk */"
        print "#include \"store/schema.h\""
        print ""
        print "const char schema_sql[] ="
}
{
        gsub(/\\/, "\\\\")
        gsub(/"/, "\\\"")
        printf "        \"%s\\n\"\n", $0
}
END { print "        ;" }
