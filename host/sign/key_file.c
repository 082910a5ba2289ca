#include "sign/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "mtc/runtime.h"

static bool write_all(int fd, const char *text, size_t len) {
  while (len) {
    ssize_t count = write(fd, text, len);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text += count;
    len -= (size_t)count;
  }
  return fsync(fd) == 0;
}

static mtc_status write_new(const char *path, const char *text, size_t len,
                            struct mtc_error *error) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && errno == EEXIST) {
    return mtc_fail(error, MTC_INPUT, "%s exists; a key is never overwritten", path);
  }
  if (fd < 0) return mtc_fail(error, MTC_IO, "cannot create %s: %s", path, strerror(errno));
  bool ok = write_all(fd, text, len);
  int saved = errno;
  (void)close(fd);
  if (ok) return MTC_OK;
  (void)unlink(path);
  return mtc_fail(error, MTC_IO, "cannot write %s: %s", path, strerror(saved));
}

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
  status = write_new(path, text, (size_t)text_len, error);
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
