/*
 * Replay nonces.
 *
 *   u64 counter | u8[24] HMAC-SHA-256(key, counter), cut       in base64url
 */
#include "acme/nonce.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "acme/jws.h"
#include "mtc/runtime.h"

#define WINDOW (1u << 20)
#define COUNTER_LEN 8u
#define MAC_LEN 24u
#define KEY_LEN 32u

struct acme_nonces {
  EVP_MAC_CTX *keyed; /* only copied: safe for threads */
  pthread_mutex_t lock;
  uint64_t next;            /* the counter of the next nonce */
  uint8_t used[WINDOW / 8]; /* a bit each of the newest WINDOW counters */
};

static bool write_mac(const struct acme_nonces *nonces, const uint8_t counter[COUNTER_LEN],
                      uint8_t out[MAC_LEN]) {
  uint8_t whole[32];
  size_t len = 0;
  EVP_MAC_CTX *context = EVP_MAC_CTX_dup(nonces->keyed);
  bool is_good = context && EVP_MAC_update(context, counter, COUNTER_LEN) == 1 &&
                 EVP_MAC_final(context, whole, &len, sizeof whole) == 1 && len == sizeof whole;
  EVP_MAC_CTX_free(context);
  if (is_good) memcpy(out, whole, MAC_LEN);
  return is_good;
}

static EVP_MAC_CTX *new_keyed(void) {
  uint8_t key[KEY_LEN];
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                         OSSL_PARAM_construct_end()};
  EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
  if (!context || RAND_bytes(key, sizeof key) != 1 ||
      EVP_MAC_init(context, key, sizeof key, params) != 1) {
    EVP_MAC_CTX_free(context);
    context = NULL;
  }
  OPENSSL_cleanse(key, sizeof key);
  EVP_MAC_free(mac);
  return context;
}

mtc_status acme_nonces_open(struct acme_nonces **out, struct mtc_error *error) {
  *out = NULL;
  struct acme_nonces *nonces = mtc_alloc(1, sizeof *nonces);
  if (!nonces) return mtc_fail(error, MTC_NOMEM, "nonces: out of memory");
  nonces->keyed = new_keyed();
  if (!nonces->keyed || pthread_mutex_init(&nonces->lock, NULL) != 0) {
    EVP_MAC_CTX_free(nonces->keyed);
    mtc_free(nonces);
    return mtc_fail(error, MTC_FATAL, "nonces: libcrypto draws no key for HMAC-SHA-256");
  }
  *out = nonces;
  return MTC_OK;
}

static uint64_t draw_counter(struct acme_nonces *nonces) {
  (void)pthread_mutex_lock(&nonces->lock);
  uint64_t counter = nonces->next++;
  size_t at = counter % WINDOW;
  nonces->used[at / 8] &= (uint8_t)~(1u << at % 8);
  (void)pthread_mutex_unlock(&nonces->lock);
  return counter;
}

void acme_nonces_give(struct acme_nonces *nonces, char out[ACME_NONCE_LEN + 1]) {
  uint8_t bytes[COUNTER_LEN + MAC_LEN] = {0};
  struct mtc_bytes text = {0};
  uint64_t counter = draw_counter(nonces);
  for (size_t i = 0; i < COUNTER_LEN; i++)
    bytes[i] = (uint8_t)(counter >> (8 * (COUNTER_LEN - 1 - i)));
  bool is_good = write_mac(nonces, bytes, bytes + COUNTER_LEN);
  acme_append_base64url(&text, mtc_span_of(bytes, sizeof bytes));
  /* Out of memory: a nonce that nobody takes; the client is told to try again. */
  memset(out, 'A', ACME_NONCE_LEN);
  if (is_good && !mtc_bytes_status(&text)) memcpy(out, text.data, ACME_NONCE_LEN);
  out[ACME_NONCE_LEN] = 0;
  mtc_bytes_free(&text);
}

static bool use_counter(struct acme_nonces *nonces, uint64_t counter) {
  (void)pthread_mutex_lock(&nonces->lock);
  size_t at = counter % WINDOW;
  uint8_t bit = (uint8_t)(1u << at % 8);
  bool is_good =
      counter < nonces->next && nonces->next - counter <= WINDOW && !(nonces->used[at / 8] & bit);
  if (is_good) nonces->used[at / 8] |= bit;
  (void)pthread_mutex_unlock(&nonces->lock);
  return is_good;
}

bool acme_nonces_take(struct acme_nonces *nonces, const char *nonce) {
  uint8_t mac[MAC_LEN];
  uint64_t counter = 0;
  struct mtc_bytes bytes = {0};
  bool is_good = strnlen(nonce, ACME_NONCE_LEN + 1) == ACME_NONCE_LEN &&
                 acme_append_decoded_base64url(&bytes, mtc_span_of(nonce, ACME_NONCE_LEN)) &&
                 !mtc_bytes_status(&bytes) && bytes.len == COUNTER_LEN + MAC_LEN &&
                 write_mac(nonces, bytes.data, mac) &&
                 CRYPTO_memcmp(mac, bytes.data + COUNTER_LEN, MAC_LEN) == 0;
  if (is_good) {
    struct mtc_reader reader = mtc_reader_of(mtc_span_of(bytes.data, COUNTER_LEN));
    is_good = mtc_read_uint(&reader, COUNTER_LEN, &counter) && use_counter(nonces, counter);
  }
  mtc_bytes_free(&bytes);
  return is_good;
}

void acme_nonces_close(struct acme_nonces *nonces) {
  if (!nonces) return;
  EVP_MAC_CTX_free(nonces->keyed);
  (void)pthread_mutex_destroy(&nonces->lock);
  mtc_free(nonces);
}
