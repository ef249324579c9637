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
	%D%/unit/test_glibc \
	%D%/unit/test_image \
	%D%/unit/test_maps \
	%D%/unit/test_naming \
	%D%/unit/test_proc \
	%D%/unit/test_runtime \
	%D%/unit/test_unwind

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = $(HEAPTOP_LIBS) $(CMOCKA_LIBS)

# scripts
dist_check_SCRIPTS = \
	%D%/layers.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/layers.awk
EXTRA_DIST += %D%/unit/unit.h
