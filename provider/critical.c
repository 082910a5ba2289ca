/*
 * The critical extension of MTC CA certificates. libcrypto refuses every critical extension that is
 * not in a list of its own. So in every verification of the process the check is switched off when
 * the verification's context is made, and done again here, after the chain was built: a configured
 * CA's certificate may have its MTC extension, everything else is refused as before. A context
 * whose owner asked for critical extensions to be ignored is left alone.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "mtc/runtime.h"
#include "provider/config.h"

/* What a context did before. */
struct original {
  X509_STORE_CTX_verify_fn verify;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct provider *providers; /* of the process, with a configuration */
static int ex_index = -1;

static bool is_configured(struct mtc_span der) {
  bool found = false;
  pthread_rwlock_rdlock(&lock);
  for (const struct provider *provider = providers; provider && !found; provider = provider->next) {
    for (size_t i = 0; i < provider->config->num_cas && !found; i++)
      found = mtc_span_equal(mtc_span_of_bytes(&provider->config->cas[i].der), der);
  }
  pthread_rwlock_unlock(&lock);
  return found;
}

static bool is_configured_ca(X509 *certificate) {
  unsigned char *der = NULL;
  int len = i2d_X509(certificate, &der);
  bool found = len > 0 && is_configured(mtc_span_of(der, (size_t)len));
  OPENSSL_free(der);
  return found;
}

static bool is_object(const ASN1_OBJECT *object, struct mtc_span expected) {
  unsigned char *der = NULL;
  int len = i2d_ASN1_OBJECT(object, &der);
  bool is_same = len > 0 && mtc_span_equal(mtc_span_of(der, (size_t)len), expected);
  OPENSSL_free(der);
  return is_same;
}

static bool is_mtc_extension(X509_EXTENSION *extension) {
  for (int i = MTC_WIRE_PLANTS_05; i <= MTC_WIRE_PLANTS_07; i++) {
    const struct mtc_wire *wire = mtc_wire_get((enum mtc_wire_version)i);
    if (is_object(X509_EXTENSION_get_object(extension), wire->ca_extension)) return true;
  }
  return false;
}

static bool is_labelled_proof(const X509 *certificate) {
  const ASN1_OBJECT *object = NULL;
  const X509_ALGOR *algorithm = X509_get0_tbs_sigalg(certificate);
  X509_ALGOR_get0(&object, NULL, NULL, algorithm);
  for (int i = MTC_WIRE_PLANTS_05; i <= MTC_WIRE_PLANTS_07; i++) {
    struct mtc_span proof = mtc_wire_get((enum mtc_wire_version)i)->proof_algorithm;
    struct mtc_span identifier = mtc_span_of(proof.data + 2, proof.len - 2);
    if (is_object(object, identifier)) return true;
  }
  return false;
}

/* Says whether a certificate has a critical extension that nobody here handles. */
static bool has_unhandled(X509 *certificate, bool *out_is_mtc_ca) {
  bool is_ca = false;
  *out_is_mtc_ca = false;
  for (int i = 0; i < X509_get_ext_count(certificate); i++) {
    X509_EXTENSION *extension = X509_get_ext(certificate, i);
    if (!X509_EXTENSION_get_critical(extension) || X509_supported_extension(extension)) continue;
    if (!is_mtc_extension(extension)) return true;
    if (!is_ca && !is_configured_ca(certificate)) return true;
    is_ca = true;
  }
  *out_is_mtc_ca = is_ca;
  return false;
}

static bool report(X509_STORE_CTX *context, int depth, int problem) {
  X509_STORE_CTX_set_error(context, problem);
  X509_STORE_CTX_set_error_depth(context, depth);
  X509_STORE_CTX_set_current_cert(context,
                                  sk_X509_value(X509_STORE_CTX_get0_chain(context), depth));
  X509_STORE_CTX_verify_cb callback = X509_STORE_CTX_get_verify_cb(context);
  return callback && callback(0, context) > 0;
}

static bool check_chain(X509_STORE_CTX *context) {
  STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(chain); i++) {
    bool is_mtc_ca;
    if (has_unhandled(sk_X509_value(chain, i), &is_mtc_ca) &&
        !report(context, i, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION))
      return false;
    /* An MTC CA signs no certificate but through its log. */
    if (is_mtc_ca && i > 0 && !is_labelled_proof(sk_X509_value(chain, i - 1)) &&
        !report(context, i - 1, X509_V_ERR_CERT_SIGNATURE_FAILURE))
      return false;
  }
  return true;
}

static int verify(X509_STORE_CTX *context) {
  const struct original *original = X509_STORE_CTX_get_ex_data(context, ex_index);
  if (!original) return 0;
  if (!check_chain(context)) return 0;
  /* The flag let critical extensions of revocation lists pass, too: those are gone through again.
   */
  X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
  (void)X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_IGNORE_CRITICAL);
  X509_STORE_CTX_check_revocation_fn check = X509_STORE_CTX_get_check_revocation(context);
  if (check && (X509_VERIFY_PARAM_get_flags(param) & X509_V_FLAG_CRL_CHECK)) {
    int result = check(context);
    if (result <= 0) return result;
  }
  return original->verify(context);
}

static void new_context(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number,
                        void *argument) {
  X509_STORE_CTX *context = parent;
  X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
  (void)value;
  (void)number;
  (void)argument;
  pthread_rwlock_rdlock(&lock);
  bool is_wanted = providers != NULL;
  pthread_rwlock_unlock(&lock);
  if (!is_wanted || (X509_VERIFY_PARAM_get_flags(param) & X509_V_FLAG_IGNORE_CRITICAL)) return;
  struct original *original = mtc_alloc(1, sizeof *original);
  if (!original) return;
  original->verify = X509_STORE_CTX_get_verify(context);
  if (!original->verify || !CRYPTO_set_ex_data(data, index, original)) {
    mtc_free(original);
    return;
  }
  X509_STORE_CTX_set_verify(context, verify);
  (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_IGNORE_CRITICAL);
}

static void free_context(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number,
                         void *argument) {
  (void)parent;
  (void)data;
  (void)index;
  (void)number;
  (void)argument;
  mtc_free(value);
}

static void install(void) {
  ex_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, NULL, new_context, NULL,
                                     free_context);
}

void critical_install(void) {
  pthread_once(&once, install);
}

void critical_add(struct provider *provider) {
  pthread_rwlock_wrlock(&lock);
  provider->next = providers;
  providers = provider;
  pthread_rwlock_unlock(&lock);
}

void critical_remove(struct provider *provider) {
  pthread_rwlock_wrlock(&lock);
  for (struct provider **at = &providers; *at; at = &(*at)->next) {
    if (*at != provider) continue;
    *at = provider->next;
    break;
  }
  pthread_rwlock_unlock(&lock);
}
