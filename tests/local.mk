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
	%D%/unit/test_heap \
	%D%/unit/test_heap_moves \
	%D%/unit/test_picker \
	%D%/unit/test_query \
	%D%/unit/test_tree \
	%D%/unit/test_valleys \
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
	%D%/unit/test_unwind

check_PROGRAMS += $(UNIT_TESTS)
# fake_history: a recorded session over arrays, for the model and for golden screens
FAKE_HISTORY = %D%/unit/fake_history.c %D%/unit/fake_history.h %D%/unit/fake_inside.h %D%/unit/fake_read.c
%C%_unit_test_heap_SOURCES = %D%/unit/test_heap.c $(FAKE_HISTORY)
%C%_unit_test_heap_moves_SOURCES = %D%/unit/test_heap_moves.c $(FAKE_HISTORY)
%C%_unit_test_query_SOURCES = %D%/unit/test_query.c $(FAKE_HISTORY)
%C%_unit_test_tree_SOURCES = %D%/unit/test_tree.c $(FAKE_HISTORY)
TESTS += $(UNIT_TESTS)
LDADD = $(HEAPTOP_LIBS) $(CMOCKA_LIBS)

# bench_heap: what a viewer pays for 60,000 sites
EXTRA_PROGRAMS += %D%/bench/bench_heap
%C%_bench_bench_heap_SOURCES = %D%/bench/bench_heap.c $(FAKE_HISTORY)

# scripts
dist_check_SCRIPTS = \
	%D%/layers.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/layers.awk
EXTRA_DIST += %D%/unit/unit.h %D%/unit/area.h
