/* The issuance daemon's parts: what its methods need. */
#ifndef MTC_APP_MTCD_DAEMON_H
#define MTC_APP_MTCD_DAEMON_H

#include <pthread.h>

#include "app/common/config.h"
#include "mtc/rpc.h"

/* Work for the pool: requests that parse, hash or read, and answers that need a certificate. */
struct job {
  struct job *next;
  struct daemon *daemon;
  struct mtc_rpc_request *request;
  uint8_t method;
  struct mtc_bytes body;
  bool is_receipt; /* the engine has answered: make the certificate */
  struct mtc_receipt receipt;
};

#define NUM_WORKERS 2
#define MAX_JOBS 65536

/* Threads that take jobs in order. */
struct pool {
  pthread_mutex_t lock;
  pthread_cond_t wake;
  struct job *first, **last;
  size_t num_jobs;
  bool stopping;
  unsigned num_threads;
  pthread_t threads[NUM_WORKERS];
};

/* A directly signing CA instance: a signer that no other object uses, and threads of its own, so
 * that its token keeps nobody else waiting. */
struct direct {
  const struct app_direct *config;
  struct mtc_signer *signer;
  struct pool pool;
};

struct daemon {
  struct app_config *config;
  struct mtc_store *store;
  struct mtc_hasher *hasher;
  struct mtc_signer *signer;
  struct mtc_engine *engine;
  struct mtc_rpc_server *server;
  struct pool pool;
  struct direct *direct; /* config->num_direct of them, or NULL */
};

/*
 * pool_open starts the worker threads; pool_close lets them finish what is queued and ends them.
 */
mtc_status pool_open(struct pool *pool, struct mtc_error *error) MTC_MUST_CHECK;
void pool_close(struct pool *pool);

/*
 * pool_push queues a job, which the pool then owns.
 *
 * Errors:   BUSY when MAX_JOBS are waiting (an engine's receipt is always taken).
 */
mtc_status pool_push(struct pool *pool, struct job *job) MTC_MUST_CHECK;

/*
 * daemon_open opens all parts in their order; daemon_close closes those that are open.
 */
mtc_status daemon_open(struct daemon *daemon, const char *config_path,
                       struct mtc_error *error) MTC_MUST_CHECK;
void daemon_close(struct daemon *daemon);

/*
 * What a daemon does that a program started (on_demand.c): it leaves the program's processes and
 * terminal; writes its log beside the configuration; and opens the daemon, or finds that another
 * serves the CA, and says so on standard output.
 */
bool on_demand_detach(void);
mtc_status on_demand_open_log(const char *config_path, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status on_demand_open(struct daemon *daemon, const char *config_path, bool *out_served,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * daemon_handle is the rpc handler: it hands the request to the pool. daemon_run_job runs one.
 */
void daemon_handle(void *context, uint8_t method, struct mtc_span body,
                   struct mtc_rpc_request *request);
void daemon_run_job(struct job *job);

/*
 * direct_open starts the signers of the directly signing instances; direct_stop lets their threads
 * finish what is queued; direct_close ends the signers.
 *
 * Errors:   INPUT (a CA certificate that is not valid now), TOKEN (also a key that is not the
 *           certificate's); the text names the instance.
 */
mtc_status direct_open(struct daemon *daemon, struct mtc_error *error) MTC_MUST_CHECK;
void direct_stop(struct daemon *daemon);
void direct_close(struct daemon *daemon);

/*
 * direct_pool gives the threads for a MTC_RPC_ISSUE_DIRECT: those of its profile's instance; the
 * daemon's own where it names none.
 */
struct pool *direct_pool(struct daemon *daemon, struct mtc_span body);

/*
 * direct_withdraw does MTC_RPC_WITHDRAW for an instance; *out_answered stays false.
 *
 * Output:   *out_is_direct: the profile is a directly signing instance's; else nothing was done.
 */
mtc_status direct_withdraw(struct job *job, struct mtc_span profile, const char *request_id,
                           bool *out_is_direct, struct mtc_bytes *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * issue_logged is the mtc_engine_done of whoever answers with a certificate: `context` is a job of
 * its own, made by issue_waiting_job (NULL: no memory), which it takes over.
 */
void issue_logged(void *context, const struct mtc_receipt *receipt);
struct job *issue_waiting_job(const struct job *job);

/*
 * read_request_id checks a client's idempotency key.
 *
 * Output:   zero-terminated; empty: none.
 * Errors:   INPUT: over 64 characters, or not printable ASCII.
 */
mtc_status read_request_id(struct mtc_span id, char out[72],
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * revoke_make_up stores the keys of certificates that were revoked for keyCompromise by a program
 * that did not; before the engine runs.
 */
mtc_status revoke_make_up(struct daemon *daemon, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * The methods. Each returns a status with its text, or has answered (or will) when *out_answered.
 */
mtc_status method_issue(struct job *job, bool *out_answered, struct mtc_error *error);
mtc_status method_withdraw(struct job *job, struct mtc_bytes *out, bool *out_answered,
                           struct mtc_error *error);
mtc_status method_issued(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_certificate(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_reserve(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_landmark_allocate(struct job *job, struct mtc_bytes *out,
                                    struct mtc_error *error);
mtc_status method_landmark_list(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_trusted_subtrees(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_status(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_ca_certificate(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_checkpoint(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_signer_unlatch(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_card_readmit(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_issue_direct(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_direct_certificate(struct job *job, struct mtc_bytes *out,
                                     struct mtc_error *error);
mtc_status method_revoke(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_revocations(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_instances(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
mtc_status method_landmark_schedule(struct job *job, struct mtc_bytes *out,
                                    struct mtc_error *error);

#endif
