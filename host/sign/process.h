/* The signer process as the daemon sees it: started, asked, ended, within deadlines. */
#ifndef MTC_SIGN_PROCESS_H
#define MTC_SIGN_PROCESS_H

#include <sys/types.h>

#include "sign/protocol.h"

/* Zeroed is "none". */
struct mtc_signer_process {
  pid_t pid; /* 0: none */
  int pidfd;
  int fd;
  uint32_t sequence;
};

enum mtc_exchange_result {
  MTC_EXCHANGE_DONE,   /* a well-formed reply to this request */
  MTC_EXCHANGE_DIED,   /* the process ended before it replied */
  MTC_EXCHANGE_HUNG,   /* the deadline passed */
  MTC_EXCHANGE_BROKEN, /* the reply made no sense */
  MTC_EXCHANGE_NOMEM,  /* nothing was sent */
};

/*
 * mtc_signer_process_start executes `program` (NULL: mtc-signer beside the running program) with
 * one end of a socket pair as descriptor 3 and no other descriptor but the standard ones, in a
 * process group of its own: what is typed at the daemon's terminal does not end it.
 *
 * Errors:   TOKEN, with errno in words; `out` is none.
 * Threads:  safe in a program with threads: nothing runs between fork and exec.
 */
mtc_status mtc_signer_process_start(const char *program, struct mtc_signer_process *out,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_process_exchange sends a request and waits for its reply until `deadline_ms` (on
 * mtc_clock_monotonic_ms).
 *
 * Output:   `reply`, its spans inside `buffer`, only when DONE.
 */
enum mtc_exchange_result mtc_signer_process_exchange(struct mtc_signer_process *process,
                                                     enum mtc_signer_request request,
                                                     struct mtc_span payload, int64_t deadline_ms,
                                                     struct mtc_bytes *buffer,
                                                     struct mtc_signer_packet *reply);

/*
 * mtc_signer_process_is_dead tells, without waiting, whether the process has ended.
 */
bool mtc_signer_process_is_dead(const struct mtc_signer_process *process);

/*
 * mtc_signer_process_describe_end writes "<what>" and how it ended, in words, to `error`.
 *
 * Requires: the process has closed its socket; it gets a moment to end.
 */
void mtc_signer_process_describe_end(const struct mtc_signer_process *process, const char *what,
                                     struct mtc_error *error);

/*
 * mtc_signer_process_end closes the socket, waits up to `grace_ms` for the process to end by
 * itself, then kills it, and reaps it. None is ignored.
 */
void mtc_signer_process_end(struct mtc_signer_process *process, int grace_ms);

#endif
