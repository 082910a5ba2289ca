#include "provider/config.h"

#include <string.h>

#include "mtc/proof.h"
#include "mtc/runtime.h"

#define MAX_FILE_LEN (1u << 24)
#define DEFAULT_RELOAD_S 60
#define MAX_RELOAD_S 86400

static mtc_status add_ca(struct config *config, struct mtc_bytes *der, struct mtc_error *error) {
  struct config_ca *ca = &config->cas[config->num_cas];
  const struct mtc_wire *wire = mtc_ca_certificate_detect(mtc_span_of_bytes(der));
  if (config->num_cas == CONFIG_MAX_CAS)
    return mtc_fail(error, MTC_INPUT, "more than %d CA certificates", CONFIG_MAX_CAS);
  if (!wire) return mtc_fail(error, MTC_INPUT, "no MTC CA certificate of a known version");
  if (config->wire && config->wire != wire)
    return mtc_fail(error, MTC_INPUT, "a CA certificate of %s, but the one before it is of %s",
                    wire->name, config->wire->name);
  mtc_status status = mtc_ca_certificate_parse(wire, mtc_span_of_bytes(der), &ca->params, error);
  if (status) return status;
  if (config->algorithm && config->algorithm != ca->params.algorithm)
    return mtc_fail(error, MTC_INPUT, "a CA key of %s where %s is configured",
                    mtc_algorithm_name(ca->params.algorithm),
                    mtc_algorithm_name(config->algorithm));
  config->wire = wire;
  config->algorithm = ca->params.algorithm;
  const struct inner_algorithm *inner = inner_find(config->algorithm);
  ca->key = inner ? inner_key_of_spki(inner, ca->params.public_key) : NULL;
  if (!ca->key) return mtc_fail(error, MTC_INPUT, "libcrypto cannot use the CA's key");
  ca->der = *der;
  *der = (struct mtc_bytes){0};
  config->num_cas++;
  return MTC_OK;
}

static mtc_status add_cas(struct config *config, const char *path, struct mtc_error *error) {
  struct mtc_bytes file = {0};
  struct mtc_span label;
  mtc_status status = mtc_file_read(path, MAX_FILE_LEN, &file, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file)), ahead = reader;
  while (!status && mtc_pem_next_label(&ahead, &label)) {
    struct mtc_bytes der = {0};
    bool is_certificate = mtc_span_equal(label, mtc_span_of_text("CERTIFICATE"));
    status = mtc_pem_next(&reader, NULL, &der, error);
    if (!status && is_certificate) status = add_ca(config, &der, error);
    mtc_bytes_free(&der);
    ahead = reader;
  }
  mtc_bytes_free(&file);
  if (!status && config->num_cas == 0)
    status = mtc_fail(error, MTC_INPUT, "it holds no certificate in PEM");
  return status ? mtc_fail_within(error, status, "ca_certificates %s", path) : MTC_OK;
}

static mtc_status read_switch(const char *name, const char *text, bool *out,
                              struct mtc_error *error) {
  if (!text) return MTC_OK;
  *out = strcmp(text, "on") == 0;
  if (*out || strcmp(text, "off") == 0) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "%s is \"%s\", neither on nor off", name, text);
}

static mtc_status read_reload(const char *text, int64_t *out_ms, struct mtc_error *error) {
  uint64_t reload_s = DEFAULT_RELOAD_S;
  if (text && (!mtc_parse_decimal(mtc_span_of_text(text), MAX_RELOAD_S, &reload_s) || !reload_s))
    return mtc_fail(error, MTC_INPUT, "reload_s is \"%s\", not 1 to %d", text, MAX_RELOAD_S);
  *out_ms = (int64_t)reload_s * 1000;
  return MTC_OK;
}

/* CA-ID:LOG:FILE, several between commas */
static mtc_status split_landmarks(struct config *config, struct mtc_error *error) {
  char *rest = config->landmarks_text;
  for (char *one; (one = strsep(&rest, ",")) != NULL;) {
    while (*one == ' ')
      one++;
    if (config->num_landmarks == CONFIG_MAX_LANDMARKS)
      return mtc_fail(error, MTC_INPUT, "landmarks: more than %d", CONFIG_MAX_LANDMARKS);
    config->landmarks[config->num_landmarks++] = one;
  }
  if ((config->num_landmarks > 0) != (config->subtrees != NULL))
    return mtc_fail(error, MTC_INPUT, "landmarks and subtrees go together");
  return MTC_OK;
}

static mtc_status copy(const char *text, char **out) {
  if (text && !(*out = mtc_strdup(text))) return MTC_NOMEM;
  return MTC_OK;
}

static mtc_status read_algorithm(struct config *config, const char *text, struct mtc_error *error) {
  if (!text) return MTC_OK;
  config->algorithm = mtc_algorithm_find(text);
  if (config->algorithm) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "key_algorithm is \"%s\": none that a CA key can have", text);
}

static mtc_status read_section(struct provider *provider, struct config *config,
                               struct mtc_error *error) {
  char *ca_certificates = NULL, *policy = NULL, *landmarks = NULL, *subtrees = NULL;
  char *socket = NULL, *algorithm = NULL, *critical = NULL, *reload = NULL, *mtcd = NULL;
  OSSL_PARAM params[] = {OSSL_PARAM_utf8_ptr("ca_certificates", &ca_certificates, 0),
                         OSSL_PARAM_utf8_ptr("policy", &policy, 0),
                         OSSL_PARAM_utf8_ptr("landmarks", &landmarks, 0),
                         OSSL_PARAM_utf8_ptr("subtrees", &subtrees, 0),
                         OSSL_PARAM_utf8_ptr("socket", &socket, 0),
                         OSSL_PARAM_utf8_ptr("mtcd", &mtcd, 0),
                         OSSL_PARAM_utf8_ptr("key_algorithm", &algorithm, 0),
                         OSSL_PARAM_utf8_ptr("critical_extension", &critical, 0),
                         OSSL_PARAM_utf8_ptr("reload_s", &reload, 0),
                         OSSL_PARAM_END};
  if (!provider->core.get_params(provider->core.handle, params))
    return mtc_fail(error, MTC_INPUT, "libcrypto does not give the provider's parameters");
  mtc_status status = read_algorithm(config, algorithm, error);
  if (!status)
    status = read_switch("critical_extension", critical, &config->checks_critical, error);
  if (!status) status = read_reload(reload, &config->reload_ms, error);
  if (!status) status = copy(policy, &config->policy);
  if (!status) status = copy(subtrees, &config->subtrees);
  if (!status) status = copy(socket, &config->socket);
  if (!status) status = copy(mtcd ? mtcd : MTC_DAEMON, &config->mtcd);
  if (!status) status = copy(landmarks, &config->landmarks_text);
  if (!status) status = split_landmarks(config, error);
  if (!status && ca_certificates) status = add_cas(config, ca_certificates, error);
  return status;
}

static bool make_operations(struct config *config) {
  struct operations *operations = &config->operations;
  const struct inner_algorithm *inner = config->inner;
  if (!inner) return false;
  operations->keymgmt = keymgmt_dispatch(inner);
  operations->signature = signature_dispatch(inner);
  if (!operations->keymgmt || !operations->signature) return false;
  operations->keymgmt_algorithms[0] =
      (OSSL_ALGORITHM){inner->keymgmt_names, "provider=mtc", operations->keymgmt, NULL};
  operations->signature_algorithms[0] =
      (OSSL_ALGORITHM){inner->signature_names, "provider=mtc", operations->signature, NULL};
  operations->signature_algorithms[1] =
      (OSSL_ALGORITHM){PROVIDER_SIGNATURE, "provider=mtc", operations->signature, NULL};
  operations->decoder_algorithms[0] = (OSSL_ALGORITHM){
      inner->keymgmt_names, "provider=mtc,input=der,structure=SubjectPublicKeyInfo",
      decoder_dispatch(), NULL};
  operations->store_algorithms[0] = (OSSL_ALGORITHM){"mtc", "provider=mtc", store_dispatch(), NULL};
  return true;
}

/* A section that is wrong gives a provider that refuses with the reason: nothing could be said
 * earlier, and without the provider the certificates would be refused without one. */
static struct config *make(struct provider *provider) {
  struct config *config = mtc_alloc(1, sizeof *config);
  if (!config) return NULL;
  config->checks_critical = true;
  OSSL_LIB_CTX *before = inner_enter();
  config->status = read_section(provider, config, &config->error);
  inner_leave(before);
  if (!config->algorithm) config->algorithm = MTC_ALGORITHM_MLDSA44;
  config->inner = inner_find(config->algorithm);
  if (!make_operations(config)) {
    config_free(config);
    return NULL;
  }
  for (int i = MTC_WIRE_PLANTS_05; !provider->stands_aside && i <= MTC_WIRE_PLANTS_07; i++)
    objects_register(&provider->core, mtc_wire_get((enum mtc_wire_version)i),
                     config->inner->object_name);
  return config;
}

const struct config *config_get(struct provider *provider) {
  bool is_new = false;
  pthread_mutex_lock(&provider->lock);
  if (!provider->config) {
    provider->config = make(provider);
    is_new = provider->config != NULL;
  }
  const struct config *config = provider->config;
  pthread_mutex_unlock(&provider->lock);
  if (is_new && !provider->stands_aside && config->checks_critical) critical_add(provider);
  return config;
}

void config_free(struct config *config) {
  if (!config) return;
  for (size_t i = 0; i < config->num_cas; i++)
    config->inner->keymgmt.free_key(config->cas[i].key);
  for (size_t i = 0; i < config->num_cas; i++)
    mtc_bytes_free(&config->cas[i].der);
  mtc_free(config->policy);
  mtc_free(config->subtrees);
  mtc_free(config->socket);
  mtc_free(config->mtcd);
  mtc_free(config->landmarks_text);
  mtc_free(config->operations.keymgmt);
  mtc_free(config->operations.signature);
  mtc_free(config);
}

bool config_is_ca_key(const struct config *config, const void *key) {
  for (size_t i = 0; i < config->num_cas; i++) {
    if (config->inner->keymgmt.match(config->cas[i].key, key, OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 1)
      return true;
  }
  return false;
}

const struct config_ca *config_find_ca(const struct config *config, const struct mtc_tai *ca_id) {
  for (size_t i = 0; i < config->num_cas; i++) {
    if (mtc_tai_compare(&config->cas[i].params.ca_id, ca_id) == 0) return &config->cas[i];
  }
  return NULL;
}
