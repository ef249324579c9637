# One static archive per folder, linked from the top of the picture in doc/hacking.md to the bottom.

noinst_LIBRARIES += %D%/libbase.a %D%/libmodel.a %D%/libtarget.a %D%/libinject.a %D%/liblive.a \
	%D%/libstore.a %D%/libtui.a %D%/libprobe.a

%C%_libbase_a_SOURCES = \
	%D%/base/addrmap.c %D%/base/addrmap.h \
	%D%/base/alloc.c %D%/base/alloc.h \
	%D%/base/buf.c %D%/base/buf.h \
	%D%/base/clock.c %D%/base/clock.h \
	%D%/base/err.c %D%/base/err.h %D%/base/exit.h \
	%D%/base/fmt.c %D%/base/fmt.h \
	%D%/base/io.c %D%/base/io.h \
	%D%/base/log.c %D%/base/log.h \
	%D%/base/text.c %D%/base/text.h

%C%_libmodel_a_SOURCES = \
	%D%/model/class.c %D%/model/class.h \
	%D%/model/estimate.c %D%/model/estimate.h \
	%D%/model/heap.h %D%/model/history.h \
	%D%/model/record.c %D%/model/record.h

%C%_libtarget_a_SOURCES = \
	%D%/target/cfi.c %D%/target/cfi.h \
	%D%/target/demangle.c \
	%D%/target/dwarf.c %D%/target/dwarf.h \
	%D%/target/glibc.h \
	%D%/target/image.c %D%/target/image.h %D%/target/image_elf.h \
	%D%/target/kind.c \
	%D%/target/limits.c %D%/target/limits.h \
	%D%/target/maps.c %D%/target/maps.h \
	%D%/target/memory.c %D%/target/memory.h \
	%D%/target/modules.c %D%/target/modules.h \
	%D%/target/naming.c %D%/target/naming.h \
	%D%/target/proc.c %D%/target/proc.h \
	%D%/target/runtime.c %D%/target/runtime.h \
	%D%/target/symbols.c %D%/target/symbols.h \
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
EXTRA_DIST += data/frames.conf
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
	%D%/inject/frame_x86_64.c %D%/inject/frame.h \
	%D%/inject/gadgets_x86_64.c %D%/inject/gadgets.h \
	%D%/inject/hook_x86_64.c %D%/inject/hook.h \
	%D%/inject/launch.c \
	%D%/inject/lock.c %D%/inject/lock.h \
	%D%/inject/plan.c %D%/inject/plan.h \
	%D%/inject/process.c %D%/inject/process.h \
	%D%/inject/regs_x86_64.c %D%/inject/regs.h \
	%D%/inject/relocate_x86_64.c %D%/inject/relocate.h \
	%D%/inject/remote.c %D%/inject/remote.h \
	%D%/inject/removal.c %D%/inject/removal.h \
	%D%/inject/stacks.c %D%/inject/stacks.h \
	%D%/inject/stop.c %D%/inject/stop.h \
	%D%/inject/sys.c %D%/inject/sys.h \
	%D%/inject/ticks_x86_64.c %D%/inject/ticks.h \
	%D%/inject/undo.c %D%/inject/undo.h \
	%D%/inject/worker.c %D%/inject/worker.h

%C%_liblive_a_SOURCES = \
	%D%/live/aggregate.c %D%/live/aggregate.h \
	%D%/live/balance.c %D%/live/balance.h \
	%D%/live/blocks.c %D%/live/blocks.h \
	%D%/live/cost.c %D%/live/cost.h \
	%D%/live/counters.c %D%/live/counters.h \
	%D%/live/deciding.c %D%/live/deciding.h \
	%D%/live/happenings.c %D%/live/happenings.h \
	%D%/live/losses.c %D%/live/losses.h \
	%D%/live/names.c %D%/live/names.h \
	%D%/live/recorder.c %D%/live/recorder.h \
	%D%/live/ring.c %D%/live/ring.h \
	%D%/live/session.c %D%/live/session.h \
	%D%/live/shared.c %D%/live/shared.h \
	%D%/live/stacks.c %D%/live/stacks.h \
	%D%/live/walk.c %D%/live/walk.h \
	%D%/live/watched.c %D%/live/watched.h \
	%D%/live/rows.h %D%/live/sink.h

%C%_libstore_a_SOURCES = \
	%D%/store/store.h
%C%_libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

%C%_libtui_a_SOURCES =
%C%_libtui_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURSES_CFLAGS)

# What each archive needs outside, in the order of linking.
HEAPTOP_LIBS = %D%/liblive.a %D%/libstore.a %D%/libtui.a %D%/libinject.a %D%/libprobe.a %D%/libtarget.a \
	%D%/libmodel.a %D%/libbase.a $(SQLITE_LIBS) $(CURSES_LIBS) $(UNWIND_LIBS) $(ELF_LIBS) $(ZYDIS_LIBS) $(IBERTY_LIBS) \
	$(JANSSON_LIBS) -lpthread -lm

bin_PROGRAMS += heaptop
heaptop_SOURCES = %D%/app/main.c
heaptop_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
heaptop_LDADD = $(HEAPTOP_LIBS)

# The probe: freestanding, with flags of its own whatever CFLAGS and sanitizers are. Compiled and linked in one go into
# a flat binary, which embed.S puts into an archive that holds nothing else.
PROBE_CFLAGS = -std=gnu11 -O2 -ffreestanding -fno-builtin -fPIE -fvisibility=hidden -mgeneral-regs-only \
	-mno-red-zone -fomit-frame-pointer -fno-stack-protector -fcf-protection=none -fno-jump-tables \
	-fno-asynchronous-unwind-tables -fno-lto -fno-sanitize=all
PROBE_FILES = %D%/probe/entry.S %D%/probe/handlers.c %D%/probe/slow.c %D%/probe/slot.c %D%/probe/table.c \
	%D%/probe/ring.c %D%/probe/stack.c
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
