EXTRA_DIST += %D%/classes.md %D%/hacking.md %D%/memory.md %D%/names.md %D%/performance.md %D%/safety.md %D%/traps.md
dist_man_MANS += %D%/heaptop.1
EXTRA_DIST += %D%/queries.sql
dist_man_MANS += %D%/heaptop.5
EXTRA_DIST += %D%/tour.md
EXTRA_DIST += %D%/containers.md
EXTRA_DIST += %D%/sampling.md
EXTRA_DIST += %D%/formats.md %D%/schema/diff.json %D%/schema/doctor.json %D%/schema/export.json %D%/schema/list.json \
	%D%/schema/report.json %D%/schema/resymbolize.json
