/* The transcript of a key ceremony: a file of JSON lines, each bound to the one before it. */
#ifndef MTC_SIGN_TRANSCRIPT_H
#define MTC_SIGN_TRANSCRIPT_H

#include <jansson.h>

#include "mtc/digest.h"
#include "mtc/wire.h"

/*
 * A line is one JSON object in ASCII, without spaces, ended by LF:
 *
 *   {"line":2,"previous":"<hex>","time":"2026-01-31T12:00:00Z","event":"token",...,"digest":"<hex>"}
 *
 *   previous  SHA-256 of the line before without its LF; 64 zeros in the first
 *   digest    SHA-256 of this line up to the comma before "digest"
 *
 * so that a line that was changed is told from one that was moved, removed or put in. The last line
 * says "finished" or "failed". A finished one goes on, after "digest", with
 *
 *   ,"signature":"<base64>"}
 *
 * by the new key over MTC_TRANSCRIPT_CONTEXT and this line up to the comma before "signature".
 */
#define MTC_TRANSCRIPT_CONTEXT "mtc key ceremony transcript v1\n"
#define MTC_TRANSCRIPT_MAX_LEN (4u << 20)
#define MTC_TRANSCRIPT_MAX_LINE (512u << 10)

/* Events that a verifier looks into; the others are for people. */
#define MTC_EVENT_BEGIN "begin"                   /* file {text, sha256} */
#define MTC_EVENT_GENERATE "generate"             /* label, id: written before the key is made */
#define MTC_EVENT_PRIVATE_KEY "private_key"       /* attributes */
#define MTC_EVENT_PUBLIC_KEY "public_key"         /* algorithm, spki, sha256 */
#define MTC_EVENT_TEST_SIGNATURE "test_signature" /* message, signature */
#define MTC_EVENT_CA_CERTIFICATE "ca_certificate" /* der, sha256 */
#define MTC_EVENT_FINISHED "finished"
#define MTC_EVENT_FAILED "failed" /* text */

/* Where the lines go. */
struct mtc_transcript_sink {
  void *context;
  /* Appends durably. After an error any part of the line may be there. */
  mtc_status (*append)(void *context, struct mtc_span line, struct mtc_error *error);
  /* Takes back everything behind `len` bytes, durably. */
  mtc_status (*cut)(void *context, size_t len, struct mtc_error *error);
};

/* A transcript being written. */
struct mtc_transcript {
  struct mtc_transcript_sink sink;
  struct mtc_hash previous;
  uint64_t num_lines;
  size_t len;
  bool is_closed;
  bool is_broken; /* a line may be there in part: nothing can follow it */
};

/* Signs for the last line. */
struct mtc_transcript_signer {
  void *context;
  mtc_status (*sign)(void *context, struct mtc_span message, struct mtc_bytes *out,
                     struct mtc_error *error);
};

/*
 * mtc_transcript_start begins a transcript at the start of an empty sink.
 */
void mtc_transcript_start(struct mtc_transcript *transcript,
                          const struct mtc_transcript_sink *sink);

/*
 * mtc_transcript_append writes a line. `fields` is released; NULL (out of memory) fails.
 *
 * Output:   the line is durable, or it is taken back.
 * Errors:   IO; NOMEM; FATAL when it could not be taken back (nothing can be written any more).
 */
mtc_status mtc_transcript_append(struct mtc_transcript *transcript, const char *event,
                                 json_t *fields, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_transcript_finish writes the last line of a ceremony that succeeded, signed by the new key.
 *
 * Errors:   as mtc_transcript_append, and what the signer fails with; the transcript is open then.
 */
mtc_status mtc_transcript_finish(struct mtc_transcript *transcript,
                                 const struct mtc_transcript_signer *signer, json_t *fields,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_transcript_fail writes the last line of a ceremony that failed.
 *
 * Errors:   as mtc_transcript_append.
 */
mtc_status mtc_transcript_fail(struct mtc_transcript *transcript, json_t *fields,
                               struct mtc_error *error) MTC_MUST_CHECK;

enum mtc_transcript_state {
  MTC_TRANSCRIPT_TRUNCATED, /* no last line: the ceremony was cut off, or the file was */
  MTC_TRANSCRIPT_FAILED,
  MTC_TRANSCRIPT_FINISHED,
};

/* What an intact transcript says. Zeroed is none; free with mtc_transcript_report_free. */
struct mtc_transcript_report {
  enum mtc_transcript_state state;
  uint64_t num_lines;    /* whole ones */
  bool has_partial_line; /* after them */
  char last_event[64];
  char time[32];    /* of the last line */
  json_t *generate; /* the key that was to be made, NULL: it did not come to that */
  json_t *failure;  /* the fields of the line "failed" */
  enum mtc_algorithm algorithm;
  struct mtc_bytes public_key;     /* DER SubjectPublicKeyInfo; empty before that line */
  struct mtc_bytes ca_certificate; /* DER; empty before that line */
};

/*
 * mtc_transcript_verify checks a transcript: the chain, the closing signature and test signature
 * under the key it tells of, the digests it tells of, and that a finished one tells of a key that
 * is sensitive, not extractable and the CA certificate's.
 *
 * Output:   `out` on success, whatever the state: only FINISHED is a ceremony that succeeded.
 * Errors:   INPUT: "line N: ..." naming the first line that is not as it was written; NOMEM.
 */
mtc_status mtc_transcript_verify(struct mtc_span file, struct mtc_transcript_report *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_transcript_report_free releases what mtc_transcript_verify gave.
 */
void mtc_transcript_report_free(struct mtc_transcript_report *report);

#endif
