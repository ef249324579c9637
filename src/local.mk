# One static archive per folder, linked from the top of the picture in doc/hacking.md to the bottom.

noinst_LIBRARIES += %D%/libbase.a %D%/libmodel.a %D%/libtarget.a %D%/libinject.a %D%/liblive.a \
	%D%/libstore.a %D%/libtui.a %D%/libprobe.a

%C%_libbase_a_SOURCES = \
	%D%/base/addrmap.c %D%/base/addrmap.h \
	%D%/base/alloc.c %D%/base/alloc.h \
	%D%/base/buf.c %D%/base/buf.h \
	%D%/base/clock.c %D%/base/clock.h \
	%D%/base/err.c %D%/base/err.h %D%/base/errors.c %D%/base/errors.h %D%/base/exit.c %D%/base/exit.h \
	%D%/base/fmt.c %D%/base/fmt.h \
	%D%/base/io.c %D%/base/io.h \
	%D%/base/log.c %D%/base/log.h \
	%D%/base/md5.c %D%/base/md5.h \
	%D%/base/pathmap.c %D%/base/pathmap.h \
	%D%/base/rules.c %D%/base/rules.h \
	%D%/base/shorten.c %D%/base/shorten.h \
	%D%/base/suppress.c %D%/base/suppress.h \
	%D%/base/text.c %D%/base/text.h \
	%D%/base/width.c %D%/base/width.h

%C%_libmodel_a_SOURCES = \
	%D%/model/ages.c \
	%D%/model/inspect.c %D%/model/inspect.h \
	%D%/model/threads.c %D%/model/threads.h \
	%D%/model/alerts.c %D%/model/alerts.h \
	%D%/model/class.c %D%/model/class.h \
	%D%/model/compare.c %D%/model/compare.h %D%/model/compare_inside.h \
	%D%/model/compare_list.c %D%/model/compare_words.c \
	%D%/model/cursor.c %D%/model/cursor.h \
	%D%/model/detect.c %D%/model/detect.h \
	%D%/model/diff.c %D%/model/diff.h \
	%D%/model/ending.c %D%/model/ending.h \
	%D%/model/estimate.c %D%/model/estimate.h \
	%D%/model/expected.c \
	%D%/model/filter.c %D%/model/filter.h \
	%D%/model/footprint.c \
	%D%/model/heap.c %D%/model/heap.h \
	%D%/model/history.h %D%/model/inside.h \
	%D%/model/members.c \
	%D%/model/names.c %D%/model/names.h \
	%D%/model/naming.c \
	%D%/model/notes.c \
	%D%/model/overspend.c %D%/model/overspend.h \
	%D%/model/picker.c %D%/model/picker.h \
	%D%/model/query.c \
	%D%/model/refusal.h %D%/model/record.c %D%/model/record.h \
	%D%/model/slope.c %D%/model/slope.h \
	%D%/model/stacks.c %D%/model/stacks.h \
	%D%/model/then.c %D%/model/timeline.c %D%/model/timeline.h \
	%D%/model/zooms.c \
	%D%/model/source.c %D%/model/tree.c %D%/model/tree_fold.c %D%/model/tree_link.c %D%/model/trend.c \
	%D%/model/class.c %D%/model/class.h \
	%D%/model/estimate.c %D%/model/estimate.h \
	%D%/model/heap.h %D%/model/history.h \
	%D%/model/record.c %D%/model/record.h \
	%D%/model/valleys.c %D%/model/valleys.h \
	%D%/model/watch.c

%C%_libtarget_a_SOURCES = \
	%D%/target/borders.c %D%/target/borders.h \
	%D%/target/build_id.c %D%/target/build_id.h \
	%D%/target/cfi.c %D%/target/cfi.h \
	%D%/target/children.c %D%/target/children.h \
	%D%/target/debug_files.c %D%/target/debug_files.h \
	%D%/target/debuginfod.c %D%/target/debuginfod.h \
	%D%/target/debuginfod_child.c %D%/target/debuginfod_wire.h \
	%D%/target/demangle.c \
	%D%/target/dwarf.c %D%/target/dwarf.h \
	%D%/target/dwarf_child.c %D%/target/dwarf_wire.h \
	%D%/target/dwarf_files.c %D%/target/dwarf_files.h \
	%D%/target/dwarf_scopes.c %D%/target/dwarf_scopes.h \
	%D%/target/dwarf_process.c %D%/target/dwarf_process.h \
	%D%/target/dwarf_package.c %D%/target/dwarf_package.h \
	%D%/target/dwarf_small.c %D%/target/dwarf_small.h \
	%D%/target/dwarf_split.c %D%/target/dwarf_split.h \
	%D%/target/freezer.c %D%/target/freezer.h \
	%D%/target/glibc.c %D%/target/glibc.h %D%/target/glibc_ranges.c \
	%D%/target/glibc_walk.c %D%/target/glibc_walk.h \
	%D%/target/image.c %D%/target/image.h %D%/target/image_datum.c %D%/target/image_elf.h \
	%D%/target/jitcode.c %D%/target/jitcode.h \
	%D%/target/jitdump.c %D%/target/jitdump.h \
	%D%/target/jitfile.c %D%/target/jitfile.h \
	%D%/target/jitname.c %D%/target/jitname.h \
	%D%/target/jitreader.c %D%/target/jitreader.h \
	%D%/target/kind.c \
	%D%/target/limits.c %D%/target/limits.h \
	%D%/target/maps.c %D%/target/maps.h \
	%D%/target/memory.c %D%/target/memory.h \
	%D%/target/minidebug.c %D%/target/minidebug.h \
	%D%/target/modules.c %D%/target/modules.h \
	%D%/target/naming.c %D%/target/naming.h \
	%D%/target/oom.c %D%/target/oom.h \
	%D%/target/pagemap.c %D%/target/pagemap.h \
	%D%/target/perfmap.c %D%/target/perfmap.h \
	%D%/target/plt.c %D%/target/plt.h \
	%D%/target/proc.c %D%/target/proc.h \
	%D%/target/python.c %D%/target/python.h \
	%D%/target/python_code.c %D%/target/python_code.h \
	%D%/target/root.c %D%/target/root.h \
	%D%/target/runtime.c %D%/target/runtime.h \
	%D%/target/smaps.c %D%/target/smaps.h \
	%D%/target/symbols.c %D%/target/symbols.h \
	%D%/target/wanted.c %D%/target/wanted.h \
	%D%/target/unwind.c %D%/target/unwind.h \
	%D%/target/unwind_slow.c \
	%D%/target/unwind_table.c %D%/target/unwind_table.h \
	%D%/target/unwind_walk.c \
	%D%/target/unwinder.h
%C%_libtarget_a_CPPFLAGS = $(AM_CPPFLAGS) $(UNWIND_CFLAGS) $(ELF_CFLAGS)

# data/frames.conf as a C string.
nodist_%C%_libtarget_a_SOURCES = %D%/target/frames_conf.h
BUILT_SOURCES += %D%/target/frames_conf.h
CLEANFILES += %D%/target/frames_conf.h
dist_pkgdata_DATA = data/frames.conf
%D%/target/frames_conf.h: data/frames.conf
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { echo 'static const char frames_conf[] ='; \
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' $(top_srcdir)/data/frames.conf; echo ';'; } > $@.tmp && mv $@.tmp $@
%D%/target/libtarget_a-runtime.$(OBJEXT): %D%/target/frames_conf.h

%C%_libinject_a_SOURCES = \
	%D%/inject/allocators.c %D%/inject/allocators.h \
	%D%/inject/attach.c %D%/inject/inject.h \
	%D%/inject/breakpoint_x86_64.c %D%/inject/breakpoint.h \
	%D%/inject/check.c \
	%D%/inject/commit.c %D%/inject/commit.h \
	%D%/inject/extend.c \
	%D%/inject/extras.c %D%/inject/extras.h \
	%D%/inject/forwarders.c %D%/inject/forwarders.h \
	%D%/inject/frame_x86_64.c %D%/inject/frame.h \
	%D%/inject/gadgets_x86_64.c %D%/inject/gadgets.h \
	%D%/inject/frames_x86_64.c %D%/inject/frames.h \
	%D%/inject/heirs.c %D%/inject/heirs.h \
	%D%/inject/hook_x86_64.c %D%/inject/hook.h \
	%D%/inject/launch.c \
	%D%/inject/lock.c %D%/inject/lock.h \
	%D%/inject/mappings.c %D%/inject/mappings.h \
	%D%/inject/moving.c %D%/inject/moving.h \
	%D%/inject/permission.c %D%/inject/permission.h \
	%D%/inject/plan.c %D%/inject/plan.h \
	%D%/inject/process.c %D%/inject/process.h \
	%D%/inject/regs_x86_64.c %D%/inject/regs.h \
	%D%/inject/relocate_x86_64.c %D%/inject/relocate.h \
	%D%/inject/remote.c %D%/inject/remote.h \
	%D%/inject/removal.c %D%/inject/removal.h \
	%D%/inject/seccomp.c %D%/inject/seccomp.h \
	%D%/inject/stacks.c %D%/inject/stacks.h \
	%D%/inject/stop.c %D%/inject/stop.h \
	%D%/inject/sys.c %D%/inject/sys.h \
	%D%/inject/ticks_x86_64.c %D%/inject/ticks.h \
	%D%/inject/undo.c %D%/inject/undo.h \
	%D%/inject/worker.c %D%/inject/worker.h

%C%_liblive_a_SOURCES = \
	%D%/live/aggregate.c %D%/live/aggregate.h \
	%D%/live/balance.c %D%/live/balance.h \
	%D%/live/before.c %D%/live/before.h \
	%D%/live/blocks.c %D%/live/blocks.h \
	%D%/live/bytecode.c %D%/live/bytecode.h \
	%D%/live/chunks.c %D%/live/chunks.h \
	%D%/live/cost.c %D%/live/cost.h \
	%D%/live/counters.c %D%/live/counters.h \
	%D%/live/slots.c %D%/live/slots.h \
	%D%/live/deciding.c %D%/live/deciding.h \
	%D%/live/fetching.c %D%/live/fetching.h \
	%D%/live/follow.c %D%/live/follow.h \
	%D%/live/happenings.c %D%/live/happenings.h \
	%D%/live/ledger.c %D%/live/ledger.h \
	%D%/live/comms.c %D%/live/comms.h \
	%D%/live/losses.c %D%/live/losses.h \
	%D%/live/members.c %D%/live/members.h \
	%D%/live/jit.c %D%/live/jit.h \
	%D%/live/names.c %D%/live/names.h \
	%D%/live/pacer.c %D%/live/pacer.h \
	%D%/live/pacing.c %D%/live/pacing.h \
	%D%/live/recorder.c %D%/live/recorder.h \
	%D%/live/mapped.c %D%/live/mapped.h \
	%D%/live/memory.c %D%/live/memory.h \
	%D%/live/owner.c %D%/live/owner.h \
	%D%/live/parts.c %D%/live/parts.h \
	%D%/live/ring.c %D%/live/ring.h \
	%D%/live/scripts.c %D%/live/scripts.h \
	%D%/live/session.c %D%/live/session.h \
	%D%/live/shared.c %D%/live/shared.h \
	%D%/live/source.c %D%/live/source.h \
	%D%/live/stacks.c %D%/live/stacks.h \
	%D%/live/suspects.c %D%/live/suspects.h \
	%D%/live/walk.c %D%/live/walk.h \
	%D%/live/watched.c %D%/live/watched.h \
	%D%/live/rows.h %D%/live/sink.h

%C%_libstore_a_SOURCES = \
	%D%/store/create.c \
	%D%/store/db.c %D%/store/db.h \
	%D%/store/live.c %D%/store/live.h \
	%D%/store/query.c %D%/store/query.h \
	%D%/store/query_blocks.c %D%/store/query_members.c %D%/store/query_memory.c %D%/store/query_naming.c %D%/store/query_rows.c %D%/store/query_threads.c \
	%D%/store/reader.c \
	%D%/store/rename.c \
	%D%/store/rollup.c \
	%D%/store/schema.h \
	%D%/store/store.h \
	%D%/store/writer.c
nodist_%C%_libstore_a_SOURCES = %D%/store/schema.c
%C%_libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

%D%/store/schema.c: $(top_srcdir)/data/schema.sql $(top_srcdir)/data/schema.awk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -f $(top_srcdir)/data/schema.awk $(top_srcdir)/data/schema.sql >$@.new && \
	mv $@.new $@
CLEANFILES += %D%/store/schema.c
EXTRA_DIST += data/schema.sql data/schema.awk

%C%_libtui_a_SOURCES = \
	%D%/tui/alerts.c \
	%D%/tui/alerts_view.c %D%/tui/alerts_view.h \
	%D%/tui/before.c \
	%D%/tui/braille.c %D%/tui/braille.h \
	%D%/tui/canvas.c %D%/tui/canvas.h \
	%D%/tui/caught.c %D%/tui/caught.h \
	%D%/tui/chart.c \
	%D%/tui/commands.c \
	%D%/tui/ended.c %D%/tui/error.c \
	%D%/tui/export.c \
	%D%/tui/facts.c \
	%D%/tui/flame.c \
	%D%/tui/flame_view.c \
	%D%/tui/flame_state.h \
	%D%/tui/frame.c \
	%D%/tui/help.c %D%/tui/help_terms.c \
	%D%/tui/keys.c %D%/tui/keys.h %D%/tui/key_names.c \
	%D%/tui/layout.c %D%/tui/layout.h \
	%D%/tui/marks.c %D%/tui/marks_plain.c %D%/tui/marks_state.h %D%/tui/marks_table.c %D%/tui/marks_view.c \
	%D%/tui/menu.c \
	%D%/tui/metric.c \
	%D%/tui/options.c \
	%D%/tui/overlays.c \
	%D%/tui/overview.c \
	%D%/tui/picker.c \
	%D%/tui/plain.c \
	%D%/tui/prompt.c \
	%D%/tui/range.c \
	%D%/tui/replay.c \
	%D%/tui/search.c \
	%D%/tui/settings.c %D%/tui/settings.h \
	%D%/tui/site_columns.c %D%/tui/site_columns.h \
	%D%/tui/sites.c \
	%D%/tui/source.c \
	%D%/tui/spark.c %D%/tui/spark.h \
	%D%/tui/stack.c \
	%D%/tui/stack_panes.c \
	%D%/tui/stack_view.c \
	%D%/tui/style.c %D%/tui/style.h \
	%D%/tui/table.c %D%/tui/table.h \
	%D%/tui/term.c %D%/tui/term.h \
	%D%/tui/time.c \
	%D%/tui/tiny.c \
	%D%/tui/ui.c %D%/tui/ui.h \
	%D%/tui/ui_state.h \
	%D%/tui/views.c \
	%D%/tui/words.c
%C%_libtui_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURSES_CFLAGS)

# What a session has to say, as text and files.
noinst_LIBRARIES += %D%/libreport.a %D%/libapp.a
%C%_libreport_a_SOURCES = \
	%D%/report/diff_print.c %D%/report/diff_print.h \
	%D%/report/export.c %D%/report/export.h %D%/report/export_parts.h \
	%D%/report/export_csv.c \
	%D%/report/export_folded.c \
	%D%/report/export_json.c \
	%D%/report/export_openmetrics.c \
	%D%/report/export_pprof.c \
	%D%/report/export_speedscope.c \
	%D%/report/json.c %D%/report/json.h \
	%D%/report/moment.c %D%/report/moment.h \
	%D%/report/redact.c %D%/report/redact.h \
	%D%/report/report.c %D%/report/report.h \
	%D%/report/report_blocks.c \
	%D%/report/report_json.c \
	%D%/report/report_parts.h \
	%D%/report/report_text.c
%C%_libreport_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_CFLAGS) $(ZLIB_CFLAGS)
nodist_%C%_libreport_a_SOURCES = %D%/report/profile.pb-c.c %D%/report/profile.pb-c.h

# The part of app/ that unit tests link too.
%C%_libapp_a_SOURCES = \
	%D%/app/child.c %D%/app/child.h \
	%D%/app/command_table.c %D%/app/command_table.h \
	%D%/app/completion.c %D%/app/completion.h \
	%D%/app/config.c %D%/app/config.h %D%/app/config_write.c \
	%D%/app/expected.c %D%/app/expected.h \
	%D%/app/explain.c %D%/app/explain.h \
	%D%/app/frames.c %D%/app/frames.h \
	%D%/app/list.c %D%/app/list.h \
	%D%/app/option_table.c %D%/app/option_table.h \
	%D%/app/options.c %D%/app/options.h %D%/app/options_help.c \
	%D%/app/place.c %D%/app/place.h \
	%D%/app/prose.c %D%/app/prose.h \
	%D%/app/say.c %D%/app/say.h \
	%D%/app/series.c %D%/app/series.h \
	%D%/app/servers.c %D%/app/servers.h \
	%D%/app/user.c %D%/app/user.h \
	%D%/app/whom.c %D%/app/whom.h \
	%D%/app/writer.c %D%/app/writer.h
%C%_libapp_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(INIH_CFLAGS)

# pprof's messages as C structs.
BUILT_SOURCES += %D%/report/profile.pb-c.h
CLEANFILES += %D%/report/profile.pb-c.c %D%/report/profile.pb-c.h
EXTRA_DIST += data/profile.proto
%D%/report/profile.pb-c.c: data/profile.proto
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(PROTOC_C) --proto_path=$(top_srcdir)/data --c_out=$(@D) profile.proto
%D%/report/profile.pb-c.h: %D%/report/profile.pb-c.c
%D%/report/libreport_a-export_pprof.$(OBJEXT): %D%/report/profile.pb-c.h

# What each archive needs outside, in the order of linking.
HEAPTOP_LIBS = %D%/libapp.a %D%/libreport.a %D%/liblive.a %D%/libstore.a %D%/libtui.a %D%/libinject.a %D%/libprobe.a \
	%D%/libtarget.a %D%/libmodel.a %D%/libbase.a $(SQLITE_LIBS) $(CURSES_LIBS) $(UNWIND_LIBS) $(ELF_LIBS) \
	$(ZYDIS_LIBS) $(IBERTY_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(PROTOBUF_LIBS) $(ZLIB_LIBS) -lpthread -lm

bin_PROGRAMS += heaptop
heaptop_SOURCES = \
	%D%/app/actions.c %D%/app/actions.h %D%/app/actions_export.c \
	%D%/app/ask.h \
	%D%/app/candidates.c %D%/app/candidates.h \
	%D%/app/commands.c %D%/app/commands.h \
	%D%/app/demo.c \
	%D%/app/detach.c \
	%D%/app/detail.c %D%/app/detail.h \
	%D%/app/doctor.c %D%/app/doctor.h %D%/app/doctor_machine.c %D%/app/doctor_process.c \
	%D%/app/diff.c \
	%D%/app/exporting.c \
	%D%/app/followed.c %D%/app/followed.h \
	%D%/app/guard.c %D%/app/guard.h \
	%D%/app/guardian.c %D%/app/guardian.h \
	%D%/app/main.c \
	%D%/app/pager.c %D%/app/pager.h \
	%D%/app/picking.c %D%/app/picking.h \
	%D%/app/print.c %D%/app/print.h \
	%D%/app/renaming.c %D%/app/renaming.h %D%/app/renaming_read.c \
	%D%/app/resymbolize.c \
	%D%/app/record.c \
	%D%/app/recording.c %D%/app/recording.h \
	%D%/app/refusal.c %D%/app/refusal.h \
	%D%/app/registry.c %D%/app/registry.h \
	%D%/app/run.c \
	%D%/app/status.h \
	%D%/app/summary.c %D%/app/summary.h \
	%D%/app/viewer.c %D%/app/viewer.h %D%/app/viewer_guardian.c %D%/app/viewer_session.c %D%/app/viewer_state.h \
	%D%/app/which.c %D%/app/which.h
heaptop_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -DPKGLIBEXECDIR='"$(pkglibexecdir)"'
heaptop_LDADD = $(HEAPTOP_LIBS)

# What manual pages have of the tables: options, keys, errors, exit statuses. doc/local.mk runs it.
noinst_PROGRAMS += pages
pages_SOURCES = %D%/app/pages.c
pages_LDADD = %D%/libapp.a %D%/libreport.a %D%/libtui.a %D%/libbase.a

# The service that `heaptop demo` watches: its functions are to be found again by name and line.
pkglibexec_PROGRAMS += heaptop-demo
heaptop_demo_SOURCES = %D%/app/demo_service.c
heaptop_demo_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -g -O1 -fno-inline -fno-optimize-sibling-calls
heaptop_demo_LDFLAGS =
heaptop_demo_LDADD =

# The probe: freestanding, with flags of its own whatever CFLAGS and sanitizers are. Compiled and linked in one go into
# a flat binary, which embed.S puts into an archive that holds nothing else.
PROBE_CFLAGS = -std=gnu11 -O2 -ffreestanding -fno-builtin -fPIE -fvisibility=hidden -mgeneral-regs-only \
	-mno-red-zone -fomit-frame-pointer -fno-stack-protector -fcf-protection=none -fno-jump-tables \
	-fno-asynchronous-unwind-tables -Wno-unused-parameter -fno-lto -fno-sanitize=all
PROBE_FILES = %D%/probe/entry.S %D%/probe/handlers.c %D%/probe/slow.c %D%/probe/slot.c %D%/probe/table.c \
	%D%/probe/ring.c %D%/probe/stack.c %D%/probe/sample.c %D%/probe/interpreter.c %D%/probe/map.c
PROBE_INPUTS = $(PROBE_FILES) %D%/probe/probe.h %D%/probe/wire.h %D%/probe/blob.ld
EXTRA_DIST += $(PROBE_INPUTS) %D%/probe/logtable.awk

%D%/probe/logtable.h: %D%/probe/logtable.awk
	$(AM_V_GEN)$(MKDIR_P) %D%/probe && $(AWK) -f $(top_srcdir)/%D%/probe/logtable.awk >$@.new && mv $@.new $@
%D%/probe/probe.elf: $(PROBE_INPUTS) %D%/probe/logtable.h
	$(AM_V_CCLD)for f in $(PROBE_FILES); do \
		if test -f $$f; then echo $$f; else echo $(top_srcdir)/$$f; fi; done | \
		xargs $(CC) $(PROBE_CFLAGS) $(WARN_CFLAGS) -I$(top_srcdir)/src -I%D% -nostdlib -static \
		-Wl,--build-id=none -Wl,-z,noexecstack -Wl,--orphan-handling=error \
		-Wl,-T,$(top_srcdir)/%D%/probe/blob.ld -o $@
%D%/probe/probe.bin: %D%/probe/probe.elf
	$(AM_V_GEN)$(OBJCOPY) -O binary $< $@
CLEANFILES += %D%/probe/logtable.h %D%/probe/probe.elf %D%/probe/probe.bin

%C%_libprobe_a_SOURCES = %D%/probe/embed.S %D%/probe/wire.h
AM_CCASFLAGS = -DPROBE_BLOB='"%D%/probe/probe.bin"'
%D%/probe/embed.$(OBJEXT): %D%/probe/probe.bin
