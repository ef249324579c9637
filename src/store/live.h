/* live: does somebody still write this session? Private to this folder.
 *
 * The writer holds a POSIX record lock on a file of its own beside the session, SESSION-live. Why so:
 * - A lock dies with its process, whatever kills it; a pid in the file would not, and a lock does not depend on
 *   pid namespaces.
 * - Not on the session itself: a process that closes any descriptor of a file loses all its POSIX locks on it, SQLite's
 *   included (the kernel's rule, see "How To Corrupt An SQLite Database File", 2.2), so nobody but SQLite may open it.
 * - Not flock(2) and no open file description lock in the writer: those live on in a child that was forked meanwhile (a
 *   viewer), and would show a dead recorder as alive. A record lock belongs to one process only.
 * - Readers ask with F_OFD_GETLK, which takes no lock and therefore cannot get in anybody's way, and which sees the record
 *   locks of its own process too.
 * A writer that closes a descriptor of the file, because it also reads its own session, drops its lock; live_renew()
 * takes it again with every tick. */
#pragma once

#include <stdbool.h>

/* The name of the side file for the session PATH; the caller frees it. */
char *live_path(const char *path);

/* Creates the side file and takes the lock. Returns a descriptor to be kept, or a negative errno: -EBUSY = there is a
 * writer. */
int live_take(const char *live_path);
void live_renew(int fd);

/* The side file takes up some space on the disk. Giving it back makes room for the last words on a full one. */
void live_make_room(int fd);

/* Removes the file, then the lock. Accepts -1. */
void live_drop(const char *live_path, int fd);

/* Opens the side file to ask; -1 when there is none. Kept open while the session is, because of that rule about closing. */
int live_look(const char *live_path);

/* True while somebody holds the lock on FD, which may be -1. */
bool live_is_held(int fd);
