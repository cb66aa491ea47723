/* A command that stays: it says that it runs, and ends at SIGTERM, or with whoever measures it.
 *
 * Both are said through FIFOs of its root: one byte goes into /ready; the other end of /alive is held by the bench alone.
 * When the bench is killed, the kernel hangs up, and every box that it has started ends by itself.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static void leave(int signal) {
    _exit(signal == SIGTERM ? 0 : 1);
}

int main(void) {
    signal(SIGTERM, leave);
    /* O_NONBLOCK: without anybody at the other end, an open for writing fails, and one for reading does not wait. */
    int ready = open("/ready", O_WRONLY | O_NONBLOCK), alive = open("/alive", O_RDONLY | O_NONBLOCK);
    if (ready < 0 || alive < 0 || write(ready, "r", 1) != 1) return 1;
    close(ready);
    struct pollfd end = {.fd = alive};
    while (poll(&end, 1, -1) < 0) {}
    return 0;
}
