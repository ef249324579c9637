EXTRA_DIST += %D%/classes.md %D%/hacking.md %D%/memory.md %D%/names.md %D%/performance.md %D%/safety.md %D%/traps.md
dist_man_MANS += %D%/heaptop.1
EXTRA_DIST += %D%/queries.sql
dist_man_MANS += %D%/heaptop.5
EXTRA_DIST += %D%/tour.md
EXTRA_DIST += %D%/containers.md
EXTRA_DIST += %D%/sampling.md
