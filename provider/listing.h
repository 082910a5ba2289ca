/* What a store shows that is neither key nor certificate: names of URIs, with text behind them. */
#ifndef MTC_PROVIDER_LISTING_H
#define MTC_PROVIDER_LISTING_H

#include "provider/store.h"

struct listing_item {
  struct mtc_bytes uri, text; /* zero-terminated */
};

struct listing {
  struct listing_item *items;
  size_t num_items;
};

/*
 * listing_make lists what the URI asks for: behind a CA certificate the URIs of the checkpoint and
 * of the landmarks; of those the signed note, or a line a landmark, newest first.
 *
 * Output:   free with listing_free, on errors too.
 * Errors:   what the daemon says; IO when its answer is malformed; NOMEM.
 */
mtc_status listing_make(const struct issuer *issuer, const struct store_uri *uri,
                        struct listing *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * listing_free releases the items.
 */
void listing_free(struct listing *listing);

#endif
