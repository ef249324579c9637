# schema.awk: makes C strings of data/schema.sql, one for each format, so that the program carries its own schema. A line
# "-- format N" begins what format N added.
BEGIN {
        print "/* made from data/schema.sql by data/schema.awk */"
        print "#include \"store/schema.h\""
        print ""
        print "const char *const schema_parts[STORE_VERSION] = {"
}
/^-- format / && n++ { print "        ," }
{
        gsub(/\\/, "\\\\")
        gsub(/"/, "\\\"")
        printf "        \"%s\\n\"\n", $0
}
END { print "};" }
