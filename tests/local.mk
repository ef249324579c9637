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
	%D%/unit/test_store \
	%D%/unit/test_store_crash \
	%D%/unit/test_store_hostile \
	%D%/unit/test_report \
	%D%/unit/test_heap

check_PROGRAMS += $(UNIT_TESTS)
# fake_history: a recorded session over arrays, for the model and for golden screens
FAKE_HISTORY = %D%/unit/fake_history.c %D%/unit/fake_history.h
%C%_unit_test_heap_SOURCES = %D%/unit/test_heap.c $(FAKE_HISTORY)
TESTS += $(UNIT_TESTS)
LDADD = $(HEAPTOP_LIBS) $(CMOCKA_LIBS)

SESSION_SOURCES = %D%/unit/sample.c %D%/unit/sample.h %D%/unit/session.c %D%/unit/session.h
%C%_unit_test_store_SOURCES = %D%/unit/test_store.c $(SESSION_SOURCES)
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

# scripts
dist_check_SCRIPTS = \
	%D%/layers.sh \
	%D%/session_doc.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/layers.awk
EXTRA_DIST += %D%/unit/unit.h
