/* A validator over a DNS server of this test's own, and validations that are waited for. */
#ifndef VALIDATE_FIXTURE_H
#define VALIDATE_FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "acme/address.h"
#include "acme/validate.h"
#include "mtc/runtime.h"
#include "support/knotd.h"

#define TOKEN "DGyRejmCefe7v4NfDGDKfA"
#define KEY_AUTHORIZATION TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define ACCOUNT "https://acme.example/account/7"

struct waited {
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  unsigned num_done;
  struct acme_validation_result result; /* the last one */
};

static inline void waited_done(void *context, const struct acme_validation_result *result) {
  struct waited *waited = context;
  (void)pthread_mutex_lock(&waited->mutex);
  waited->result = *result;
  waited->num_done++;
  (void)pthread_cond_broadcast(&waited->cond);
  (void)pthread_mutex_unlock(&waited->mutex);
}

static inline void wait_until_done(struct waited *waited, unsigned num) {
  (void)pthread_mutex_lock(&waited->mutex);
  while (waited->num_done < num)
    (void)pthread_cond_wait(&waited->cond, &waited->mutex);
  (void)pthread_mutex_unlock(&waited->mutex);
}

#define WAITED {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER}

static inline struct acme_validation validation_of(enum acme_challenge_type type,
                                                   const char *name) {
  struct acme_validation validation = {
      .type = type, .token = TOKEN, .key_authorization = KEY_AUTHORIZATION, .account_uri = ACCOUNT};
  struct acme_address address;
  validation.identifier.type = acme_address_parse(name, &address) ? ACME_IP_ADDRESS : ACME_DNS_NAME;
  (void)snprintf(validation.identifier.value, sizeof validation.identifier.value, "%s", name);
  return validation;
}

static inline struct acme_validation_result validate_it(struct acme_validator *validator,
                                                        const struct acme_validation *validation) {
  struct waited waited = WAITED;
  assert_int_equal(acme_validator_submit(validator, validation, waited_done, &waited), MTC_OK);
  wait_until_done(&waited, 1);
  return waited.result;
}

static inline void check_result(const struct acme_validation_result *result,
                                enum acme_problem_type wanted, const char *text, int line) {
  if (result->problem != wanted || (text && !strstr(result->detail, text)))
    fail_msg("line %d: problem %s, detail \"%s\"; wanted %s, \"%s\"", line,
             acme_problem_urn(result->problem), result->detail, acme_problem_urn(wanted),
             text ? text : "");
  for (const char *c = result->detail; *c; c++)
    assert_true(*c >= 0x20 && *c < 0x7f);
}

#define expect_result(validator, validation, problem, text)                 \
  do {                                                                      \
    struct acme_validation_result got = validate_it(validator, validation); \
    check_result(&got, problem, text, __LINE__);                            \
  } while (0)

static inline struct acme_validator *open_validator(const struct acme_validator_options *options) {
  struct mtc_error error = {0};
  struct acme_validator *validator = NULL;
  if (acme_validator_open(options, &validator, &error)) fail_msg("%s", error.text);
  return validator;
}

#endif
