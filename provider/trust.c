#include "provider/trust.h"

#include "mtc/runtime.h"
#include "provider/config.h"

#define MAX_POLICY_LEN (1u << 24)

struct trust {
  atomic_int num_users;
  int64_t loaded_ms;
  mtc_status status; /* of loading: nothing is accepted unless it is MTC_OK */
  struct mtc_error error;
  struct mtc_verifier *verifier;
};

static mtc_status load(const struct config *config, struct trust *trust, struct mtc_error *error) {
  struct mtc_bytes policy = {0};
  if (config->status) return mtc_fail(error, config->status, "%s", config->error.text);
  if (!config->wire) return mtc_fail(error, MTC_INPUT, "no ca_certificates are configured");
  mtc_status status = mtc_verifier_open(config->wire, &trust->verifier);
  for (size_t i = 0; !status && i < config->num_cas; i++)
    status = mtc_verifier_add_ca(trust->verifier, mtc_span_of_bytes(&config->cas[i].der), error);
  if (!status && config->policy) {
    status = mtc_file_read(config->policy, MAX_POLICY_LEN, &policy, error);
    if (!status)
      status = mtc_verifier_add_policy(trust->verifier, config->policy, mtc_span_of_bytes(&policy),
                                       error);
    mtc_bytes_free(&policy);
  }
  if (!status && config->subtrees)
    status = mtc_verifier_load_subtrees(trust->verifier, config->wire, config->landmarks,
                                        config->num_landmarks, config->subtrees,
                                        mtc_clock_now_ms() / 1000, error);
  return status;
}

void trust_free(struct trust *trust) {
  if (!trust || atomic_fetch_sub(&trust->num_users, 1) > 1) return;
  mtc_verifier_close(trust->verifier);
  mtc_free(trust);
}

/* The caller releases what it gets with trust_free; NULL when out of memory. */
static struct trust *get(struct provider *provider, const struct config *config) {
  int64_t now_ms = mtc_clock_monotonic_ms();
  pthread_mutex_lock(&provider->lock);
  struct trust *trust = provider->trust;
  if (!trust || now_ms - trust->loaded_ms >= config->reload_ms) {
    trust = mtc_alloc(1, sizeof *trust);
    if (trust) {
      trust->loaded_ms = now_ms;
      trust->num_users = 1;
      trust->status = load(config, trust, &trust->error);
      trust_free(provider->trust);
      provider->trust = trust;
    }
  }
  if (trust) atomic_fetch_add(&trust->num_users, 1);
  pthread_mutex_unlock(&provider->lock);
  return trust;
}

mtc_status trust_check(struct provider *provider, struct mtc_span certificate,
                       struct mtc_verification *out, struct mtc_error *error) {
  struct mtc_certificate parsed;
  const struct config *config = config_get(provider);
  if (!config) return MTC_NOMEM;
  OSSL_LIB_CTX *before = inner_enter();
  struct trust *trust = get(provider, config);
  mtc_status status = trust ? trust->status : MTC_NOMEM;
  if (!trust) {
    inner_leave(before);
    return status;
  }
  if (status) {
    status = mtc_fail(error, status, "%s",
                      trust->error.text[0] ? trust->error.text : mtc_status_name(status));
  } else {
    struct mtc_error ignored;
    int64_t now_s = mtc_certificate_parse(certificate, &parsed, &ignored) ? 0 : parsed.not_before;
    status = mtc_verifier_check(trust->verifier, certificate, now_s, out);
  }
  trust_free(trust);
  inner_leave(before);
  return status;
}
