# Writes log_table: ln(1 + i/256) for i in [0, 256], in units of 2^-32, rounded to the nearest.
# exponential() in probe/slot.c interpolates linearly in it; the error is below 2e-6.
BEGIN {
        print "/* Made by logtable.awk: ln(1 + i/256) in units of 2^-32. */"
        print "static const uint32_t log_table[257] = {"
        for (i = 0; i <= 256; i++)
                printf "        %.0fu,\n", log(1 + i / 256) * 4294967296
        print "};"
}
