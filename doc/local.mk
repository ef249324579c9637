# Manual pages: the text is in doc/NAME.in, the tables (options, keys, errors, exit statuses) come from the program src/app/pages.c.
# A release has the finished pages, so that they need not be made when another machine's heaptop is built.
MANUAL_PAGES = %D%/heaptop.1 %D%/heaptop-attach.1 %D%/heaptop-completion.1 %D%/heaptop-demo.1 %D%/heaptop-detach.1 \
	%D%/heaptop-diff.1 %D%/heaptop-doctor.1 %D%/heaptop-export.1 %D%/heaptop-list.1 %D%/heaptop-record.1 \
	%D%/heaptop-replay.1 %D%/heaptop-report.1 %D%/heaptop-resymbolize.1 %D%/heaptop-run.1 \
	%D%/heaptop-errors.7 %D%/heaptop-keys.7
dist_man_MANS += $(MANUAL_PAGES) %D%/heaptop.5
MANUAL_INPUTS = $(MANUAL_PAGES:=.in)
EXTRA_DIST += $(MANUAL_INPUTS)

COMPLETIONS = %D%/completion/heaptop %D%/completion/_heaptop %D%/completion/heaptop.fish
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/completion/heaptop
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = %D%/completion/_heaptop
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = %D%/completion/heaptop.fish
CLEANFILES += $(MANUAL_PAGES) $(COMPLETIONS)

if !CROSS
$(MANUAL_PAGES): pages$(EXEEXT) $(MANUAL_INPUTS)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./pages$(EXEEXT) $(top_srcdir)/$@.in >$@.new && mv $@.new $@
%D%/completion/heaptop: pages$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./pages$(EXEEXT) --completion bash >$@.new && mv $@.new $@
%D%/completion/_heaptop: pages$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./pages$(EXEEXT) --completion zsh >$@.new && mv $@.new $@
%D%/completion/heaptop.fish: pages$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./pages$(EXEEXT) --completion fish >$@.new && mv $@.new $@
endif

# The screens in README and the tour.
EXTRA_DIST += %D%/screenshots.sh %D%/record_demo.sh %D%/demo.heaptop.gz
screenshots: heaptop$(EXEEXT)
	$(top_srcdir)/%D%/screenshots.sh $(abs_top_builddir)/heaptop$(EXEEXT)
.PHONY: screenshots

EXTRA_DIST += %D%/classes.md %D%/compare.md %D%/hacking.md %D%/memory.md %D%/names.md %D%/performance.md %D%/safety.md %D%/traps.md
EXTRA_DIST += %D%/queries.sql
EXTRA_DIST += %D%/tour.md
EXTRA_DIST += %D%/containers.md
EXTRA_DIST += %D%/sampling.md
EXTRA_DIST += %D%/formats.md
schemadir = $(pkgdatadir)/schema
dist_schema_DATA = %D%/schema/diff.json %D%/schema/doctor.json %D%/schema/export.json %D%/schema/list.json \
	%D%/schema/report.json %D%/schema/resymbolize.json
