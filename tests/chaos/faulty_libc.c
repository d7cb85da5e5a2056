/* Preloaded by the chaos tests: a disk that is full or broken, and a clock that jumps.
 *
 *   CHAOS_IO=PART:CALLS:ERRNO:TIMES   writes to files whose path holds PART fail with ERRNO, after
 * so many calls that succeed, so many times (each process counts) CHAOS_MARK=FILE a byte is
 * appended for every failure CHAOS_CLOCK=SEED:PERIOD:RANGE     the time of day is wrong by up to
 * RANGE seconds either way, and by something else every PERIOD milliseconds, alike in all processes
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ---- writes ------------------------------------------------------------------------------------
 */

static char io_part[256];
static long io_calls, io_times;
static int io_errno;
static atomic_long io_seen;

static long long clock_seed, clock_period, clock_range;

__attribute__((constructor)) static void read_orders(void) {
  const char* io = getenv("CHAOS_IO");
  if (io != NULL &&
      sscanf(io, "%255[^:]:%ld:%d:%ld", io_part, &io_calls, &io_errno, &io_times) != 4)
    abort();
  const char* jumps = getenv("CHAOS_CLOCK");
  if (jumps != NULL &&
      sscanf(jumps, "%lld:%lld:%lld", &clock_seed, &clock_period, &clock_range) != 3)
    abort();
}

static void mark(void) {
  const char* path = getenv("CHAOS_MARK");
  if (path == NULL) return;
  const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (syscall(SYS_write, file, "x", 1) < 0) abort();
  close(file);
}

/* Whether this call on this file is to fail; errno is set then. */
static int fails(int file) {
  if (io_part[0] == 0) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const int before = errno;
  const ssize_t size = readlink(link, path, sizeof(path) - 1);
  errno = before;
  if (size < 0) return 0;
  path[size] = 0;
  if (strstr(path, io_part) == NULL) return 0;
  const long number = atomic_fetch_add(&io_seen, 1);
  if (number < io_calls || number >= io_calls + io_times) return 0;
  mark();
  errno = io_errno;
  return 1;
}

ssize_t write(int file, const void* data, size_t size) {
  return fails(file) ? -1 : syscall(SYS_write, file, data, size);
}
ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return fails(file) ? -1 : syscall(SYS_pwrite64, file, data, size, at);
}
ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  return fails(file) ? -1 : syscall(SYS_pwrite64, file, data, size, at);
}
int ftruncate(int file, off_t size) {
  return fails(file) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}
int ftruncate64(int file, off64_t size) {
  return fails(file) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}
int fsync(int file) { return fails(file) ? -1 : (int)syscall(SYS_fsync, file); }
int fdatasync(int file) { return fails(file) ? -1 : (int)syscall(SYS_fdatasync, file); }

/* ---- the time of day ---------------------------------------------------------------------------
 */

static long long milliseconds(clockid_t id) {
  struct timespec now;
  syscall(SYS_clock_gettime, id, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Seconds by which it is wrong now. */
static long long wrong_by(void) {
  if (clock_range == 0) return 0;
  uint64_t bits = (uint64_t)(milliseconds(CLOCK_MONOTONIC) / clock_period + clock_seed);
  bits = (bits ^ (bits >> 31)) * 0x9e3779b97f4a7c15U;
  bits = (bits ^ (bits >> 29)) * 0xbf58476d1ce4e5b9U;
  return (long long)((bits >> 16) % (uint64_t)(2 * clock_range + 1)) - clock_range;
}

int clock_gettime(clockid_t id, struct timespec* out) {
  const int code = (int)syscall(SYS_clock_gettime, id, out);
  if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) out->tv_sec += wrong_by();
  return code;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  const long long now = milliseconds(CLOCK_REALTIME) + wrong_by() * 1000;
  out->tv_sec = now / 1000;
  out->tv_usec = now % 1000 * 1000;
  return 0;
}

time_t time(time_t* out) {
  const time_t now = milliseconds(CLOCK_REALTIME) / 1000 + wrong_by();
  if (out != NULL) *out = now;
  return now;
}
