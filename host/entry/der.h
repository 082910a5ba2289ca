/* Strict DER: a bounded reader, a checker, a builder. Private to host/entry. */
#ifndef MTC_ENTRY_DER_H
#define MTC_ENTRY_DER_H

#include "mtc/bytes.h"

enum mtc_der_tag {
  MTC_DER_BOOLEAN = 0x01,
  MTC_DER_INTEGER = 0x02,
  MTC_DER_BIT_STRING = 0x03,
  MTC_DER_OCTET_STRING = 0x04,
  MTC_DER_OID = 0x06,
  MTC_DER_UTF8_STRING = 0x0c,
  MTC_DER_RELATIVE_OID = 0x0d,
  MTC_DER_IA5_STRING = 0x16,
  MTC_DER_UTC_TIME = 0x17,
  MTC_DER_GENERALIZED_TIME = 0x18,
  MTC_DER_SEQUENCE = 0x30,
  MTC_DER_SET = 0x31,
};

/* One element: its tag octet, the whole TLV and its contents. */
struct mtc_der {
  uint8_t tag;
  struct mtc_span tlv;
  struct mtc_span contents;
};

/*
 * mtc_der_next reads the next element of any tag below 31.
 *
 * Errors:   false, nothing consumed: truncated, indefinite or non-minimal length, high tag number.
 */
bool mtc_der_next(struct mtc_reader *reader, struct mtc_der *out) MTC_MUST_CHECK;

/*
 * mtc_der_read reads the next element, which must have `tag`; mtc_der_next_is looks at the tag.
 */
bool mtc_der_read(struct mtc_reader *reader, uint8_t tag, struct mtc_der *out) MTC_MUST_CHECK;
/* Tells whether the next tag octet is `tag`. */
bool mtc_der_next_is(const struct mtc_reader *reader, uint8_t tag);

/*
 * mtc_der_enter starts reading the contents of a constructed element.
 */
struct mtc_reader mtc_der_enter(const struct mtc_der *element);

/*
 * mtc_der_whole reads `span` as exactly one element with `tag` and nothing after it.
 */
bool mtc_der_whole(struct mtc_span span, uint8_t tag, struct mtc_der *out) MTC_MUST_CHECK;

/*
 * mtc_der_check walks everything inside `span` (one or more elements): lengths, BOOLEAN, INTEGER,
 * BIT STRING, NULL and OBJECT IDENTIFIER contents, UTF8String, whole characters of BMPString and
 * UniversalString, the order of SET elements; at most 16 deep.
 *
 * Errors:   false for anything that is not DER.
 */
bool mtc_der_check(struct mtc_span span) MTC_MUST_CHECK;

/*
 * mtc_der_named_bits reads the first octet of a BIT STRING with named bits, as keyUsage is one.
 *
 * Errors:   false: no bit is set, or zero bits stand at the end, which DER leaves out.
 */
bool mtc_der_named_bits(struct mtc_span contents, uint8_t *out_first) MTC_MUST_CHECK;

/*
 * mtc_der_uint reads an INTEGER's contents as a number.
 *
 * Errors:   false when negative, not minimal, or above 2^64-1.
 */
bool mtc_der_uint(struct mtc_span contents, uint64_t *out) MTC_MUST_CHECK;

/*
 * mtc_der_time reads a UTCTime or GeneralizedTime as RFC 5280 wants it, to POSIX seconds.
 *
 * Errors:   false: fractions, no Z, impossible dates, GeneralizedTime before 2050.
 */
bool mtc_der_time(const struct mtc_der *element, int64_t *out_posix_s) MTC_MUST_CHECK;

/*
 * mtc_der_open starts an element whose length mtc_der_close fills in; they nest.
 */
size_t mtc_der_open(struct mtc_bytes *bytes, uint8_t tag);
/* Ends the element that mtc_der_open started at `position`. */
void mtc_der_close(struct mtc_bytes *bytes, size_t position);

/*
 * mtc_der_append appends a primitive element; _append_uint an INTEGER; _append_time a UTCTime or,
 * from 2050 on, a GeneralizedTime.
 */
void mtc_der_append(struct mtc_bytes *bytes, uint8_t tag, struct mtc_span contents);
/* Appends a non-negative INTEGER; see above. */
void mtc_der_append_uint(struct mtc_bytes *bytes, uint64_t value);
/* Appends a time of years 1950 to 9999 (outside them `failed` is set); see above. */
void mtc_der_append_time(struct mtc_bytes *bytes, int64_t posix_s);

/*
 * mtc_der_append_oid appends an OBJECT IDENTIFIER from dotted text.
 *
 * Errors:   INPUT when it is not one.
 */
mtc_status mtc_der_append_oid(struct mtc_bytes *bytes, const char *dotted) MTC_MUST_CHECK;

#endif
