/* Bounded readers and builders of bytes: every wire format is read and written through these. */
#ifndef MTC_BYTES_H
#define MTC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mtc/status.h"

/* Borrowed bytes; whoever made the span says how long they live. */
struct mtc_span {
  const uint8_t *data;
  size_t len;
};

/* Bytes being built. Zeroed is empty and valid; `failed` sticks, so only the end needs a check. */
struct mtc_bytes {
  uint8_t *data;
  size_t len;
  size_t capacity;
  bool failed;
};

/* A span that is consumed from the front. Reads past the end return false and consume nothing. */
struct mtc_reader {
  const uint8_t *data;
  size_t len;
};

/*
 * mtc_span_of makes a span of `len` bytes at `data`.
 */
struct mtc_span mtc_span_of(const void *data, size_t len);

/*
 * mtc_span_of_text makes a span of a string without its terminating zero.
 */
struct mtc_span mtc_span_of_text(const char *text);

/*
 * mtc_span_of_bytes makes a span of what was built; it dies with the next append.
 */
struct mtc_span mtc_span_of_bytes(const struct mtc_bytes *bytes);

/*
 * mtc_span_equal compares length and content (not in constant time: no secrets).
 */
bool mtc_span_equal(struct mtc_span a, struct mtc_span b);

/*
 * mtc_bytes_free releases the memory and leaves `bytes` empty and reusable.
 */
void mtc_bytes_free(struct mtc_bytes *bytes);

/*
 * mtc_bytes_wipe overwrites the content with zeros and then frees it: for secrets.
 */
void mtc_bytes_wipe(struct mtc_bytes *bytes);

/*
 * mtc_bytes_clear sets the length to zero and `failed` to false; the memory stays.
 */
void mtc_bytes_clear(struct mtc_bytes *bytes);

/*
 * mtc_bytes_status tells whether every append succeeded.
 *
 * Errors:   NOMEM when an allocation failed or a length prefix overflowed since the last clear.
 */
mtc_status mtc_bytes_status(const struct mtc_bytes *bytes) MTC_MUST_CHECK;

/*
 * mtc_bytes_reserve makes room for `len` more bytes.
 *
 * Output:   a pointer to the room (not yet counted in `len`), NULL when out of memory (`failed`).
 */
uint8_t *mtc_bytes_reserve(struct mtc_bytes *bytes, size_t len);

/* mtc_bytes_append* append raw bytes, a span, a string without its zero, or formatted text. */
void mtc_bytes_append(struct mtc_bytes *bytes, const void *data, size_t len);
/* Appends a span; see above. */
void mtc_bytes_append_span(struct mtc_bytes *bytes, struct mtc_span span);
/* Appends a string without its zero; see above. */
void mtc_bytes_append_text(struct mtc_bytes *bytes, const char *text);
/* Appends formatted text without its zero; see above. */
void mtc_bytes_append_format(struct mtc_bytes *bytes, const char *format, ...) MTC_PRINTF(2, 3);

/*
 * mtc_bytes_append_uint appends `value` as a big-endian integer of `width` bytes (1..8).
 *
 * Requires: `value` fits; a value that does not sets `failed`.
 */
void mtc_bytes_append_uint(struct mtc_bytes *bytes, uint64_t value, unsigned width);

/*
 * mtc_bytes_open_prefix appends room for a length prefix of `width` bytes (1..4), which
 * mtc_bytes_close_prefix fills with the number of bytes appended since.
 *
 * Output:   the position to pass to mtc_bytes_close_prefix. Prefixes nest.
 * Errors:   a length that does not fit `width` sets `failed`.
 */
size_t mtc_bytes_open_prefix(struct mtc_bytes *bytes, unsigned width);
/* Fills the prefix that mtc_bytes_open_prefix reserved at `position`; see there. */
void mtc_bytes_close_prefix(struct mtc_bytes *bytes, size_t position, unsigned width);

/*
 * mtc_bytes_append_prefixed appends a length prefix of `width` bytes and then `span`.
 */
void mtc_bytes_append_prefixed(struct mtc_bytes *bytes, struct mtc_span span, unsigned width);

/*
 * mtc_bytes_append_hex appends lower-case hexadecimal; _base64 standard base64 with padding.
 */
void mtc_bytes_append_hex(struct mtc_bytes *bytes, struct mtc_span span);
/* Appends standard base64 with padding, no line breaks; see above. */
void mtc_bytes_append_base64(struct mtc_bytes *bytes, struct mtc_span span);

/*
 * mtc_bytes_append_decoded_base64 decodes strict base64 (padding required, canonical, no white
 * space) and appends the bytes.
 *
 * Errors:   INPUT, nothing appended.
 */
mtc_status mtc_bytes_append_decoded_base64(struct mtc_bytes *bytes,
                                           struct mtc_span text) MTC_MUST_CHECK;

/*
 * mtc_bytes_append_decoded_hex decodes hexadecimal of either case and appends the bytes.
 *
 * Errors:   INPUT, nothing appended.
 */
mtc_status mtc_bytes_append_decoded_hex(struct mtc_bytes *bytes,
                                        struct mtc_span text) MTC_MUST_CHECK;

/*
 * mtc_reader_of starts reading `span`.
 */
struct mtc_reader mtc_reader_of(struct mtc_span span);

/*
 * mtc_read_uint reads a big-endian integer of `width` bytes (1..8).
 *
 * Errors:   false when fewer bytes are left; nothing is consumed.
 */
bool mtc_read_uint(struct mtc_reader *reader, unsigned width, uint64_t *out_value) MTC_MUST_CHECK;

/*
 * mtc_read_span reads `len` bytes as a span into the input.
 *
 * Errors:   false when fewer bytes are left; nothing is consumed.
 */
bool mtc_read_span(struct mtc_reader *reader, size_t len, struct mtc_span *out) MTC_MUST_CHECK;

/*
 * mtc_read_prefixed reads a length of `width` bytes (1..4) and then that many bytes.
 *
 * Errors:   false when the input ends too early; nothing is consumed.
 */
bool mtc_read_prefixed(struct mtc_reader *reader, unsigned width,
                       struct mtc_span *out) MTC_MUST_CHECK;

/*
 * mtc_read_line reads up to the next LF (consumed, not part of `out`).
 *
 * Errors:   false when there is no LF; nothing is consumed.
 */
bool mtc_read_line(struct mtc_reader *reader, struct mtc_span *out) MTC_MUST_CHECK;

/*
 * mtc_parse_decimal parses an ASCII decimal number without sign or leading zeros.
 *
 * Errors:   false when empty, not a number, a superfluous zero, or above `max`.
 */
bool mtc_parse_decimal(struct mtc_span text, uint64_t max, uint64_t *out_value) MTC_MUST_CHECK;

#endif
