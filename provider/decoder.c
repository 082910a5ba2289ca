/*
 * The decoder of SubjectPublicKeyInfo claims the keys of configured CAs, and no others: in every
 * order of providers they become keys of this one, whose signature knows them.
 */
#include <string.h>

#include "mtc/runtime.h"
#include "provider/key.h"

#define MAX_SPKI_LEN 4096 /* ML-DSA-87's has 2614 bytes */

struct decoder {
  struct provider *provider;
};

static void *newctx(void *context) {
  struct decoder *decoder = mtc_alloc(1, sizeof *decoder);
  if (decoder) decoder->provider = context;
  return decoder;
}

static void freectx(void *decoder) {
  mtc_free(decoder);
}

static int does_selection(void *context, int selection) {
  (void)context;
  return selection == 0 || ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) &&
                            !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY));
}

static bool read_bytes(const struct provider *provider, OSSL_CORE_BIO *in, uint8_t *out,
                       size_t len) {
  size_t num_read = 0;
  while (len) {
    if (provider->core.bio_read(in, out, len, &num_read) != 1 || num_read == 0) return false;
    out += num_read;
    len -= num_read;
  }
  return true;
}

/* One DER SEQUENCE of 256 bytes and more, or of fewer (Ed25519, P-256), and not a byte after it. */
static size_t read_sequence(const struct provider *provider, OSSL_CORE_BIO *in,
                            uint8_t out[MAX_SPKI_LEN]) {
  if (!read_bytes(provider, in, out, 2) || out[0] != 0x30) return 0;
  size_t header_len = 2, len = out[1];
  if (len & 0x80) {
    size_t width = len & 0x7f;
    if (width < 1 || width > 2 || !read_bytes(provider, in, out + 2, width)) return 0;
    len = width == 1 ? out[2] : (size_t)out[2] << 8 | out[3];
    header_len += width;
  }
  if (len > MAX_SPKI_LEN - header_len || !read_bytes(provider, in, out + header_len, len)) return 0;
  return header_len + len;
}

static int decode(void *context, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *callback,
                  void *argument, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_argument) {
  const struct decoder *decoder = context;
  struct provider *provider = decoder->provider;
  const struct config *config = config_get(provider);
  uint8_t der[MAX_SPKI_LEN];
  (void)ask;
  (void)ask_argument;
  if (!config || config->num_cas == 0 || !does_selection(NULL, selection)) return 1;
  struct mtc_span public_key = mtc_span_of(der, read_sequence(provider, in, der));
  /* No error for what is somebody else's: the next decoder is asked. */
  for (size_t i = 0; public_key.len && i < config->num_cas; i++) {
    if (!mtc_span_equal(public_key, config->cas[i].params.public_key)) continue;
    struct key *key = key_new(provider, inner_key_of_spki(config->inner, public_key), NULL);
    return key ? key_give(key, callback, argument) : 0;
  }
  return 1;
}

const OSSL_DISPATCH *decoder_dispatch(void) {
  static const OSSL_DISPATCH functions[] = {
      {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))newctx},
      {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))freectx},
      {OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))does_selection},
      {OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode},
      {OSSL_FUNC_DECODER_EXPORT_OBJECT, (void (*)(void))key_export_reference},
      OSSL_DISPATCH_END};
  return functions;
}
