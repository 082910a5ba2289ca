/* URIs of the store: where a CA is, and what of it is asked for. */
#ifndef MTC_PROVIDER_STORE_H
#define MTC_PROVIDER_STORE_H

#include "provider/issuer.h"

enum store_object {
  STORE_CA,
  STORE_STANDALONE,
  STORE_LANDMARK,
  STORE_CHECKPOINT,
  STORE_LANDMARKS,
  STORE_NOTHING, /* a part of something, which was shown with it */
};

struct store_uri {
  char socket[ISSUER_MAX_PATH]; /* empty: the configured one */
  char ca_id[MTC_TAI_MAX_TEXT]; /* empty: whoever answers */
  enum store_object object;
  uint64_t serial;
};

/*
 * store_parse_uri reads "mtc:", "mtc://CA-ID" or "mtc:///PATH", and behind it "?serial=N", where N
 * is a decimal number, 0x and a hexadecimal one, or LOG:INDEX, and "&kind=standalone|landmark"; or
 * "?checkpoint" or "?landmarks". Behind these "#" and any text names a part of it.
 *
 * Errors:   INPUT naming the part.
 */
mtc_status store_parse_uri(const char *uri, struct store_uri *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

#endif
