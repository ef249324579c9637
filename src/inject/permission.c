/* What each value of ptrace_scope forbids is told in Documentation/admin-guide/LSM/Yama.rst. */
#include "inject/permission.h"

#include <errno.h>

enum { YAMA_NOBODY = 3 };

int permission_refused(const struct permission *p, struct err *err)
{
        int pid = (int)p->pid;

        if (p->yama >= YAMA_NOBODY)
                return err_set_id(err, ERROR_YAMA_NOBODY, EPERM,
                                  "cannot attach to %d: kernel.yama.ptrace_scope is %d, nobody may trace on this "
                                  "machine until it is rebooted with a lower value", pid, p->yama);
        if (p->capable)
                return err_set_id(err, ERROR_SECURITY_MODULE, EPERM,
                                  "cannot attach to %d: a security module or the container forbids it, although "
                                  "heaptop has CAP_SYS_PTRACE; from outside the container it may work", pid);
        if (p->root)
                return err_set_id(err, ERROR_NO_CAPABILITY, EPERM,
                                  "cannot attach to %d: this root lacks CAP_SYS_PTRACE; in a container: docker run "
                                  "--cap-add SYS_PTRACE, or start the program with: heaptop run", pid);
        if (!p->own)
                return err_set_id(err, ERROR_OTHER_USER, EPERM,
                                  "cannot attach to %d: it belongs to %s; try: sudo heaptop -p %d", pid, p->user, pid);
        if (p->undumpable)
                return err_set_id(err, ERROR_UNDUMPABLE, EPERM,
                                  "cannot attach to %d: it has made itself undumpable (or was started with more "
                                  "rights than its user has); try: sudo heaptop -p %d", pid, pid);
        if (p->yama > 0)
                return err_set_id(err, ERROR_YAMA, EPERM,
                                  "cannot attach to %d: kernel.yama.ptrace_scope is %d; try: sudo heaptop -p %d, "
                                  "or start the program with: heaptop run", pid, p->yama, pid);
        return err_set_id(err, ERROR_SECURITY_MODULE, EPERM,
                          "cannot attach to %d: a security module or container forbids it (CAP_SYS_PTRACE is "
                          "needed); try: sudo heaptop -p %d", pid, pid);
}
