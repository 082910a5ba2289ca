#include "sign/key_file.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "mtc/runtime.h"

mtc_status mtc_key_file_generate(const char *path, const struct mtc_mechanism *mechanism,
                                 struct mtc_bytes *out_public_key, struct mtc_error *error) {
  mtc_status status = MTC_NOMEM;
  uint8_t *der = NULL;
  char *text = NULL;
  EVP_PKEY *key = mechanism->is_ecdsa ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", mechanism->key_name)
                                      : EVP_PKEY_Q_keygen(NULL, NULL, mechanism->key_name);
  /* Secure memory wipes what it held. */
  BIO *pem = BIO_new(BIO_s_secmem());
  if (!key || !pem || !PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL)) goto out;
  int der_len = i2d_PUBKEY(key, &der);
  long text_len = BIO_get_mem_data(pem, &text);
  if (der_len <= 0 || text_len <= 0) goto out;
  mtc_bytes_append(out_public_key, der, (size_t)der_len);
  status = mtc_bytes_status(out_public_key);
  if (status) goto out;
  status = mtc_file_create(path, mtc_span_of(text, (size_t)text_len), 0600, error);
  if (status) {
    out_public_key->len -= (size_t)der_len;
  } else {
    mtc_log(MTC_LOG_WARNING, "key.in_file",
            "path=%s text=\"DEVELOPMENT ONLY: a key in a plain file; use a PKCS#11 token\"", path);
  }
out:
  if (status == MTC_NOMEM) (void)mtc_fail(error, status, "making a key: libcrypto failed");
  ERR_clear_error();
  OPENSSL_free(der);
  BIO_free(pem);
  EVP_PKEY_free(key);
  return status;
}
