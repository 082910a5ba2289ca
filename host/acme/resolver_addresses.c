/* The addresses of a host, as far as a validation may connect to them. */
#include <string.h>

#include "acme/resolver.h"
#include "mtc/runtime.h"

/* Of eight, no family takes them all: a host with twenty IPv6 addresses is tried by IPv4, too. */
#define MAX_OF_FAMILY (ACME_MAX_ADDRESSES / 2)

struct search {
  const char *host;
  bool allow_private;
  struct acme_address *out;
  unsigned num;
  unsigned num_refused;
  char refused[ACME_ADDRESS_TEXT_LEN]; /* the first one */
  const char *why;
};

static void take(struct search *search, const struct acme_answer *answer, size_t address_len) {
  unsigned num = 0;
  for (unsigned i = 0; i < answer->num_records && num < MAX_OF_FAMILY; i++) {
    struct acme_address address;
    if (answer->records[i].len != address_len || !acme_address_of(answer->records[i], &address))
      continue;
    const char *why = search->allow_private ? NULL : acme_address_refusal(&address);
    if (!why) {
      search->out[search->num++] = address;
      num++;
    } else if (search->num_refused++ == 0) {
      acme_address_text(&address, search->refused);
      search->why = why;
    }
  }
}

enum acme_problem_type acme_resolve_addresses(struct acme_resolver *resolver, const char *host,
                                              bool allow_private, int64_t deadline_ms,
                                              struct acme_address out[ACME_MAX_ADDRESSES],
                                              unsigned *out_num, struct acme_problem *problem) {
  static const enum acme_record_type types[2] = {ACME_RECORD_AAAA, ACME_RECORD_A};
  static const size_t lengths[2] = {16, 4};
  struct search search = {.host = host, .allow_private = allow_private, .out = out};
  enum acme_problem_type failure = ACME_NONE;
  *out_num = 0;
  for (int i = 0; i < 2; i++) {
    struct acme_problem own = {0};
    struct acme_answer answer;
    /* Servers that never answer about one type leave half of the time for the other. */
    int64_t now = mtc_clock_monotonic_ms();
    int64_t until = i == 0 ? now + (deadline_ms - now) / 2 : deadline_ms;
    enum acme_problem_type found = acme_resolve(resolver, host, types[i], until, &answer, &own);
    bool bogus = answer.bogus;
    take(&search, &answer, lengths[i]);
    acme_answer_free(&answer);
    if (found && (!failure || bogus)) {
      failure = found;
      *problem = own;
    }
    if (bogus) return failure;
  }
  *out_num = search.num;
  if (search.num > 0) return ACME_NONE;
  if (failure) return failure;
  if (search.num_refused > 0)
    return acme_fail(problem, ACME_CONNECTION, "%s: its address %s is not connected to: %s", host,
                     search.refused, search.why);
  return acme_fail(problem, ACME_DNS, "%s: no A or AAAA record", host);
}
