/* The provider's entries on libcrypto's error stack. */
#include <stdarg.h>

#include "provider/provider.h"

#define NUM_VERDICTS (MTC_VERDICT_EXPIRED + 1)

static const struct {
  enum reason reason;
  const char *text;
} own[] = {
    {REASON_CONFIGURATION, "the provider's configuration is wrong"},
    {REASON_DAEMON, "the daemon cannot be asked"},
    {REASON_REFUSED, "the CA refuses the certificate"},
    {REASON_NO_CERTIFICATE, "an issuing key signs certificates alone, and the CA key itself CRLs"},
    {REASON_RAW_SIGNATURE, "a TBSCertificate signed by an MTC CA's key without a log"},
    {REASON_OTHER_KEY, "the key is not that of the issuing CA"},
    {REASON_PRIVATE_KEY, "the issuing key stays where it is"},
    {REASON_OPTION, "an option is wrong"},
    {REASON_LANDMARK, "there is no landmark-relative certificate yet"},
    {REASON_ONE_SHOT, "MTC signatures are made and verified in one piece"},
    {REASON_URI, "the mtc: URI is wrong"},
    {REASON_MEMORY, "out of memory"},
};
#define NUM_OWN (sizeof own / sizeof own[0])

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_ITEM all[NUM_VERDICTS + NUM_OWN + 1];

/* libcrypto's type has no const, and libcrypto does not write. */
static void *unqualified(const char *text) {
  union {
    const char *text;
    void *item;
  } both = {text};
  return both.item;
}

static void collect(void) {
  for (unsigned i = 0; i < NUM_VERDICTS; i++)
    all[i] = (OSSL_ITEM){REASON_VERDICT + i, unqualified(mtc_verdict_text((enum mtc_verdict)i))};
  for (size_t i = 0; i < NUM_OWN; i++)
    all[NUM_VERDICTS + i] = (OSSL_ITEM){own[i].reason, unqualified(own[i].text)};
}

const OSSL_ITEM *provider_reason_strings(void) {
  pthread_once(&once, collect);
  return all;
}

int provider_raise(const struct provider *provider, enum reason reason, const char *format, ...) {
  const struct core *core = &provider->core;
  va_list arguments;
  if (!core->new_error || !core->vset_error) return 0;
  core->new_error(core->handle);
  if (core->set_error_debug) core->set_error_debug(core->handle, "mtc", 0, "mtc");
  va_start(arguments, format);
  core->vset_error(core->handle, (uint32_t)reason, format, arguments);
  va_end(arguments);
  return 0;
}

int provider_raise_error(const struct provider *provider, enum reason reason, mtc_status status,
                         const struct mtc_error *error) {
  return provider_raise(provider, status == MTC_NOMEM ? REASON_MEMORY : reason, "%s",
                        error && error->text[0] ? error->text : mtc_status_name(status));
}
