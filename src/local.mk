# One static archive per folder, linked from the top of the picture in doc/hacking.md to the bottom.

noinst_LIBRARIES += %D%/libbase.a %D%/libmodel.a %D%/libtarget.a %D%/libinject.a %D%/liblive.a \
	%D%/libstore.a %D%/libtui.a

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
	%D%/model/ages.c \
	%D%/model/class.c %D%/model/class.h \
	%D%/model/cursor.c %D%/model/cursor.h \
	%D%/model/estimate.c %D%/model/estimate.h \
	%D%/model/filter.c %D%/model/filter.h \
	%D%/model/heap.c %D%/model/heap.h \
	%D%/model/history.h %D%/model/inside.h \
	%D%/model/names.c %D%/model/names.h \
	%D%/model/notes.c \
	%D%/model/picker.c %D%/model/picker.h \
	%D%/model/query.c \
	%D%/model/record.c %D%/model/record.h \
	%D%/model/slope.c %D%/model/slope.h \
	%D%/model/timeline.c %D%/model/timeline.h \
	%D%/model/tree.c %D%/model/trend.c \
	%D%/model/valleys.c %D%/model/valleys.h

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
	%D%/target/runtime.h \
	%D%/target/symbols.c %D%/target/symbols.h \
	%D%/target/unwind.c %D%/target/unwind.h \
	%D%/target/unwind_slow.c \
	%D%/target/unwind_table.c %D%/target/unwind_table.h \
	%D%/target/unwind_walk.c \
	%D%/target/unwinder.h
%C%_libtarget_a_CPPFLAGS = $(AM_CPPFLAGS) $(UNWIND_CFLAGS) $(ELF_CFLAGS)

%C%_libinject_a_SOURCES = \
	%D%/inject/inject.h

%C%_liblive_a_SOURCES = \
	%D%/live/aggregate.c %D%/live/aggregate.h \
	%D%/live/balance.c %D%/live/balance.h \
	%D%/live/blocks.c %D%/live/blocks.h \
	%D%/live/counters.c %D%/live/counters.h \
	%D%/live/deciding.c %D%/live/deciding.h \
	%D%/live/happenings.c %D%/live/happenings.h \
	%D%/live/losses.c %D%/live/losses.h \
	%D%/live/names.c %D%/live/names.h \
	%D%/live/process.c %D%/live/process.h \
	%D%/live/recorder.c %D%/live/recorder.h \
	%D%/live/ring.c %D%/live/ring.h \
	%D%/live/session.c %D%/live/session.h \
	%D%/live/shared.c %D%/live/shared.h \
	%D%/live/stacks.c %D%/live/stacks.h \
	%D%/live/walk.c %D%/live/walk.h \
	%D%/live/rows.h %D%/live/sink.h

%C%_libstore_a_SOURCES = \
	%D%/store/store.h
%C%_libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

%C%_libtui_a_SOURCES =
%C%_libtui_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURSES_CFLAGS)

# What each archive needs outside, in the order of linking.
HEAPTOP_LIBS = %D%/liblive.a %D%/libstore.a %D%/libtui.a %D%/libinject.a %D%/libtarget.a %D%/libmodel.a \
	%D%/libbase.a $(SQLITE_LIBS) $(CURSES_LIBS) $(UNWIND_LIBS) $(ELF_LIBS) $(ZYDIS_LIBS) $(IBERTY_LIBS) \
	$(JANSSON_LIBS) -lpthread -lm

bin_PROGRAMS += heaptop
heaptop_SOURCES = %D%/app/main.c
heaptop_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
heaptop_LDADD = $(HEAPTOP_LIBS)
EXTRA_DIST += %D%/probe/wire.h
