/* GnuTLS says of a bad file only that it is bad: libcrypto reads it first and says which and why.
 */
#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "mtc/runtime.h"

#define MAX_PEM_LEN (1u << 20)

static mtc_status read_file(const char *path, struct mtc_bytes *out, struct mtc_error *error) {
  mtc_bytes_clear(out);
  mtc_status status = mtc_file_read(path, MAX_PEM_LEN, out, error);
  if (status) return status;
  mtc_bytes_append(out, "", 1);
  if (mtc_bytes_status(out) != MTC_OK) return mtc_fail(error, MTC_NOMEM, "%s: no memory", path);
  return MTC_OK;
}

static BIO *open_pem(const struct mtc_bytes *pem) {
  return BIO_new_mem_buf(pem->data, (int)(pem->len - 1));
}

/* A key with a password would make libcrypto ask on the terminal. */
static int no_password(char *buffer, int size, int writing, void *context) {
  (void)buffer, (void)size, (void)writing, (void)context;
  return -1;
}

static mtc_status check(const char *certificate_path, const struct mtc_bytes *certificate_pem,
                        const char *key_path, const struct mtc_bytes *key_pem,
                        struct mtc_error *error) {
  mtc_status status = MTC_OK;
  X509 *leaf = NULL;
  EVP_PKEY *key = NULL;
  BIO *certificate_file = open_pem(certificate_pem);
  BIO *key_file = open_pem(key_pem);
  if (!certificate_file || !key_file) {
    status = mtc_fail(error, MTC_NOMEM, "no memory for the TLS certificate and key");
    goto out;
  }
  leaf = PEM_read_bio_X509(certificate_file, NULL, no_password, NULL);
  if (!leaf) {
    status = mtc_fail(error, MTC_INPUT, "%s: no PEM certificate in it (the server's comes first)",
                      certificate_path);
    goto out;
  }
  key = PEM_read_bio_PrivateKey(key_file, NULL, no_password, NULL);
  if (!key) {
    status =
        mtc_fail(error, MTC_INPUT, "%s: no PEM private key in it (without a password)", key_path);
    goto out;
  }
  if (X509_check_private_key(leaf, key) != 1) {
    status = mtc_fail(error, MTC_INPUT, "%s: this is not the key of the first certificate of %s",
                      key_path, certificate_path);
  }
out:
  BIO_free(certificate_file);
  BIO_free(key_file);
  X509_free(leaf);
  EVP_PKEY_free(key);
  ERR_clear_error();
  return status;
}

mtc_status http_tls_read(const char *certificate_path, const char *key_path,
                         struct mtc_bytes *out_certificate, struct mtc_bytes *out_key,
                         struct mtc_error *error) {
  if (!key_path) {
    return mtc_fail(error, MTC_INPUT, "a TLS certificate (%s) without its key", certificate_path);
  }
  mtc_status status = read_file(certificate_path, out_certificate, error);
  if (status == MTC_OK) status = read_file(key_path, out_key, error);
  if (status) return status;
  return check(certificate_path, out_certificate, key_path, out_key, error);
}
