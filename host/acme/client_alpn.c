#include "acme/client_alpn.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mtc/digest.h"
#include "mtc/runtime.h"

/* Certificates in the order of what is answered; freed with the context. */
struct shelf {
  const struct acme_client_answerable *answerable;
  size_t num;
  X509 **certificates;
  EVP_PKEY *key;
};

void acme_client_server_name(const struct acme_identifier *identifier, char out[256]) {
  uint8_t bytes[16];
  size_t len = 0;
  if (identifier->type == ACME_DNS_NAME) {
    (void)snprintf(out, 256, "%s", identifier->value);
  } else if (inet_pton(AF_INET, identifier->value, bytes) == 1) {
    (void)snprintf(out, 256, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1], bytes[0]);
  } else if (inet_pton(AF_INET6, identifier->value, bytes) == 1) {
    for (unsigned i = 16; i-- > 0;)
      len += (size_t)snprintf(out + len, 256 - len, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4);
    (void)snprintf(out + len, 256 - len, "ip6.arpa");
  } else {
    out[0] = 0;
  }
}

/* acmeIdentifier: a critical extension with the key authorization's SHA-256. */
static bool add_authorization(X509 *certificate, const char *key_authorization) {
  struct mtc_hash hash;
  ASN1_OCTET_STRING *inner = ASN1_OCTET_STRING_new(), *outer = ASN1_OCTET_STRING_new();
  ASN1_OBJECT *type = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
  unsigned char *der = NULL;
  mtc_hash_message(mtc_span_of_text(key_authorization), &hash);
  bool is_made =
      inner && outer && type && ASN1_OCTET_STRING_set(inner, hash.bytes, sizeof hash.bytes) == 1;
  int len = is_made ? i2d_ASN1_OCTET_STRING(inner, &der) : 0;
  is_made = len > 0 && ASN1_OCTET_STRING_set(outer, der, len) == 1;
  X509_EXTENSION *extension = is_made ? X509_EXTENSION_create_by_OBJ(NULL, type, 1, outer) : NULL;
  is_made = extension && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  OPENSSL_free(der);
  ASN1_OBJECT_free(type);
  ASN1_OCTET_STRING_free(inner);
  ASN1_OCTET_STRING_free(outer);
  return is_made;
}

static bool add_name(X509 *certificate, const struct acme_identifier *identifier) {
  char value[300];
  X509V3_CTX context;
  (void)snprintf(value, sizeof value, "%s:%s", identifier->type == ACME_IP_ADDRESS ? "IP" : "DNS",
                 identifier->value);
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, value);
  bool is_added = extension && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return is_added;
}

static X509 *make_certificate(const struct acme_client_answerable *answerable, EVP_PKEY *key) {
  X509 *certificate = X509_new();
  if (certificate && X509_set_version(certificate, X509_VERSION_3) &&
      ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
      X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) &&
      X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) &&
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                 (const unsigned char *)"ACME challenge", -1, -1, 0) &&
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) &&
      X509_set_pubkey(certificate, key) && add_name(certificate, &answerable->identifier) &&
      add_authorization(certificate, answerable->key_authorization) &&
      X509_sign(certificate, key, EVP_sha256()) > 0)
    return certificate;
  X509_free(certificate);
  return NULL;
}

static int choose_protocol(SSL *tls, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *context) {
  static const unsigned char wanted[] =
      "\x0a"
      "acme-tls/1";
  unsigned char *chosen;
  (void)tls;
  (void)context;
  if (SSL_select_next_proto(&chosen, out_len, wanted, sizeof wanted - 1, in, in_len) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

static int choose_certificate(SSL *tls, void *context) {
  const struct shelf *shelf = context;
  const char *name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
  char wanted[256];
  for (size_t i = 0; name && i < shelf->num; i++) {
    acme_client_server_name(&shelf->answerable[i].identifier, wanted);
    if (strcasecmp(name, wanted) == 0)
      return SSL_use_certificate(tls, shelf->certificates[i]) == 1 &&
             SSL_use_PrivateKey(tls, shelf->key) == 1;
  }
  return 0;
}

static void free_shelf(void *parent, void *data, CRYPTO_EX_DATA *ex_data, int index, long argl,
                       void *argp) {
  struct shelf *shelf = data;
  (void)parent;
  (void)ex_data;
  (void)index;
  (void)argl;
  (void)argp;
  if (!shelf) return;
  for (size_t i = 0; shelf->certificates && i < shelf->num; i++)
    X509_free(shelf->certificates[i]);
  EVP_PKEY_free(shelf->key);
  mtc_free(shelf->certificates);
  mtc_free(shelf);
}

static struct shelf *make_shelf(const struct acme_client_answerable *answerable, size_t num) {
  struct shelf *shelf = mtc_alloc(1, sizeof *shelf);
  if (!shelf) return NULL;
  shelf->answerable = answerable;
  shelf->num = num;
  shelf->certificates = mtc_alloc(num, sizeof(X509 *));
  shelf->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  bool is_made = shelf->certificates && shelf->key;
  for (size_t i = 0; is_made && i < num; i++) {
    shelf->certificates[i] = make_certificate(&answerable[i], shelf->key);
    is_made = shelf->certificates[i];
  }
  if (is_made) return shelf;
  free_shelf(NULL, shelf, NULL, 0, 0, NULL);
  return NULL;
}

mtc_status acme_client_alpn_context(const struct acme_client_answerable *answerable, size_t num,
                                    SSL_CTX **out, struct mtc_error *error) {
  static int index = -1;
  if (index < 0) index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_shelf);
  struct shelf *shelf = make_shelf(answerable, num);
  SSL_CTX *context = shelf ? SSL_CTX_new(TLS_server_method()) : NULL;
  *out = NULL;
  ERR_clear_error();
  if (!context || index < 0 || SSL_CTX_set_ex_data(context, index, shelf) != 1) {
    if (shelf) free_shelf(NULL, shelf, NULL, 0, 0, NULL);
    SSL_CTX_free(context);
    return mtc_fail(error, MTC_NOMEM, "libcrypto made no certificates for tls-alpn-01");
  }
  (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  (void)SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
  SSL_CTX_set_cert_cb(context, choose_certificate, shelf);
  *out = context;
  return MTC_OK;
}
