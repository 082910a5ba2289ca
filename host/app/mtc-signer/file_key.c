/* A private key in a PEM file: for development, where there is no token. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "key.h"
#include "mtc/runtime.h"
#include "sign/pin.h"

#define MAX_FILE_LEN 65536

struct signer_key {
  const struct mtc_mechanism *mechanism;
  EVP_PKEY *key;
};

static struct signer_key *the_key(EVP_PKEY *pkey, const struct mtc_mechanism *mechanism) {
  struct signer_key *key = mtc_alloc(1, sizeof *key);
  if (key) *key = (struct signer_key){.mechanism = mechanism, .key = pkey};
  return key;
}

/* An encrypted file must fail, not ask on the daemon's terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context) {
  (void)buffer, (void)size, (void)writing, (void)context;
  return -1;
}

static mtc_status read_pem(const char *path, EVP_PKEY **out, struct mtc_error *error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return mtc_fail(error, MTC_TOKEN, "cannot open %s: %s", path, strerror(errno));
  uint8_t *text = NULL;
  size_t len = 0;
  mtc_status status = mtc_secret_file_check(fd, path, error);
  if (status) goto out;
  text = mtc_alloc(MAX_FILE_LEN, 1);
  if (!text) {
    status = mtc_fail(error, MTC_NOMEM, "reading %s: out of memory", path);
    goto out;
  }
  ssize_t count = 0;
  do {
    count = read(fd, text + len, MAX_FILE_LEN - len);
    if (count > 0) len += (size_t)count;
  } while (count > 0 || (count < 0 && errno == EINTR));
  if (count < 0) {
    status = mtc_fail(error, MTC_TOKEN, "cannot read %s: %s", path, strerror(errno));
    goto out;
  }
  BIO *bio = BIO_new_mem_buf(text, (int)len);
  *out = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
  BIO_free(bio);
  ERR_clear_error();
  if (!*out) {
    status = mtc_fail(error, MTC_INPUT, "%s holds no unencrypted PEM private key", path);
  }
out:
  if (text) OPENSSL_cleanse(text, MAX_FILE_LEN);
  mtc_free(text);
  (void)close(fd);
  return status;
}

static mtc_status append_public_key(EVP_PKEY *pkey, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  uint8_t *der = NULL;
  int len = i2d_PUBKEY(pkey, &der);
  if (len > 0) mtc_bytes_append(out, der, (size_t)len);
  OPENSSL_free(der);
  ERR_clear_error();
  return len > 0 && !mtc_bytes_status(out)
             ? MTC_OK
             : mtc_fail(error, MTC_NOMEM, "encoding a public key: out of memory");
}

static void file_close(struct signer_key *key) {
  EVP_PKEY_free(key->key);
  mtc_free(key);
}

static mtc_status file_open(const struct mtc_signer_config *config, struct signer_key **out,
                            struct mtc_bytes *out_description, struct mtc_bytes *out_public_key,
                            bool *pin_refused, struct mtc_error *error) {
  (void)pin_refused;
  EVP_PKEY *pkey = NULL;
  mtc_status status = read_pem(config->key, &pkey, error);
  if (status) return status;
  status = append_public_key(pkey, out_public_key, error);
  if (!status &&
      mtc_algorithm_of_public_key(mtc_span_of_bytes(out_public_key)) != config->algorithm) {
    status = mtc_fail(error, MTC_INPUT, "%s holds no %s key", config->key,
                      mtc_algorithm_name(config->algorithm));
  }
  if (!status) {
    *out = the_key(pkey, mtc_mechanism_get(config->algorithm));
    if (!*out) status = mtc_fail(error, MTC_NOMEM, "out of memory");
  }
  if (status) {
    EVP_PKEY_free(pkey);
    return status;
  }
  mtc_log(MTC_LOG_WARNING, "key.in_file",
          "path=%s text=\"DEVELOPMENT ONLY: the CA key is a plain file, anyone who reads it can "
          "issue; use a PKCS#11 token\"",
          config->key);
  mtc_bytes_append_text(out_description, "a plain file: for development");
  return MTC_OK;
}

static mtc_status file_sign(struct signer_key *key, struct mtc_span message, struct mtc_bytes *out,
                            bool *pin_refused, struct mtc_error *error) {
  (void)pin_refused;
  size_t len = 0;
  mtc_status status = MTC_OK;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  /* ML-DSA: hedged, empty context; ECDSA: DER. */
  bool ok = context &&
            EVP_DigestSignInit_ex(context, NULL, key->mechanism->digest, NULL, NULL, key->key,
                                  NULL) == 1 &&
            EVP_DigestSign(context, NULL, &len, message.data, message.len) == 1;
  uint8_t *room = ok ? mtc_bytes_reserve(out, len) : NULL;
  if (!room || EVP_DigestSign(context, room, &len, message.data, message.len) != 1) {
    status = mtc_fail(error, MTC_TOKEN, "libcrypto did not sign with the key file: %s",
                      ERR_reason_error_string(ERR_peek_last_error()));
  } else {
    out->len += len;
  }
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return status;
}

static mtc_status file_public_key(struct signer_key *key, struct mtc_bytes *out,
                                  struct mtc_error *error) {
  return append_public_key(key->key, out, error);
}

const struct signer_key_kind signer_file_key = {
    .open = file_open,
    .sign = file_sign,
    .public_key = file_public_key,
    .close = file_close,
};
