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
	%D%/model/heap.h %D%/model/history.h %D%/model/record.h

%C%_libtarget_a_SOURCES = \
	%D%/target/cfi.c %D%/target/cfi.h \
	%D%/target/demangle.c \
	%D%/target/dwarf.c %D%/target/dwarf.h \
	%D%/target/glibc.c %D%/target/glibc.h \
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
	%D%/inject/inject.h

%C%_liblive_a_SOURCES = \
	%D%/live/sink.h

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
