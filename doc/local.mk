EXTRA_DIST += %D%/hacking.md %D%/safety.md
