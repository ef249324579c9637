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
	%D%/model/cursor.c %D%/model/cursor.h \
	%D%/model/filter.c %D%/model/filter.h \
	%D%/model/heap.c %D%/model/heap.h \
	%D%/model/history.h %D%/model/inside.h \
	%D%/model/names.c %D%/model/names.h \
	%D%/model/picker.c %D%/model/picker.h \
	%D%/model/query.c \
	%D%/model/record.h \
	%D%/model/slope.c %D%/model/slope.h \
	%D%/model/timeline.c %D%/model/timeline.h \
	%D%/model/tree.c %D%/model/trend.c

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

%C%_libtui_a_SOURCES = \
	%D%/tui/braille.c %D%/tui/braille.h \
	%D%/tui/canvas.c %D%/tui/canvas.h \
	%D%/tui/chart.c \
	%D%/tui/commands.c \
	%D%/tui/facts.c \
	%D%/tui/frame.c \
	%D%/tui/help.c \
	%D%/tui/keys.c %D%/tui/keys.h \
	%D%/tui/layout.c %D%/tui/layout.h \
	%D%/tui/overlays.c \
	%D%/tui/overview.c \
	%D%/tui/picker.c \
	%D%/tui/prompt.c \
	%D%/tui/replay.c \
	%D%/tui/sites.c \
	%D%/tui/source.c \
	%D%/tui/spark.c %D%/tui/spark.h \
	%D%/tui/stack.c \
	%D%/tui/stack_view.c \
	%D%/tui/table.c %D%/tui/table.h \
	%D%/tui/term.c %D%/tui/term.h \
	%D%/tui/time.c \
	%D%/tui/ui.c %D%/tui/ui.h \
	%D%/tui/ui_state.h \
	%D%/tui/width.c %D%/tui/width.h
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
