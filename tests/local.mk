# Every cmocka program is one line here: its source has the same name, it links every archive.

AM_TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	HEAPTOP_BUILD='$(abs_top_builddir)'; export HEAPTOP_BUILD; \
	HEAPTOP_SRC='$(abs_top_srcdir)'; export HEAPTOP_SRC;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
TEST_EXTENSIONS = .sh
AM_CPPFLAGS += -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
LDADD = $(HEAPTOP_LIBS) $(CMOCKA_LIBS)

# ---- unit tests ----

UNIT_TESTS = \
	%D%/unit/test_alerts \
	%D%/unit/test_allocators \
	%D%/unit/test_any_keys \
	%D%/unit/test_base \
	%D%/unit/test_before \
	%D%/unit/test_blocks \
	%D%/unit/test_borders \
	%D%/unit/test_bytecode \
	%D%/unit/test_child \
	%D%/unit/test_class \
	%D%/unit/test_compare \
	%D%/unit/test_config \
	%D%/unit/test_debug_files \
	%D%/unit/test_debuginfod \
	%D%/unit/test_diff \
	%D%/unit/test_detect \
	%D%/unit/test_dwarf_files \
	%D%/unit/test_dwarf_package \
	%D%/unit/test_dwarf_process \
	%D%/unit/test_estimate \
	%D%/unit/test_export \
	%D%/unit/test_flame \
	%D%/unit/test_frames \
	%D%/unit/test_heap \
	%D%/unit/test_heap_moves \
	%D%/unit/test_heap_stacks \
	%D%/unit/test_fetching \
	%D%/unit/test_glibc \
	%D%/unit/test_image \
	%D%/unit/test_inspect \
	%D%/unit/test_jit \
	%D%/unit/test_jitcode \
	%D%/unit/test_jitdump \
	%D%/unit/test_jitname \
	%D%/unit/test_jitreader \
	%D%/unit/test_large \
	%D%/unit/test_live_replay \
	%D%/unit/test_maps \
	%D%/unit/test_mapped \
	%D%/unit/test_memory \
	%D%/unit/test_minidebug \
	%D%/unit/test_names \
	%D%/unit/test_naming \
	%D%/unit/test_oom \
	%D%/unit/test_options \
	%D%/unit/test_overspend \
	%D%/unit/test_pacer \
	%D%/unit/test_pacing \
	%D%/unit/test_perfmap \
	%D%/unit/test_pathmap \
	%D%/unit/test_permission \
	%D%/unit/test_picker \
	%D%/unit/test_plt \
	%D%/unit/test_probe \
	%D%/unit/test_probe_coverage \
	%D%/unit/test_probe_inside \
	%D%/unit/test_probe_interpreter \
	%D%/unit/test_probe_map \
	%D%/unit/test_probe_sampling \
	%D%/unit/test_probe_stack \
	%D%/unit/test_probe_zoom \
	%D%/unit/test_proc \
	%D%/unit/test_python \
	%D%/unit/test_query \
	%D%/unit/test_record \
	%D%/unit/test_recorder \
	%D%/unit/test_relocate \
	%D%/unit/test_relocate_everywhere \
	%D%/unit/test_rename \
	%D%/unit/test_report \
	%D%/unit/test_ring \
	%D%/unit/test_rollup \
	%D%/unit/test_rules \
	%D%/unit/test_runtime \
	%D%/unit/test_replay \
	%D%/unit/test_screens \
	%D%/unit/test_seccomp \
	%D%/unit/test_smaps \
	%D%/unit/test_scripts \
	%D%/unit/test_shorten \
	%D%/unit/test_site_names \
	%D%/unit/test_series \
	%D%/unit/test_slots \
	%D%/unit/test_source \
	%D%/unit/test_stacks \
	%D%/unit/test_store \
	%D%/unit/test_store_crash \
	%D%/unit/test_store_blocks \
	%D%/unit/test_store_hostile \
	%D%/unit/test_style \
	%D%/unit/test_suppress \
	%D%/unit/test_suspects \
	%D%/unit/test_comms \
	%D%/unit/test_tree \
	%D%/unit/test_tui \
	%D%/unit/test_undo \
	%D%/unit/test_unwind \
	%D%/unit/test_unwind_table \
	%D%/unit/test_valleys \
	%D%/unit/test_views \
	%D%/unit/test_wanted \
	%D%/unit/test_writer \
	%D%/unit/test_writer_busy
if HAVE_VTERM
UNIT_TESTS += %D%/unit/test_vterm
endif
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
EXTRA_DIST += %D%/unit/area.h %D%/unit/rig.h %D%/unit/toy.h %D%/unit/unit.h %D%/screens

# fake_history: a recorded session over arrays, for the model and for golden screens
FAKE_HISTORY = %D%/unit/fake_history.c %D%/unit/fake_history.h %D%/unit/fake_inside.h %D%/unit/fake_read.c
%C%_unit_test_alerts_SOURCES = %D%/unit/test_alerts.c $(FAKE_HISTORY)
%C%_unit_test_heap_SOURCES = %D%/unit/test_heap.c $(FAKE_HISTORY)
%C%_unit_test_site_names_SOURCES = %D%/unit/test_site_names.c $(FAKE_HISTORY)
%C%_unit_test_heap_moves_SOURCES = %D%/unit/test_heap_moves.c $(FAKE_HISTORY)
%C%_unit_test_diff_SOURCES = %D%/unit/test_diff.c $(FAKE_HISTORY)
%C%_unit_test_heap_stacks_SOURCES = %D%/unit/test_heap_stacks.c $(FAKE_HISTORY)
%C%_unit_test_compare_SOURCES = %D%/unit/test_compare.c $(FAKE_HISTORY)
%C%_unit_test_query_SOURCES = %D%/unit/test_query.c $(FAKE_HISTORY)
%C%_unit_test_suppress_SOURCES = %D%/unit/test_suppress.c $(FAKE_HISTORY)
%C%_unit_test_inspect_SOURCES = %D%/unit/test_inspect.c %D%/unit/sample.c %D%/unit/sample.h $(FAKE_HISTORY)
%C%_unit_test_tree_SOURCES = %D%/unit/test_tree.c $(FAKE_HISTORY)
# toy_elf: ELF files made for a test
TOY_ELF = %D%/unit/toy_elf.c %D%/unit/toy_elf.h
%C%_unit_test_debug_files_SOURCES = %D%/unit/test_debug_files.c $(TOY_ELF)
%C%_unit_test_debug_files_LDADD = $(LDADD) $(ELF_LIBS)
%C%_unit_test_borders_SOURCES = %D%/unit/test_borders.c $(TOY_ELF)
%C%_unit_test_minidebug_SOURCES = %D%/unit/test_minidebug.c $(TOY_ELF)
%C%_unit_test_minidebug_LDADD = $(LDADD) $(ELF_LIBS)
%C%_unit_test_plt_SOURCES = %D%/unit/test_plt.c $(TOY_ELF)
# demo_session: the session that golden screens show
SCREEN_WORLD = %D%/unit/demo_session.c %D%/unit/demo_session.h %D%/unit/screen_world.c %D%/unit/screen_world.h $(FAKE_HISTORY)
%C%_unit_test_screens_SOURCES = %D%/unit/test_screens.c $(SCREEN_WORLD)
%C%_unit_test_replay_SOURCES = %D%/unit/test_replay.c $(SCREEN_WORLD)
%C%_unit_test_any_keys_SOURCES = %D%/unit/test_any_keys.c $(SCREEN_WORLD)
%C%_unit_test_large_SOURCES = %D%/unit/test_large.c $(SCREEN_WORLD)
%C%_unit_test_flame_SOURCES = %D%/unit/test_flame.c $(SCREEN_WORLD)
%C%_unit_test_views_SOURCES = %D%/unit/test_views.c $(SCREEN_WORLD)
%C%_unit_test_source_SOURCES = %D%/unit/test_source.c $(SCREEN_WORLD)
# toy_python: what heaptop looks at in CPython, exported as CPython does
%C%_unit_test_python_SOURCES = %D%/unit/test_python.c %D%/unit/toy_python.h %D%/unit/python_lines.h
%C%_unit_test_python_LDFLAGS = $(AM_LDFLAGS) -Wl,--export-dynamic
%C%_unit_test_scripts_SOURCES = %D%/unit/test_scripts.c %D%/unit/toy_python.h
%C%_unit_test_scripts_LDFLAGS = $(AM_LDFLAGS) -Wl,--export-dynamic
check_PROGRAMS += %D%/python_layout
%C%_python_layout_SOURCES = %D%/python_layout.c
# session: a session file made for a test
SESSION_SOURCES = %D%/unit/sample.c %D%/unit/sample.h %D%/unit/session.c %D%/unit/session.h
%C%_unit_test_export_SOURCES = %D%/unit/test_export.c $(SESSION_SOURCES) $(FAKE_HISTORY)
%C%_unit_test_live_replay_SOURCES = %D%/unit/test_live_replay.c $(SESSION_SOURCES)
%C%_unit_test_rename_SOURCES = %D%/unit/test_rename.c $(SESSION_SOURCES)
%C%_unit_test_report_SOURCES = %D%/unit/test_report.c $(SESSION_SOURCES)
%C%_unit_test_rollup_SOURCES = %D%/unit/test_rollup.c $(SESSION_SOURCES)
%C%_unit_test_store_SOURCES = %D%/unit/test_store.c $(SESSION_SOURCES)
%C%_unit_test_store_crash_SOURCES = %D%/unit/test_store_crash.c $(SESSION_SOURCES)
%C%_unit_test_store_blocks_SOURCES = %D%/unit/test_store_blocks.c $(SESSION_SOURCES)
%C%_unit_test_store_hostile_SOURCES = %D%/unit/test_store_hostile.c $(SESSION_SOURCES)
# terminal: heaptop on a pseudo terminal
%C%_unit_test_vterm_SOURCES = %D%/unit/test_vterm.c %D%/unit/terminal.c %D%/unit/terminal.h $(SESSION_SOURCES)
%C%_unit_test_vterm_CPPFLAGS = $(AM_CPPFLAGS) $(VTERM_CFLAGS)
%C%_unit_test_vterm_LDADD = $(LDADD) $(VTERM_LIBS) -lutil
%C%_unit_test_writer_SOURCES = %D%/unit/test_writer.c $(SESSION_SOURCES)
%C%_unit_test_writer_busy_SOURCES = %D%/unit/test_writer_busy.c $(SESSION_SOURCES)
check_PROGRAMS += %D%/unit/make_session
%C%_unit_make_session_SOURCES = %D%/unit/make_session.c %D%/unit/sample.c %D%/unit/sample.h

# ---- fuzz targets: with --enable-fuzz real ones, else programs that replay their corpus ----

FUZZ_TARGETS = \
	%D%/fuzz/fuzz_cgroup \
	%D%/fuzz/fuzz_code \
	%D%/fuzz/fuzz_config \
	%D%/fuzz/fuzz_debug \
	%D%/fuzz/fuzz_ehframe \
	%D%/fuzz/fuzz_elf \
	%D%/fuzz/fuzz_glibc \
	%D%/fuzz/fuzz_jitdump \
	%D%/fuzz/fuzz_lines \
	%D%/fuzz/fuzz_maps \
	%D%/fuzz/fuzz_perfmap \
	%D%/fuzz/fuzz_proc \
	%D%/fuzz/fuzz_ring \
	%D%/fuzz/fuzz_rules \
	%D%/fuzz/fuzz_session \
	%D%/fuzz/fuzz_smaps \
	%D%/fuzz/fuzz_sources \
	%D%/fuzz/fuzz_suppress \
	%D%/fuzz/fuzz_undo \
	%D%/fuzz/fuzz_unwind
check_PROGRAMS += $(FUZZ_TARGETS)
if FUZZ
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZ_MAIN =
else
FUZZ_LINK = $(AM_LDFLAGS)
FUZZ_MAIN = %D%/fuzz/replay.c
TESTS += $(FUZZ_TARGETS)
endif
%C%_fuzz_fuzz_cgroup_SOURCES = %D%/fuzz/fuzz_cgroup.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_cgroup_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_code_SOURCES = %D%/fuzz/fuzz_code.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_code_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_config_SOURCES = %D%/fuzz/fuzz_config.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_config_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_debug_SOURCES = %D%/fuzz/fuzz_debug.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_debug_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_ehframe_SOURCES = %D%/fuzz/fuzz_ehframe.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_ehframe_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_elf_SOURCES = %D%/fuzz/fuzz_elf.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_elf_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_glibc_SOURCES = %D%/fuzz/fuzz_glibc.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_glibc_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_jitdump_SOURCES = %D%/fuzz/fuzz_jitdump.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_jitdump_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_lines_SOURCES = %D%/fuzz/fuzz_lines.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_lines_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_maps_SOURCES = %D%/fuzz/fuzz_maps.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_maps_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_perfmap_SOURCES = %D%/fuzz/fuzz_perfmap.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_perfmap_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_proc_SOURCES = %D%/fuzz/fuzz_proc.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_proc_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_ring_SOURCES = %D%/fuzz/fuzz_ring.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_ring_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_rules_SOURCES = %D%/fuzz/fuzz_rules.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_rules_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_session_SOURCES = %D%/fuzz/fuzz_session.c $(FUZZ_MAIN) $(SESSION_SOURCES)
%C%_fuzz_fuzz_session_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_smaps_SOURCES = %D%/fuzz/fuzz_smaps.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_smaps_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_sources_SOURCES = %D%/fuzz/fuzz_sources.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_sources_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_suppress_SOURCES = %D%/fuzz/fuzz_suppress.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_suppress_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_undo_SOURCES = %D%/fuzz/fuzz_undo.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_undo_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fuzz_unwind_SOURCES = %D%/fuzz/fuzz_unwind.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_unwind_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += %D%/fuzz/corpus

# ---- scripts ----

dist_check_SCRIPTS = \
	%D%/completion.sh %D%/docs.sh %D%/errors.sh %D%/screenshots.sh \
	%D%/layers.sh \
	%D%/live/allocators.sh \
	%D%/live/attach.sh \
	%D%/live/attach-edges.sh \
	%D%/live/attach-killed.sh \
	%D%/live/bad_input.sh \
	%D%/live/debuginfod.sh \
	%D%/live/debug_files.sh \
	%D%/live/doctor.sh \
	%D%/live/ended.sh \
	%D%/live/faults.sh \
	%D%/live/follow.sh \
	%D%/live/follow_service.sh \
	%D%/live/full_disk.sh \
	%D%/live/hostile_names.sh \
	%D%/live/jit.sh \
	%D%/live/kills.sh \
	%D%/live/kinds.sh \
	%D%/live/kinds-frozen.sh \
	%D%/live/late.sh \
	%D%/live/libraries.sh \
	%D%/live/lifeline.sh \
	%D%/live/lines.sh \
	%D%/live/naming.sh \
	%D%/live/pacing.sh \
	%D%/live/pools.sh \
	%D%/live/python.sh \
	%D%/live/marks.sh \
	%D%/live/memory.sh \
	%D%/live/names.sh \
	%D%/live/programs.sh \
	%D%/live/recorder.sh \
	%D%/live/config.sh \
	%D%/live/export.sh \
	%D%/live/replay.sh \
	%D%/live/resymbolize.sh \
	%D%/live/rss_only.sh \
	%D%/live/run.sh \
	%D%/live/screen.sh \
	%D%/live/source.sh \
	%D%/live/sudo.sh \
	%D%/live/threads.sh \
	%D%/live/truth.sh \
	%D%/live/twin.sh \
	%D%/live/viewers.sh \
	%D%/live/unwind.sh \
	%D%/probe_blob.sh \
	%D%/python_layout.sh \
	%D%/seam.sh \
	%D%/session_doc.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/layers.awk %D%/lib.sh %D%/live/attach-lib.sh %D%/live/lib.sh %D%/live/servers.sh %D%/targets/throw.cc %D%/live/kills.py %D%/live/buildid_server.py %D%/live/load.py %D%/live/python_check.py %D%/targets/chains.py %D%/live/grow.py %D%/live/grow.js
EXTRA_DIST += %D%/live/twin.py %D%/live/export_check.py %D%/live/export_npm.js %D%/live/jit.js %D%/live/names_check.py %D%/live/steps.js %D%/targets/inlined.cc %D%/targets/winding.cc
EXTRA_DIST += %D%/targets/shelf.cc %D%/targets/shelf.h %D%/targets/shelf_other.cc

# what live tests attach with and look with
%C%_live_attach_tool_SOURCES = %D%/live/attach_tool.c %D%/live/attach_tool.h %D%/live/attach_tool_ends.c %D%/live/drain.h
check_PROGRAMS += %D%/live/attach_tool %D%/live/fingerprint %D%/live/injector_kills %D%/live/record_truth
check_PROGRAMS += %D%/live/names_tool %D%/live/unwind_check
check_PROGRAMS += %D%/live/fault_tool %D%/live/freeze_tool
%C%_live_fingerprint_LDADD =

# allocators, pools, mappings: every call is counted once
%C%_live_reach_tool_SOURCES = %D%/live/reach_tool.c %D%/live/drain.h
check_PROGRAMS += %D%/live/reach_tool
EXTRA_DIST += %D%/targets/pool.c %D%/targets/reach.c

# what they attach to: plain programs, without the sanitizers of the rest
TARGET_CFLAGS = -std=gnu11 -O1 -g
check_PROGRAMS += %D%/targets/memory
%C%_targets_memory_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_memory_LDFLAGS =
%C%_targets_memory_LDADD = -lpthread
check_PROGRAMS += %D%/targets/churn %D%/targets/edge %D%/targets/jit %D%/targets/kinds %D%/targets/tracer %D%/targets/truth
check_PROGRAMS += %D%/targets/drip %D%/targets/family %D%/targets/loads %D%/targets/named
%C%_targets_named_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_named_LDFLAGS =
%C%_targets_named_LDADD = -lpthread
%C%_targets_churn_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_churn_LDFLAGS =
%C%_targets_churn_LDADD = -lpthread
%C%_targets_edge_SOURCES = %D%/targets/edge.c %D%/targets/edge.h %D%/targets/edge_modules.c \
	%D%/targets/edge_stacks.c %D%/targets/edge_waits.c
%C%_targets_edge_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_edge_LDFLAGS =
%C%_targets_edge_LDADD = -lpthread
%C%_targets_jit_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_jit_LDFLAGS =
%C%_targets_jit_LDADD =
%C%_targets_kinds_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_kinds_LDFLAGS =
%C%_targets_kinds_LDADD = -lpthread
%C%_targets_tracer_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_tracer_LDFLAGS =
%C%_targets_tracer_LDADD =
%C%_targets_family_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_family_LDFLAGS =
%C%_targets_family_LDADD = -lpthread
check_PROGRAMS += %D%/targets/quick
%C%_targets_quick_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_quick_LDFLAGS =
%C%_targets_quick_LDADD =
%C%_targets_loads_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_loads_LDFLAGS =
%C%_targets_loads_LDADD =
%C%_targets_truth_CFLAGS = $(TARGET_CFLAGS)
%C%_targets_truth_LDFLAGS =
%C%_targets_truth_LDADD = -lpthread

# long; not part of make check. Sums its runs in soak.sums
.PHONY: check-soak
EXTRA_DIST += %D%/live/soak.sh %D%/live/soak.py
check-soak: $(check_PROGRAMS) heaptop$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/live/soak.sh

# long; not part of make check: each cure of doc/traps.md is taken away, and its test must fail. MUTANTS="name ...": only these
.PHONY: check-mutants
EXTRA_DIST += %D%/mutants/list %D%/mutants/run.py
check-mutants:
	/usr/bin/python3 -B $(srcdir)/%D%/mutants/run.py $(srcdir) mutants.tmp $(MUTANTS)
clean-local: clean-mutants
.PHONY: clean-mutants
clean-mutants:
	rm -rf mutants.tmp

# All tests with everything but the probe (and the targets) under ASan and UBSan, then under TSan; builds of their own in sub-folders.
# Long; not part of make check. With -j3 tests run side by side. What a sanitizer reports goes to files, so that a report of a process
# whose end nobody looks at is a failure, too.
.PHONY: check-sanitizers
EXTRA_DIST += %D%/tsan.supp
SANITIZE_REPORT = $(abs_builddir)/sanitize-report
SANITIZE_ENV = HEAPTOP_SANITIZED=1 ASAN_OPTIONS="log_path='$(SANITIZE_REPORT)'" \
	UBSAN_OPTIONS="print_stacktrace=1:log_path='$(SANITIZE_REPORT)'" \
	TSAN_OPTIONS="suppressions='$(abs_top_srcdir)/%D%/tsan.supp':log_path='$(SANITIZE_REPORT)'"
check-sanitizers:
	rm -f sanitize-report.*
	failed=0; for list in address,undefined thread; do \
		$(MKDIR_P) sanitize-$$list && (cd sanitize-$$list && \
		{ test -f Makefile || $(abs_top_srcdir)/configure --enable-sanitize=$$list CC='$(CC)'; } && \
		$(MAKE) && env $(SANITIZE_ENV) $(MAKE) check) || failed=1; \
	done; ! ls -l sanitize-report.* 2>/dev/null || failed=1; exit $$failed

# ---- benchmarks: built and run by `make bench` only ----

BENCHES = %D%/bench/bench_heap %D%/bench/bench_probe %D%/bench/bench_store
EXTRA_PROGRAMS += $(BENCHES) %D%/bench/bench_session %D%/bench/bench_naming %D%/bench/deep %D%/bench/pair
CLEANFILES += $(EXTRA_PROGRAMS) %D%/bench/zoo bench-screens-*.heaptop
%C%_bench_bench_heap_SOURCES = %D%/bench/bench_heap.c $(FAKE_HISTORY)
%C%_bench_bench_probe_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
%C%_bench_bench_session_SOURCES = %D%/bench/bench_session.c %D%/unit/sample.c %D%/unit/sample.h
%C%_bench_bench_session_LDADD = $(LDADD) -lm
%C%_bench_bench_store_SOURCES = %D%/bench/bench_store.c %D%/unit/sample.c %D%/unit/sample.h
%C%_bench_deep_CFLAGS = -std=gnu11 -O2 -g
%C%_bench_deep_LDFLAGS =
%C%_bench_deep_LDADD = -lpthread
%C%_bench_pair_CFLAGS = -std=gnu11 -O2
%C%_bench_pair_LDFLAGS =
%C%_bench_pair_LDADD = -lpthread
BENCH_PY = %D%/bench/bench.py %D%/bench/compare.py %D%/bench/measure.py %D%/bench/peers.py %D%/bench/redis.py %D%/bench/screens.py %D%/bench/works.py %D%/bench/zoo.py
EXTRA_DIST += $(BENCH_PY) %D%/bench/work.py %D%/bench/work.js %D%/bench/work.sql

# make bench BENCH="churn redis" QUICK=1: a selection (pair stops churn programs redis naming screens), a short look
.PHONY: bench bench-micro bench-doc bench-own
bench-micro: $(BENCHES)
	%D%/bench/bench_probe$(EXEEXT)
	%D%/bench/bench_heap$(EXEEXT)
	%D%/bench/bench_store$(EXEEXT) bench-day.heaptop; status=$$?; rm -f bench-day.heaptop*; exit $$status

WATCHED = %D%/bench/bench_naming$(EXEEXT) %D%/bench/bench_session$(EXEEXT) %D%/bench/deep$(EXEEXT) %D%/bench/pair$(EXEEXT)
bench: $(WATCHED) heaptop$(EXEEXT)
	if test -z '$(BENCH)'; then $(MAKE) bench-micro bench-own; fi
	/usr/bin/python3 -B $(srcdir)/%D%/bench/bench.py ./heaptop . $(BENCH) $(QUICK:1=quick)

# what the recorder itself takes (live/pacing.h: PACING_CPU_MAX); the first table of "make bench"
EXTRA_DIST += %D%/bench/own.py
bench-own: heaptop$(EXEEXT)
	/usr/bin/python3 -B $(srcdir)/%D%/bench/own.py ./heaptop $(srcdir) $(QUICK:1=10)

# the tables of doc/performance.md, measured anew (20 minutes on a machine that does nothing else)
bench-doc: $(WATCHED) heaptop$(EXEEXT)
	/usr/bin/python3 -B $(srcdir)/%D%/bench/bench.py ./heaptop . into=$(srcdir)/doc/performance.md $(BENCH) $(QUICK:1=quick)
