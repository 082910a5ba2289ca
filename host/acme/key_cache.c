#include "acme/key_cache.h"

#include <pthread.h>

#include "mtc/runtime.h"

struct place {
  uint64_t account_id; /* 0: empty */
  struct acme_key key;
};

struct acme_key_cache {
  pthread_mutex_t mutex;
  size_t max;
  struct place places[];
};

mtc_status acme_key_cache_open(size_t max, struct acme_key_cache **out) {
  struct acme_key_cache *cache = mtc_alloc(1, sizeof *cache + max * sizeof *cache->places);
  *out = cache;
  if (!cache) return MTC_NOMEM;
  cache->max = max;
  (void)pthread_mutex_init(&cache->mutex, NULL);
  return MTC_OK;
}

/* IDs are random, so their remainders are spread evenly. */
static struct place *place_of(struct acme_key_cache *cache, uint64_t account_id) {
  return &cache->places[account_id % cache->max];
}

static bool copy_key(const struct acme_key *key, struct acme_key *out) {
  if (EVP_PKEY_up_ref(key->pkey) != 1) return false;
  *out = *key;
  out->jwk = NULL;
  return true;
}

bool acme_key_cache_get(struct acme_key_cache *cache, uint64_t account_id, struct acme_key *out) {
  *out = (struct acme_key){0};
  (void)pthread_mutex_lock(&cache->mutex);
  const struct place *place = place_of(cache, account_id);
  bool is_there = place->account_id == account_id && copy_key(&place->key, out);
  (void)pthread_mutex_unlock(&cache->mutex);
  return is_there;
}

void acme_key_cache_put(struct acme_key_cache *cache, uint64_t account_id,
                        const struct acme_key *key) {
  struct acme_key copy = {0}, old;
  if (!copy_key(key, &copy)) return;
  (void)pthread_mutex_lock(&cache->mutex);
  struct place *place = place_of(cache, account_id);
  old = place->key;
  *place = (struct place){account_id, copy};
  (void)pthread_mutex_unlock(&cache->mutex);
  acme_key_free(&old);
}

void acme_key_cache_drop(struct acme_key_cache *cache, uint64_t account_id) {
  struct acme_key old = {0};
  (void)pthread_mutex_lock(&cache->mutex);
  struct place *place = place_of(cache, account_id);
  if (place->account_id == account_id) {
    old = place->key;
    *place = (struct place){0};
  }
  (void)pthread_mutex_unlock(&cache->mutex);
  acme_key_free(&old);
}

void acme_key_cache_close(struct acme_key_cache *cache) {
  if (!cache) return;
  for (size_t i = 0; i < cache->max; i++)
    acme_key_free(&cache->places[i].key);
  (void)pthread_mutex_destroy(&cache->mutex);
  mtc_free(cache);
}
