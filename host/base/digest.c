#include "mtc/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * One fetched SHA-256 for the process and one context per thread: fetching per call costs more than
 * hashing a log entry does.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static pthread_key_t context_key;

static void free_context(void *context) {
  EVP_MD_CTX_free(context);
}

static void fetch(void) {
  sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
  if (!sha256 || pthread_key_create(&context_key, free_context) != 0) abort();
}

static EVP_MD_CTX *context(void) {
  pthread_once(&once, fetch);
  EVP_MD_CTX *found = pthread_getspecific(context_key);
  if (!found) {
    found = EVP_MD_CTX_new();
    if (!found || pthread_setspecific(context_key, found) != 0) abort();
  }
  return found;
}

void mtc_hash_parts(const struct mtc_span *parts, size_t num_parts, struct mtc_hash *out) {
  EVP_MD_CTX *ctx = context();
  int ok = EVP_DigestInit_ex2(ctx, sha256, NULL);
  for (size_t i = 0; ok && i < num_parts; i++) {
    if (parts[i].len) ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len);
  }
  /* SHA-256 over memory cannot fail; if libcrypto says so, no hash of this process can be trusted.
   */
  if (!ok || !EVP_DigestFinal_ex(ctx, out->bytes, NULL)) abort();
}

void mtc_hash_message(struct mtc_span message, struct mtc_hash *out) {
  mtc_hash_parts(&message, 1, out);
}

void mtc_hash_leaf(struct mtc_span entry, struct mtc_hash *out) {
  static const uint8_t prefix = 0x00;
  const struct mtc_span parts[] = {{&prefix, 1}, entry};
  mtc_hash_parts(parts, 2, out);
}

void mtc_hash_node(const struct mtc_hash *left, const struct mtc_hash *right,
                   struct mtc_hash *out) {
  uint8_t input[1 + 2 * MTC_HASH_LEN] = {0x01};
  memcpy(input + 1, left->bytes, MTC_HASH_LEN);
  memcpy(input + 1 + MTC_HASH_LEN, right->bytes, MTC_HASH_LEN);
  mtc_hash_message(mtc_span_of(input, sizeof input), out);
}

bool mtc_hash_equal(const struct mtc_hash *a, const struct mtc_hash *b) {
  return memcmp(a->bytes, b->bytes, MTC_HASH_LEN) == 0;
}
