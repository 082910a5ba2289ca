#include "acme/certificate_cache.h"

#include "mtc/runtime.h"

struct place {
  uint64_t order_id; /* 0: empty */
  struct mtc_bytes certificate;
};

struct acme_certificate_cache {
  size_t max;
  struct place places[];
};

mtc_status acme_certificate_cache_open(size_t max, struct acme_certificate_cache **out) {
  *out = mtc_alloc(1, sizeof **out + max * sizeof *(*out)->places);
  if (!*out) return MTC_NOMEM;
  (*out)->max = max;
  return MTC_OK;
}

struct mtc_span acme_certificate_cache_get(const struct acme_certificate_cache *cache,
                                           uint64_t order_id) {
  const struct place *place = &cache->places[order_id % cache->max];
  return place->order_id == order_id ? mtc_span_of_bytes(&place->certificate)
                                     : mtc_span_of(NULL, 0);
}

void acme_certificate_cache_put(struct acme_certificate_cache *cache, uint64_t order_id,
                                struct mtc_span certificate) {
  struct place *place = &cache->places[order_id % cache->max];
  place->order_id = order_id;
  mtc_bytes_clear(&place->certificate);
  mtc_bytes_append_span(&place->certificate, certificate);
  if (mtc_bytes_status(&place->certificate)) place->order_id = 0;
}

void acme_certificate_cache_close(struct acme_certificate_cache *cache) {
  if (!cache) return;
  for (size_t i = 0; i < cache->max; i++)
    mtc_bytes_free(&cache->places[i].certificate);
  mtc_free(cache);
}
