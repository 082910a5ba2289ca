/* CAA record sets: what is decided does not hang on the order, and nobody is let in who is not
 * named. */
#include "acme/caa.h"
#include "fuzz/fuzz.h"

#define MAX_RECORDS 16u

static const char *const identities[] = {"ca.example"};

static const char *decide(const struct mtc_span *records, unsigned num, bool wildcard, bool named) {
  struct acme_caa_request request = {.wildcard = wildcard,
                                     .method = "dns-01",
                                     .account_uri = "https://acme.example/account/7",
                                     .identities = identities,
                                     .num_identities = named ? 1 : 0};
  const char *why = acme_caa_decide(records, num, &request);
  assert(!why || why[0]);
  return why;
}

/* A tag as the RFC compares them, spelt out here for itself. */
static bool is_tag(struct mtc_span tag, const char *name) {
  if (tag.len != strlen(name)) return false;
  for (size_t i = 0; i < tag.len; i++) {
    uint8_t c = tag.data[i];
    if (c >= 'A' && c <= 'Z') c = (uint8_t)(c | 0x20);
    if (c != (uint8_t)name[i]) return false;
  }
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of(data, len));
  struct mtc_span records[MAX_RECORDS + 1], reversed[MAX_RECORDS];
  bool wildcard = take_uint(&reader, 1) & 1, restricted = false, broken = false, wild = false;
  unsigned num = 0;
  while (reader.len > 0 && num < MAX_RECORDS)
    records[num++] = take_bytes(&reader);
  for (unsigned i = 0; i < num; i++) {
    struct acme_caa_property property;
    reversed[num - 1 - i] = records[i];
    if (!acme_caa_read(records[i], &property)) {
      broken = true;
      continue;
    }
    assert(property.tag.len > 0);
    assert_inside(records[i], property.tag);
    assert_inside(records[i], property.value);
    assert(property.tag.len + property.value.len + 2 == records[i].len);
    bool is_wild = is_tag(property.tag, "issuewild");
    wild = wild || is_wild;
    restricted = restricted || is_tag(property.tag, "issue") || (wildcard && is_wild);
  }
  if (num == 0) return 0;
  const char *why = decide(records, num, wildcard, true);
  const char *nobody = decide(records, num, wildcard, false);
  assert(!why == !decide(reversed, num, wildcard, true));
  if (broken) assert(why);
  if (why) assert(nobody);
  if (restricted) assert(nobody);
  if (!why && !restricted) assert(!nobody);
  /* One more record that names the CA takes no permission away, and gives it unless something
   * forbids whatever stands beside it. */
  static const uint8_t ours[] = "\0\5issueca.example";
  records[num] = mtc_span_of(ours, sizeof ours - 1);
  const char *more = decide(records, num + 1, wildcard, true);
  if (!why || (!nobody && !wild)) assert(!more);
  if (more && !(wildcard && wild)) assert(why == more);
  return 0;
}
