EXTRA_DIST += %D%/hacking.md %D%/safety.md
EXTRA_DIST += %D%/queries.sql
dist_man_MANS += %D%/heaptop.5
