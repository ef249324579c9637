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
	%D%/model/query.c \
	%D%/model/record.h \
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
	%D%/store/db.c %D%/store/db.h \
	%D%/store/live.c %D%/store/live.h \
	%D%/store/query.c \
	%D%/store/reader.c \
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

%C%_libtui_a_SOURCES =
%C%_libtui_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURSES_CFLAGS)

# Text and JSON for people and programs: the part of app/ that unit tests link too.
noinst_LIBRARIES += %D%/libreport.a
%C%_libreport_a_SOURCES = \
	%D%/app/list.c %D%/app/list.h \
	%D%/app/moment.c %D%/app/moment.h \
	%D%/app/report.c %D%/app/report.h \
	%D%/app/report_json.c \
	%D%/app/report_parts.h \
	%D%/app/report_text.c
%C%_libreport_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)

# What each archive needs outside, in the order of linking.
HEAPTOP_LIBS = %D%/libreport.a %D%/liblive.a %D%/libstore.a %D%/libtui.a %D%/libinject.a %D%/libtarget.a %D%/libmodel.a \
	%D%/libbase.a $(SQLITE_LIBS) $(CURSES_LIBS) $(UNWIND_LIBS) $(ELF_LIBS) $(ZYDIS_LIBS) $(IBERTY_LIBS) \
	$(JANSSON_LIBS) -lpthread -lm

bin_PROGRAMS += heaptop
heaptop_SOURCES = %D%/app/main.c
heaptop_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
heaptop_LDADD = $(HEAPTOP_LIBS)
EXTRA_DIST += %D%/probe/wire.h
