/* SIGN: the checkpoint (with its time) and the covering subtrees (time 0) of the pending batch. */
#include "engine/engine.h"
#include "mtc/runtime.h"

mtc_status engine_sign(struct mtc_engine *engine, struct mtc_subtree subtree,
                       const struct mtc_hash *hash, uint64_t timestamp_s, struct mtc_bytes *out,
                       struct mtc_error *error) {
  struct mtc_bytes message = {0};
  mtc_status status = mtc_cosigned_message_append(&engine->options.ca_id, &engine->log_id,
                                                  timestamp_s, subtree, hash, &message);
  if (!status)
    status = mtc_signer_sign(engine->options.signer, mtc_span_of_bytes(&message), out, error);
  mtc_bytes_free(&message);
  return status
             ? mtc_fail_within(error, status, "signing [%llu, %llu)",
                               (unsigned long long)subtree.start, (unsigned long long)subtree.end)
             : MTC_OK;
}

/* One signature that the batch needs, and a thread that gets it. */
struct task {
  struct mtc_engine *engine;
  struct mtc_subtree_signature *signature; /* filled when signed: kept across attempts */
  struct mtc_hash hash;
  mtc_status status;
  struct mtc_error error;
};

static void *sign_task(void *context) {
  struct task *task = context;
  uint64_t timestamp_s =
      task->signature->is_checkpoint ? (uint64_t)task->engine->batch.head.timestamp_s : 0;
  task->status = engine_sign(task->engine, task->signature->subtree, &task->hash, timestamp_s,
                             &task->signature->signature, &task->error);
  if (task->status) mtc_bytes_free(&task->signature->signature);
  return NULL;
}

/* What is to be signed, in the order in which it is stored: the checkpoint, then its subtrees. */
static size_t plan(struct mtc_engine *engine) {
  struct batch *batch = &engine->batch;
  struct mtc_subtree cover[2];
  size_t num = 0;
  mtc_subtree_cover((struct mtc_subtree){batch->old_size, batch->head.tree_size}, cover);
  for (size_t i = 0; i < 3; i++) {
    struct mtc_subtree subtree =
        i == 0 ? (struct mtc_subtree){0, batch->head.tree_size} : cover[i - 1];
    if (i > 0 && subtree.start == subtree.end) continue;
    struct mtc_subtree_signature *signature = &batch->signatures[num++];
    signature->subtree = subtree;
    signature->is_checkpoint = i == 0;
    signature->cosigner_id = engine->options.ca_id;
  }
  return num;
}

/* All at the same time where the signer has processes for that: a slow HSM is waited for once. The
 * last one is signed by this thread; so is all that no thread can be had for. */
static mtc_status sign_all(struct task *tasks, size_t num, unsigned num_parallel,
                           struct mtc_error *error) {
  pthread_t threads[3];
  bool runs[3] = {false};
  mtc_status status = MTC_OK;
  for (size_t i = 0; i < num; i++) {
    runs[i] = i + 1 < num && num_parallel > 1 &&
              pthread_create(&threads[i], NULL, sign_task, &tasks[i]) == 0;
    if (!runs[i] && !status) sign_task(&tasks[i]);
    /* One after the other: what comes behind a failure would fail as well. */
    if (!runs[i] && num_parallel <= 1) status = tasks[i].status;
  }
  for (size_t i = 0; i < num; i++) {
    if (runs[i]) (void)pthread_join(threads[i], NULL);
    if (!tasks[i].status) continue;
    status = tasks[i].status;
    *error = tasks[i].error;
  }
  return status;
}

mtc_status batch_sign(struct mtc_engine *engine, struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  struct mtc_tile_source tiles =
      mtc_store_tile_source(engine->options.store, batch->head.tree_size);
  const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  struct task tasks[3];
  size_t num_signatures = plan(engine), num_tasks = 0;
  for (size_t i = 0; i < num_signatures; i++) {
    struct mtc_subtree_signature *signature = &batch->signatures[i];
    struct task task = {.engine = engine, .signature = signature};
    /* What is signed is what the store would give anybody: read back, not remembered. */
    mtc_status status = mtc_tree_hash(&nodes, signature->subtree, &task.hash);
    if (status) return mtc_fail(error, status, "the staged tiles cannot be read");
    if (signature->is_checkpoint && !mtc_hash_equal(&task.hash, &batch->head.root))
      return mtc_fail(error, MTC_CORRUPT,
                      "the staged tiles of size %llu do not give the staged root",
                      (unsigned long long)batch->head.tree_size);
    if (!signature->signature.len) tasks[num_tasks++] = task;
  }
  mtc_status status =
      sign_all(tasks, num_tasks, mtc_signer_num_parallel(engine->options.signer), error);
  batch->num_signatures = status ? 0 : num_signatures;
  return status;
}
