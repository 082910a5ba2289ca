/* Idempotency keys of entries that are queued or in the batch; those in the log are in the store.
 */
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "mtc/runtime.h"

static struct item **bucket(struct mtc_engine *engine, const char *request_id) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (const char *at = request_id; *at; at++)
    hash = (hash ^ (uint8_t)*at) * 1099511628211u;
  return &engine->by_request[(hash ^ hash >> 32) % REQUEST_BUCKETS];
}

struct item *request_find(struct mtc_engine *engine, const char *request_id) {
  for (struct item *item = *bucket(engine, request_id); item; item = item->next_by_request) {
    if (strcmp(item->request_id, request_id) == 0) return item;
  }
  return NULL;
}

void request_add(struct mtc_engine *engine, struct item *item) {
  if (!item->request_id[0]) return;
  struct item **head = bucket(engine, item->request_id);
  item->next_by_request = *head;
  *head = item;
}

void request_remove(struct mtc_engine *engine, struct item *item) {
  if (!item->request_id[0]) return;
  for (struct item **at = bucket(engine, item->request_id); *at; at = &(*at)->next_by_request) {
    if (*at != item) continue;
    *at = item->next_by_request;
    return;
  }
}

void item_answer(struct item *item, mtc_status status, uint64_t log_number, const char *text) {
  struct mtc_receipt receipt = {.status = status, .log_number = log_number, .index = item->index};
  if (text) (void)snprintf(receipt.error.text, sizeof receipt.error.text, "%s", text);
  while (item->waiters) {
    struct waiter *waiter = item->waiters;
    item->waiters = waiter->next;
    waiter->done(waiter->context, &receipt);
    mtc_free(waiter);
  }
}

void item_free(struct item *item) {
  if (!item) return;
  mtc_bytes_free(&item->entry);
  mtc_bytes_free(&item->public_key);
  while (item->waiters) {
    struct waiter *waiter = item->waiters;
    item->waiters = waiter->next;
    mtc_free(waiter);
  }
  mtc_free(item);
}
