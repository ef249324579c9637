#!/bin/sh
# soak: attach, detach and kill -9, round after round, on programs under load. Run by `make check-soak`.
#
#   HEAPTOP_SOAK_MINUTES   how long this slice lasts (15)
#   HEAPTOP_SOAK_SUMS      where the sums of all slices are kept (soak.sums in the build folder); remove it to begin anew
#   HEAPTOP_SOAK_LANES     how many programs are worked on at a time (3)
#   HEAPTOP_SOAK_PART      rounds (the default) or redis: one recording of redis under load; may run beside the rounds
#
# Each round ends with the target alive, its own data or answers right, and map, descriptors, threads, signal masks and
# code as before. The first failure ends the slice and names the seed. The whole is 10,000 attach/detach cycles, 5,000
# kill -9 and an hour of redis; what is left of it is printed.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program /usr/bin/python3
sums=${HEAPTOP_SOAK_SUMS:-$HEAPTOP_BUILD/soak.sums}
minutes=${HEAPTOP_SOAK_MINUTES:-15}
part=${HEAPTOP_SOAK_PART:-rounds}
plan 1

slice() {
        /usr/bin/python3 "$HEAPTOP_SRC/tests/live/soak.py" "$HEAPTOP_BUILD" "$sums" "$minutes" "$part"
}
case $part in
redis) check "redis is recorded for $minutes minutes, and its answers and the figures are right" slice ;;
*) check "attach, detach and kill -9 harm no target" slice ;;
esac
the_end
