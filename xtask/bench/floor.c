/* The floor under every container runtime: the kernel's work alone, in a fixed order, without a decision, a check or
 * a byte of configuration. `cargo xtask bench` compiles it and measures runtimes against it.
 *
 *     floor v1|v2 GROUP ROOTFS COMMAND [ARG...]
 *
 * Five namespaces and a cgroup namespace, the mounts and devices of the OCI runtime specification, masked and read-only
 * paths, pivot_root, Docker's fourteen capabilities, limits of memory, CPU and tasks in a cgroup; then execve, wait,
 * remove. What fails is said, and ends it with status 125: a floor that leaves something out is none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void must(long result, const char *what) {
    if (result < 0) {
        dprintf(2, "floor: %s: %s\n", what, strerror(errno));
        _exit(125);
    }
}

/* --- cgroups ------------------------------------------------------------------------------------------------- */

struct limit { const char *hierarchy, *file, *value; };

static const struct limit LIMITS_V1[] = {
    {"memory", "memory.limit_in_bytes", "268435456"},
    {"cpu", "cpu.cfs_quota_us", "100000"},
    {"pids", "pids.max", "100"},
};
static const struct limit LIMITS_V2[] = {
    {"", "memory.max", "268435456"},
    {"", "cpu.max", "100000 100000"},
    {"", "pids.max", "100"},
};

static char group[3][128];
static int groups, births[3];

static void limit(const char *dir, const struct limit *limit) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, limit->file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd, path);
    must(write(fd, limit->value, strlen(limit->value)), path);
    close(fd);
}

static void make_groups_v1(const char *name) {
    for (groups = 0; groups < 3; groups++) {
        char path[256];
        snprintf(group[groups], sizeof *group, "/sys/fs/cgroup/%s/%s", LIMITS_V1[groups].hierarchy, name);
        must(mkdir(group[groups], 0755), group[groups]);
        limit(group[groups], &LIMITS_V1[groups]);
        snprintf(path, sizeof path, "%s/tasks", group[groups]);
        must(births[groups] = open(path, O_WRONLY | O_CLOEXEC), path);
    }
}

static void make_group_v2(const char *name) {
    groups = 1;
    snprintf(group[0], sizeof *group, "/sys/fs/cgroup/%s", name);
    must(mkdir(group[0], 0755), group[0]);
    for (size_t i = 0; i < COUNT(LIMITS_V2); i++) limit(group[0], &LIMITS_V2[i]);
    must(births[0] = open(group[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC), group[0]);
}

/* --- the file system ----------------------------------------------------------------------------------------- */

struct mounted { const char *type, *at, *data; unsigned long flags; int make; };

static const struct mounted MOUNTS[] = {
    {"proc", "proc", 0, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0},
    {"tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME, 0},
    {"devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC, 1},
    {"tmpfs", "dev/shm", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV, 1},
    {"mqueue", "dev/mqueue", 0, MS_NOSUID | MS_NOEXEC | MS_NODEV, 1},
    {"sysfs", "sys", 0, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, 0},
};

static const struct { const char *path; int minor, major; } DEVICES[] = {
    {"dev/null", 3, 1}, {"dev/zero", 5, 1}, {"dev/full", 7, 1},
    {"dev/random", 8, 1}, {"dev/urandom", 9, 1}, {"dev/tty", 0, 5},
};

static const char *LINKS[][2] = {
    {"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
    {"/proc/self/fd/2", "dev/stderr"}, {"pts/ptmx", "dev/ptmx"},
};

static const char *MASKED_FILES[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"};
static const char *MASKED_DIRECTORIES[] = {"/proc/acpi", "/proc/scsi", "/sys/firmware"};
static const char *READ_ONLY[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static void furnish(void) {
    for (size_t i = 0; i < COUNT(MOUNTS); i++) {
        if (MOUNTS[i].make) must(mkdir(MOUNTS[i].at, 0755), MOUNTS[i].at);
        must(mount(MOUNTS[i].type, MOUNTS[i].at, MOUNTS[i].type, MOUNTS[i].flags, MOUNTS[i].data), MOUNTS[i].at);
    }
    umask(0);
    for (size_t i = 0; i < COUNT(DEVICES); i++)
        must(mknod(DEVICES[i].path, S_IFCHR | 0666, makedev(DEVICES[i].major, DEVICES[i].minor)), DEVICES[i].path);
    umask(022);
    for (size_t i = 0; i < COUNT(LINKS); i++) must(symlink(LINKS[i][0], LINKS[i][1]), LINKS[i][1]);
}

static void furnish_cgroups(int v2) {
    unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY;
    if (v2) {
        must(mount("cgroup2", "sys/fs/cgroup", "cgroup2", flags, 0), "mount cgroup2");
        return;
    }
    must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=755"), "mount tmpfs");
    for (int i = 0; i < groups; i++) {
        char at[64];
        snprintf(at, sizeof at, "sys/fs/cgroup/%s", LIMITS_V1[i].hierarchy);
        must(mkdir(at, 0755), at);
        must(mount("cgroup", at, "cgroup", flags, LIMITS_V1[i].hierarchy), at);
    }
}

/* A path that this kernel does not have is no path to mask. */
static void masked(long result, const char *path) {
    if (result < 0 && errno != ENOENT && errno != ENOTDIR) must(result, path);
}

static void mask(void) {
    for (size_t i = 0; i < COUNT(MASKED_FILES); i++)
        masked(mount("/dev/null", MASKED_FILES[i], 0, MS_BIND, 0), MASKED_FILES[i]);
    for (size_t i = 0; i < COUNT(MASKED_DIRECTORIES); i++)
        masked(mount("tmpfs", MASKED_DIRECTORIES[i], "tmpfs", MS_RDONLY, 0), MASKED_DIRECTORIES[i]);
    for (size_t i = 0; i < COUNT(READ_ONLY); i++) {
        masked(mount(READ_ONLY[i], READ_ONLY[i], 0, MS_BIND | MS_REC, 0), READ_ONLY[i]);
        unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV;
        masked(mount(0, READ_ONLY[i], 0, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, 0), READ_ONLY[i]);
    }
}

/* --- power --------------------------------------------------------------------------------------------------- */

/* CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP */
static const uint64_t KEPT = 0xa80425fb;

static void drop_capabilities(void) {
    /* EINVAL: beyond the last one that this kernel knows. */
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
        if (!(KEPT >> cap & 1)) must(prctl(PR_CAPBSET_DROP, cap), "PR_CAPBSET_DROP");
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{(uint32_t)KEPT, (uint32_t)KEPT, 0}, {0, 0, 0}};
    must(syscall(SYS_setgroups, 0, 0), "setgroups");
    must(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
    must(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
    must(syscall(SYS_capset, &header, data), "capset");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

/* --- the box ------------------------------------------------------------------------------------------------- */

static void box(int v2, const char *root, char **command) {
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
    for (int i = 0; !v2 && i < groups; i++) must(write(births[i], "0", 1), "join the group");
    must(unshare(CLONE_NEWCGROUP), "unshare cgroup");
    must(sethostname("floor", 5), "sethostname");
    must(mount(0, "/", 0, MS_REC | MS_PRIVATE, 0), "make / private");
    must(mount(root, root, 0, MS_BIND | MS_REC, 0), root);
    must(chdir(root), root);
    furnish();
    furnish_cgroups(v2);
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "detach the old root");
    must(chdir("/"), "chdir /");
    mask();
    drop_capabilities();
    execv(command[0], command);
    must(-1, command[0]);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        dprintf(2, "usage: floor v1|v2 GROUP ROOTFS COMMAND [ARG...]\n");
        return 2;
    }
    int v2 = strcmp(argv[1], "v2") == 0;
    if (v2) make_group_v2(argv[2]); else make_groups_v1(argv[2]);
    int pidfd = -1, status;
    struct clone_args args = {
        .flags = CLONE_PIDFD | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET
               | (v2 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = v2 ? births[0] : 0,
    };
    long pid = syscall(SYS_clone3, &args, sizeof args);
    must(pid, "clone3");
    if (pid == 0) box(v2, argv[3], argv + 4);
    must(waitpid(pid, &status, 0), "waitpid");
    for (int i = 0; i < groups; i++) must(rmdir(group[i]), group[i]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
