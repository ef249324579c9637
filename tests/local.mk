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
	%D%/unit/test_options \
	%D%/unit/test_writer \
	%D%/unit/test_store \
	%D%/unit/test_store_crash \
	%D%/unit/test_store_hostile \
	%D%/unit/test_rollup \
	%D%/unit/test_probe \
	%D%/unit/test_heap \
	%D%/unit/test_picker \
	%D%/unit/test_query \
	%D%/unit/test_tree \
	%D%/unit/test_unwind \
	%D%/unit/test_probe_sampling \
	%D%/unit/test_naming \
	%D%/unit/test_proc \
	%D%/unit/test_report \
	%D%/unit/test_screens \
	%D%/unit/test_unwind \
	%D%/unit/test_tree \
	%D%/unit/test_tui \
	%D%/unit/test_runtime \
	%D%/unit/test_probe \
	%D%/unit/test_probe_sampling

check_PROGRAMS += $(UNIT_TESTS)
# fake_history: a recorded session over arrays, for the model and for golden screens
FAKE_HISTORY = %D%/unit/fake_history.c %D%/unit/fake_history.h %D%/unit/fake_inside.h %D%/unit/fake_read.c
%C%_unit_test_heap_SOURCES = %D%/unit/test_heap.c $(FAKE_HISTORY)
%C%_unit_test_heap_moves_SOURCES = %D%/unit/test_heap_moves.c $(FAKE_HISTORY)
%C%_unit_test_query_SOURCES = %D%/unit/test_query.c $(FAKE_HISTORY)
%C%_unit_test_tree_SOURCES = %D%/unit/test_tree.c $(FAKE_HISTORY)
# demo_session: the session that golden screens show
%C%_unit_test_screens_SOURCES = %D%/unit/test_screens.c %D%/unit/demo_session.c %D%/unit/demo_session.h $(FAKE_HISTORY)
EXTRA_DIST += %D%/screens
TESTS += $(UNIT_TESTS)
LDADD = $(HEAPTOP_LIBS) $(CMOCKA_LIBS)

SESSION_SOURCES = %D%/unit/sample.c %D%/unit/sample.h %D%/unit/session.c %D%/unit/session.h
%C%_unit_test_store_SOURCES = %D%/unit/test_store.c $(SESSION_SOURCES)
%C%_unit_test_writer_SOURCES = %D%/unit/test_writer.c $(SESSION_SOURCES)
%C%_unit_test_rollup_SOURCES = %D%/unit/test_rollup.c $(SESSION_SOURCES)
%C%_unit_test_report_SOURCES = %D%/unit/test_report.c $(SESSION_SOURCES)
%C%_unit_test_store_crash_SOURCES = %D%/unit/test_store_crash.c $(SESSION_SOURCES)
%C%_unit_test_store_hostile_SOURCES = %D%/unit/test_store_hostile.c $(SESSION_SOURCES)

check_PROGRAMS += %D%/unit/make_session
%C%_unit_make_session_SOURCES = %D%/unit/make_session.c %D%/unit/sample.c %D%/unit/sample.h

# fuzz targets: with --enable-fuzz real ones, else programs that replay their corpus
FUZZ_TARGETS = \
	%D%/fuzz/fuzz_session
check_PROGRAMS += $(FUZZ_TARGETS)
%C%_fuzz_fuzz_session_SOURCES = %D%/fuzz/fuzz_session.c $(SESSION_SOURCES)
if FUZZ
%C%_fuzz_fuzz_session_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
else
%C%_fuzz_fuzz_session_SOURCES += %D%/fuzz/replay.c
TESTS += $(FUZZ_TARGETS)
endif
EXTRA_DIST += %D%/fuzz/corpus

# not run by make check: tests/bench/*.c say how
EXTRA_PROGRAMS += %D%/bench/bench_store
%C%_bench_bench_store_SOURCES = %D%/bench/bench_store.c %D%/unit/sample.c %D%/unit/sample.h
CLEANFILES += $(EXTRA_PROGRAMS)
# bench_heap: what a viewer pays for 60,000 sites
EXTRA_PROGRAMS += %D%/bench/bench_heap
%C%_bench_bench_heap_SOURCES = %D%/bench/bench_heap.c $(FAKE_HISTORY)

# scripts
dist_check_SCRIPTS = \
	%D%/docs.sh \
	%D%/live/bad_input.sh \
	%D%/live/kills.sh \
	%D%/live/lifeline.sh \
	%D%/live/programs.sh \
	%D%/live/replay.sh \
	%D%/live/run.sh \
	%D%/live/screen.sh \
	%D%/live/truth.sh \
	%D%/layers.sh \
	%D%/probe_blob.sh \
	%D%/session_doc.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/layers.awk
EXTRA_DIST += %D%/unit/unit.h %D%/unit/area.h %D%/unit/rig.h

EXTRA_DIST += %D%/live/kills.py %D%/live/load.py %D%/live/grow.py %D%/live/grow.js
check_PROGRAMS += %D%/live/fingerprint
%C%_live_fingerprint_LDADD =

# what the live tests attach with, and what they attach to
EXTRA_DIST += %D%/live/lib.sh
check_PROGRAMS += %D%/live/attach_tool %D%/targets/churn %D%/targets/tracer
%C%_live_attach_tool_SOURCES = %D%/live/attach_tool.c
%C%_targets_churn_SOURCES = %D%/targets/churn.c
%C%_targets_churn_CPPFLAGS = -D_GNU_SOURCE
%C%_targets_churn_CFLAGS = -std=gnu11 -O1 -g
%C%_targets_churn_LDFLAGS =
%C%_targets_churn_LDADD = -lpthread
%C%_targets_tracer_SOURCES = %D%/targets/tracer.c
%C%_targets_tracer_LDADD =

# benchmarks: built and run by `make bench` only
EXTRA_PROGRAMS += %D%/bench/bench_probe
%C%_bench_bench_probe_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
CLEANFILES += $(EXTRA_PROGRAMS)
.PHONY: bench
bench: %D%/bench/bench_probe$(EXEEXT)
	%D%/bench/bench_probe$(EXEEXT)

# make bench, the second part: what a watched process pays, from outside
EXTRA_PROGRAMS += %D%/bench/pair
%C%_bench_pair_SOURCES = %D%/bench/pair.c
%C%_bench_pair_CFLAGS = -std=gnu11 -O2
%C%_bench_pair_LDFLAGS =
%C%_bench_pair_LDADD = -lpthread
EXTRA_DIST += %D%/bench/bench.py
bench: bench-watched
.PHONY: bench-watched
bench-watched: %D%/bench/pair$(EXEEXT) heaptop$(EXEEXT)
	/usr/bin/python3 $(srcdir)/%D%/bench/bench.py ./heaptop . $(BENCH_FLAGS)
