EXTRA_DIST += %D%/hacking.md %D%/safety.md
dist_man_MANS += %D%/heaptop.1
