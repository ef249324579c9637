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
	%D%/unit/test_allocators \
	%D%/unit/test_image \
	%D%/unit/test_maps \
	%D%/unit/test_relocate \
	%D%/unit/test_undo

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = $(HEAPTOP_LIBS) $(CMOCKA_LIBS)

# scripts
dist_check_SCRIPTS = \
	%D%/layers.sh \
	%D%/live/attach.sh \
	%D%/live/attach-edges.sh \
	%D%/live/attach-killed.sh
EXTRA_DIST += %D%/live/attach-lib.sh %D%/targets/throw.cc
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/layers.awk
EXTRA_DIST += %D%/unit/unit.h

# what live tests attach with, and what they attach to
check_PROGRAMS += %D%/live/attach_tool %D%/targets/churn %D%/targets/edge
%C%_live_attach_tool_SOURCES = %D%/live/attach_tool.c
%C%_targets_churn_SOURCES = %D%/targets/churn.c
%C%_targets_churn_CPPFLAGS = -D_GNU_SOURCE
%C%_targets_churn_CFLAGS = -std=gnu11 -O1 -g
%C%_targets_churn_LDFLAGS =
%C%_targets_churn_LDADD = -lpthread
%C%_targets_edge_SOURCES = %D%/targets/edge.c
%C%_targets_edge_CPPFLAGS = -D_GNU_SOURCE
%C%_targets_edge_CFLAGS = -std=gnu11 -O1 -g
%C%_targets_edge_LDFLAGS =
%C%_targets_edge_LDADD = -lpthread
