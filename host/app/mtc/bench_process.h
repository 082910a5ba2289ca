/* What a process uses, as the kernel tells it. */
#ifndef MTC_APP_MTC_BENCH_PROCESS_H
#define MTC_APP_MTC_BENCH_PROCESS_H

#include <stdint.h>

/*
 * bench_process_rss gives the bytes of a process that are in memory; 0: it is not there.
 */
int64_t bench_process_rss(unsigned pid);

/*
 * bench_process_cpu_us gives the time that a process has had on a processor, in steps of the
 * kernel's clock (10 ms).
 */
int64_t bench_process_cpu_us(unsigned pid);

#endif
