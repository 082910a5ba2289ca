/* The engine's parts, shared by its files. Private to host/engine. */
#ifndef MTC_ENGINE_ENGINE_H
#define MTC_ENGINE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "mtc/engine.h"

/* Who wants to know about an entry: the first submission, and repetitions of its idempotency key.
 */
struct waiter {
  mtc_engine_done *done;
  void *context;
  struct waiter *next;
};

/* One accepted entry on its way into the log. */
struct item {
  struct mtc_bytes entry;
  struct mtc_bytes public_key;
  char request_id[72]; /* empty: none */
  struct mtc_hash request_digest;
  uint64_t index;
  int64_t queued_ms; /* monotonic */
  struct waiter *waiters;
  struct item *next_by_request; /* chain of the request table */
};

/* Whose the places of one reservation are. It lives as long as one of them is in the queue. */
struct subject {
  size_t num_slots;
  size_t len;
  uint8_t der[];
};

/*
 * A place in the log that the queue has given away. Every place yields exactly one entry, so its
 * index is known as soon as it is queued.
 */
struct slot {
  struct item *item;       /* NULL: reserved and not filled yet */
  int64_t expires_s;       /* of a reservation; 0 for a plain entry */
  struct subject *subject; /* of a reservation; NULL: anybody's */
};

#define REQUEST_BUCKETS 4096

struct queue {
  struct slot *slots; /* ring; capacity is a power of two */
  size_t head, num_slots, capacity;
  size_t num_items;
  size_t subjects_len;  /* bytes of all subjects */
  uint64_t first_index; /* of the slot at head */
};

/* The batch between SEAL and CERTIFY, and what recovery puts in its place. */
struct batch {
  uint64_t old_size;
  struct mtc_head head;
  struct item **items; /* one per entry; NULL for a null_entry */
  struct mtc_span *entries;
  struct mtc_span *public_keys;
  size_t num_entries;
  struct mtc_hash_result nodes;
  struct mtc_frontier frontier; /* after the batch */
  struct mtc_subtree_signature signatures[3];
  size_t num_signatures;
  unsigned attempts; /* of the present state */
  int64_t sealed_ms;
};

struct mtc_engine {
  struct mtc_engine_options options; /* strings and spans below are the engine's own copies */
  char *publish_folder;
  struct mtc_bytes public_key;
  struct mtc_tai log_id;
  uint8_t key_id[4];

  pthread_mutex_t lock; /* everything from here to the next blank line */
  pthread_cond_t wake;
  bool stopping;
  mtc_status halted; /* FATAL or CORRUPT: nothing is accepted any more */
  struct queue queue;
  struct item *by_request[REQUEST_BUCKETS];
  struct item *answered; /* repetitions of requests that are in the log already */
  struct mtc_engine_stats stats;

  /* The engine's thread alone. */
  pthread_t thread;
  bool thread_runs;
  size_t num_due; /* places that the next batch takes */
  struct batch batch;
  struct mtc_frontier frontier;     /* of the committed tree */
  _Atomic int64_t next_landmark_ms; /* monotonic; 0: never; others may read it */

  pthread_mutex_t landmark_lock; /* one allocation at a time */
  bool landmarks_unpublished;    /* under it: the newest is stored, its file was not written */
};

/* queue.c: places in the log. All under engine->lock. */
mtc_status queue_make_room(struct queue *queue, size_t num_slots);
mtc_status queue_push(struct queue *queue, struct item *item, int64_t expires_s);
mtc_status queue_make_subject(struct queue *queue, struct mtc_span name, struct subject **out);
mtc_status queue_push_reserved(struct queue *queue, int64_t expires_s, struct subject *subject);
void queue_drop_subject(struct queue *queue, struct subject *subject);
struct slot *queue_at(struct queue *queue, size_t offset);
void queue_pop(struct queue *queue, size_t num_slots);
void queue_free(struct queue *queue);
size_t queue_sealable(struct queue *queue, size_t max, int64_t now_s, int64_t *out_since_ms,
                      int64_t *out_blocking_expiry_s);

/* reserve.c: what an entry finds in the place that was reserved for it. Under engine->lock. */
mtc_status engine_fill_reserved(struct mtc_engine *engine, struct item *item, uint64_t index,
                                struct mtc_error *error);

/* request.c: idempotency keys in flight. All under engine->lock. */
struct item *request_find(struct mtc_engine *engine, const char *request_id);
void request_add(struct mtc_engine *engine, struct item *item);
void request_remove(struct mtc_engine *engine, struct item *item);
bool request_is_stored(const struct item *item); /* in submit.c: it has a key of the client's */
void item_answer(struct item *item, mtc_status status, uint64_t log_number, const char *text);
void item_free(struct item *item);

/* batch.c: SEAL, HASH, STAGE. sign.c: SIGN. publish.c: COMMIT, PUBLISH, COSIGN, CERTIFY. */
mtc_status batch_seal(struct mtc_engine *engine, struct mtc_error *error);
mtc_status batch_hash(struct mtc_engine *engine, struct mtc_error *error);
mtc_status batch_stage(struct mtc_engine *engine, struct mtc_error *error);
mtc_status batch_sign(struct mtc_engine *engine, struct mtc_error *error);
mtc_status batch_commit(struct mtc_engine *engine, struct mtc_error *error);
mtc_status batch_publish(struct mtc_engine *engine, struct mtc_error *error);
mtc_status batch_cosign(struct mtc_engine *engine, struct mtc_error *error);
mtc_status batch_certify(struct mtc_engine *engine, struct mtc_error *error);
void batch_clear(struct batch *batch);

/* sign.c: the checkpoint of a tree, or one of its subtrees, signed by the CA. */
mtc_status engine_sign(struct mtc_engine *engine, struct mtc_subtree subtree,
                       const struct mtc_hash *hash, uint64_t timestamp_s, struct mtc_bytes *out,
                       struct mtc_error *error);

/* publish.c: a checkpoint's note out of its signatures; size and root of the published one. */
mtc_status engine_make_note(struct mtc_engine *engine, const struct mtc_head *head,
                            const struct mtc_subtree_signature *signatures, size_t num,
                            struct mtc_bytes *out, struct mtc_error *error);
mtc_status engine_read_published(struct mtc_engine *engine, bool *out_found, struct mtc_head *out,
                                 struct mtc_error *error);

/* recover.c: what a crash left. Before the thread starts. */
mtc_status engine_recover(struct mtc_engine *engine, struct mtc_error *error);

/* landmark.c */
mtc_status engine_schedule_landmark(struct mtc_engine *engine, struct mtc_error *error);
mtc_status engine_publish_landmarks(struct mtc_engine *engine, struct mtc_error *error);

/* states.c: runs the states from `from` on to CERTIFY; FATAL and CORRUPT halt the engine. */
mtc_status engine_run_states(struct mtc_engine *engine, enum mtc_engine_state from);
void *engine_thread(void *context);
void engine_halt(struct mtc_engine *engine, mtc_status status, const char *text);

#endif
