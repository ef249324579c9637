# Every cmocka program is one line here: its source has the same name, it links every archive.

AM_TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	HEAPTOP_BUILD='$(abs_top_builddir)'; export HEAPTOP_BUILD; \
	HEAPTOP_SRC='$(abs_top_srcdir)'; export HEAPTOP_SRC;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
TEST_EXTENSIONS = .sh
AM_CPPFLAGS += -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)

# unit tests, a line per folder of src/
UNIT_TESTS = \
	%D%/unit/test_base \
	%D%/unit/test_blocks \
	%D%/unit/test_class \
	%D%/unit/test_estimate \
	%D%/unit/test_record \
	%D%/unit/test_ring \
	%D%/unit/test_stacks \
	%D%/unit/test_image \
	%D%/unit/test_maps \
	%D%/unit/test_naming \
	%D%/unit/test_proc \
	%D%/unit/test_runtime \
	%D%/unit/test_unwind \
	%D%/unit/test_probe \
	%D%/unit/test_probe_sampling

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = $(HEAPTOP_LIBS) $(CMOCKA_LIBS)

# scripts
dist_check_SCRIPTS = \
	%D%/layers.sh \
	%D%/probe_blob.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/layers.awk
EXTRA_DIST += %D%/unit/unit.h %D%/unit/area.h %D%/unit/rig.h

# what live tests attach with, and what they attach to
check_PROGRAMS += %D%/live/attach_tool %D%/targets/churn
%C%_live_attach_tool_SOURCES = %D%/live/attach_tool.c
%C%_targets_churn_SOURCES = %D%/targets/churn.c
%C%_targets_churn_CPPFLAGS = -D_GNU_SOURCE
%C%_targets_churn_CFLAGS = -std=gnu11 -O1 -g
%C%_targets_churn_LDFLAGS =
%C%_targets_churn_LDADD = -lpthread

# benchmarks: built and run by `make bench` only
EXTRA_PROGRAMS += %D%/bench/bench_probe
%C%_bench_bench_probe_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
CLEANFILES += $(EXTRA_PROGRAMS)
.PHONY: bench
bench: %D%/bench/bench_probe$(EXEEXT)
	%D%/bench/bench_probe$(EXEEXT)
