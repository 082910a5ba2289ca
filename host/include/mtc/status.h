/* Status codes and error texts: what every fallible function of libmtc returns. */
#ifndef MTC_STATUS_H
#define MTC_STATUS_H

#define MTC_MUST_CHECK __attribute__((warn_unused_result))
#define MTC_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

/* A code answers: what may the caller do now? */
typedef enum {
  MTC_OK = 0,
  MTC_INPUT,   /* reject the request: it will never succeed as it is */
  MTC_BUSY,    /* nothing changed: try again later */
  MTC_NOMEM,   /* out of memory: nothing changed */
  MTC_IO,      /* storage or network failed: retry later */
  MTC_DEVICE,  /* the card failed: rerun the batch in software */
  MTC_TOKEN,   /* the HSM or its signer process failed: reopen */
  MTC_CORRUPT, /* stored bytes contradict each other: quarantine */
  MTC_FATAL,   /* durable state unknown: stop and recover */
} mtc_status;

/* The text for a person that goes with a status; text[0] == 0 when there is none. */
struct mtc_error {
  char text[768];
};

/*
 * mtc_status_name returns the code's name in lower case ("input", "busy", ...).
 *
 * Errors:   none; an unknown code gives "unknown".
 */
const char *mtc_status_name(mtc_status status);

/*
 * mtc_fail writes a formatted text to `error` and returns `status`.
 *
 * Requires: the text says what was wrong, where, and with which value. `error` may be NULL.
 * Output:   a text that does not fit is cut at 767 bytes.
 */
mtc_status mtc_fail(struct mtc_error *error, mtc_status status, const char *format, ...)
    MTC_PRINTF(3, 4);

/*
 * mtc_fail_within puts "context: " before the text already in `error` and returns `status`.
 *
 * Requires: called on the way out by code that knows the file, line or index. `error` may be NULL.
 */
mtc_status mtc_fail_within(struct mtc_error *error, mtc_status status, const char *format, ...)
    MTC_PRINTF(3, 4);

/* Both return what they are given, which the static analyser cannot see across files. */
#ifdef __clang_analyzer__
#define mtc_fail(error, status, ...) ((void)mtc_fail(error, status, __VA_ARGS__), (status))
#define mtc_fail_within(error, status, ...) \
  ((void)mtc_fail_within(error, status, __VA_ARGS__), (status))
#endif

#endif
