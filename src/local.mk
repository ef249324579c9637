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
	%D%/model/heap.h %D%/model/history.h %D%/model/record.h

%C%_libtarget_a_SOURCES = \
	%D%/target/image.h \
	%D%/target/maps.h \
	%D%/target/memory.h \
	%D%/target/modules.h
%C%_libtarget_a_CPPFLAGS = $(AM_CPPFLAGS) $(UNWIND_CFLAGS) $(ELF_CFLAGS)

%C%_libinject_a_SOURCES = \
	%D%/inject/inject.h

%C%_liblive_a_SOURCES = \
	%D%/live/sink.h

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
	-fno-asynchronous-unwind-tables -Wno-unused-parameter -fno-lto -fno-sanitize=all
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
