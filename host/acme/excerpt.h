/* Pieces of what a stranger sent, fit to be shown to a person. */
#ifndef ACME_EXCERPT_H
#define ACME_EXCERPT_H

#include "mtc/bytes.h"

#define ACME_EXCERPT_LEN 132u

/*
 * acme_excerpt writes the beginning of `bytes`: printable ASCII as it is (but quotes and
 * backslashes), the rest as \xNN, "..." where it is cut.
 */
void acme_excerpt(struct mtc_span bytes, char out[ACME_EXCERPT_LEN]);

/*
 * acme_excerpt_text does so with a string; NULL counts as "".
 */
void acme_excerpt_text(const char *text, char out[ACME_EXCERPT_LEN]);

#endif
