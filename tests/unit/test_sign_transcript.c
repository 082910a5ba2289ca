/* Transcripts: what was written is verified, what was changed is named, and a write that is lost
 * never leaves a transcript that says finished. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "mtc/entry.h"
#include "mtc/runtime.h"
#include "sign/transcript_file.h"

enum keeps { KEEPS_NOTHING, KEEPS_HALF, KEEPS_ALL };

/* A sink in memory whose append number `fails_at` (from 0; -1: none) fails. */
struct memory {
  struct mtc_bytes bytes;
  int num_appends, fails_at;
  enum keeps keeps;
  bool cut_fails;
};

static EVP_PKEY *key, *other_key;
static struct mtc_bytes public_key, certificate;

static mtc_status memory_append(void *context, struct mtc_span line, struct mtc_error *error) {
  struct memory *memory = context;
  bool fails = memory->num_appends++ == memory->fails_at;
  size_t len = line.len;
  if (fails)
    len = memory->keeps == KEEPS_NOTHING ? 0 : (memory->keeps == KEEPS_HALF ? len / 2 : len);
  mtc_bytes_append(&memory->bytes, line.data, len);
  return fails ? mtc_fail(error, MTC_IO, "the disk is full") : MTC_OK;
}

static mtc_status memory_cut(void *context, size_t len, struct mtc_error *error) {
  struct memory *memory = context;
  if (memory->cut_fails) return mtc_fail(error, MTC_IO, "the disk is gone");
  assert_true(len <= memory->bytes.len);
  memory->bytes.len = len;
  return MTC_OK;
}

static mtc_status sign_with(void *context, struct mtc_span message, struct mtc_bytes *out,
                            struct mtc_error *error) {
  uint8_t signature[64];
  size_t len = sizeof signature;
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  assert_int_equal(EVP_DigestSignInit(digest, NULL, NULL, NULL, context), 1);
  assert_int_equal(EVP_DigestSign(digest, signature, &len, message.data, message.len), 1);
  EVP_MD_CTX_free(digest);
  mtc_bytes_append(out, signature, len);
  return mtc_bytes_status(out) ? mtc_fail(error, MTC_NOMEM, "out of memory") : MTC_OK;
}

static json_t *base64_json(struct mtc_span span) {
  struct mtc_bytes text = {0};
  mtc_bytes_append_base64(&text, span);
  json_t *string = text.failed ? NULL : json_stringn((char *)text.data, text.len);
  mtc_bytes_free(&text);
  return string;
}

static json_t *sha256_json(struct mtc_span span) {
  struct mtc_hash hash;
  struct mtc_bytes text = {0};
  mtc_hash_message(span, &hash);
  mtc_bytes_append_hex(&text, mtc_span_of(hash.bytes, sizeof hash.bytes));
  json_t *string = text.failed ? NULL : json_stringn((char *)text.data, text.len);
  mtc_bytes_free(&text);
  return string;
}

/* What a test leaves out or puts wrong. */
struct fault {
  bool no_test_signature, extractable, wrong_signer, wrong_test_signature, no_certificate, fails;
};

static mtc_status append_test_signature(struct mtc_transcript *transcript, bool is_wrong,
                                        struct mtc_error *error) {
  struct mtc_bytes signature = {0};
  struct mtc_span message = mtc_span_of_text("test");
  mtc_status status = sign_with(is_wrong ? other_key : key, message, &signature, error);
  if (!status)
    status = mtc_transcript_append(transcript, MTC_EVENT_TEST_SIGNATURE,
                                   json_pack("{soso}", "message", base64_json(message), "signature",
                                             base64_json(mtc_span_of_bytes(&signature))),
                                   error);
  mtc_bytes_free(&signature);
  return status;
}

/* A ceremony's transcript as it is written, step by step until one fails. */
static mtc_status run(struct mtc_transcript *transcript, const struct fault *fault,
                      struct mtc_error *error) {
  static const char file[] = "label: \"quoted\\n\"\n# \xE2\x80\xAE control \x01\n";
  struct mtc_span spki = mtc_span_of_bytes(&public_key), der = mtc_span_of_bytes(&certificate);
  struct mtc_transcript_signer signer = {fault->wrong_signer ? other_key : key, sign_with};
  mtc_status status = mtc_transcript_append(
      transcript, MTC_EVENT_BEGIN,
      json_pack("{s{ssso}}", "file", "text", file, "sha256", sha256_json(mtc_span_of_text(file))),
      error);
  if (!status)
    status = mtc_transcript_append(transcript, MTC_EVENT_GENERATE,
                                   json_pack("{ssss}", "label", "ca", "id", "01"), error);
  if (!status && fault->fails)
    return mtc_transcript_fail(transcript, json_pack("{ss}", "text", "no power"), error);
  if (!status)
    status = mtc_transcript_append(transcript, MTC_EVENT_PRIVATE_KEY,
                                   json_pack("{s{sbsb}}", "attributes", "CKA_SENSITIVE", 1,
                                             "CKA_EXTRACTABLE", fault->extractable),
                                   error);
  if (!status)
    status = mtc_transcript_append(transcript, MTC_EVENT_PUBLIC_KEY,
                                   json_pack("{sssoso}", "algorithm", "ed25519", "spki",
                                             base64_json(spki), "sha256", sha256_json(spki)),
                                   error);
  if (!status && !fault->no_test_signature)
    status = append_test_signature(transcript, fault->wrong_test_signature, error);
  if (!status && !fault->no_certificate)
    status = mtc_transcript_append(
        transcript, MTC_EVENT_CA_CERTIFICATE,
        json_pack("{soso}", "der", base64_json(der), "sha256", sha256_json(der)), error);
  return status ? status
                : mtc_transcript_finish(transcript, &signer, json_pack("{ss}", "key", "ca"), error);
}

static mtc_status write_into(struct memory *memory, const struct fault *fault,
                             struct mtc_error *error) {
  struct mtc_transcript transcript;
  struct mtc_transcript_sink sink = {memory, memory_append, memory_cut};
  mtc_transcript_start(&transcript, &sink);
  mtc_status status = run(&transcript, fault, error);
  if (status) {
    struct mtc_error ignored;
    (void)!mtc_transcript_fail(&transcript, json_pack("{ss}", "text", error->text), &ignored);
  }
  return status;
}

static const struct fault none = {0};
#define NUM_LINES 7

static void write_good(struct memory *memory) {
  struct mtc_error error = {0};
  *memory = (struct memory){.fails_at = -1};
  if (write_into(memory, &none, &error)) fail_msg("%s", error.text);
}

static struct mtc_span line_of(struct mtc_span file, size_t number) {
  struct mtc_reader reader = mtc_reader_of(file);
  struct mtc_span line = {0};
  for (size_t i = 0; i < number; i++)
    assert_true(mtc_read_line(&reader, &line));
  return mtc_span_of(line.data, line.len + 1);
}

static void expect_named(struct mtc_span file, size_t line, const char *text) {
  struct mtc_transcript_report report;
  struct mtc_error error = {0};
  char prefix[32];
  (void)snprintf(prefix, sizeof prefix, "line %zu: ", line);
  assert_int_equal(mtc_transcript_verify(file, &report, &error), MTC_INPUT);
  if (strncmp(error.text, prefix, strlen(prefix)) != 0 || !strstr(error.text, text))
    fail_msg("\"%s\", not \"%s%s\"", error.text, prefix, text);
}

static enum mtc_transcript_state state_of(struct mtc_span file) {
  struct mtc_transcript_report report;
  struct mtc_error error = {0};
  if (mtc_transcript_verify(file, &report, &error)) fail_msg("%s", error.text);
  enum mtc_transcript_state state = report.state;
  mtc_transcript_report_free(&report);
  return state;
}

static void what_was_written_is_verified(void **state) {
  (void)state;
  struct memory memory;
  struct mtc_transcript_report report;
  struct mtc_error error = {0};
  write_good(&memory);
  assert_int_equal(mtc_transcript_verify(mtc_span_of_bytes(&memory.bytes), &report, &error),
                   MTC_OK);
  assert_int_equal(report.state, MTC_TRANSCRIPT_FINISHED);
  assert_int_equal(report.num_lines, NUM_LINES);
  assert_false(report.has_partial_line);
  assert_string_equal(json_string_value(json_object_get(report.generate, "label")), "ca");
  assert_true(
      mtc_span_equal(mtc_span_of_bytes(&report.public_key), mtc_span_of_bytes(&public_key)));
  assert_true(
      mtc_span_equal(mtc_span_of_bytes(&report.ca_certificate), mtc_span_of_bytes(&certificate)));
  /* Nothing in it can drive a terminal. */
  for (size_t i = 0; i < memory.bytes.len; i++)
    assert_true(memory.bytes.data[i] == '\n' ||
                (memory.bytes.data[i] >= 0x20 && memory.bytes.data[i] < 0x7f));
  mtc_transcript_report_free(&report);
  mtc_bytes_free(&memory.bytes);
}

static void each_changed_byte_is_named(void **state) {
  (void)state;
  static const uint8_t masks[] = {0x01, 0x20, 0x80};
  struct memory memory;
  write_good(&memory);
  size_t line = 1;
  for (size_t i = 0; i + 1 < memory.bytes.len; i++) {
    for (size_t k = 0; k < sizeof masks; k++) {
      memory.bytes.data[i] ^= masks[k];
      expect_named(mtc_span_of_bytes(&memory.bytes), line, "");
      memory.bytes.data[i] ^= masks[k];
    }
    if (memory.bytes.data[i] == '\n') line++;
  }
  assert_int_equal(line, NUM_LINES);
  mtc_bytes_free(&memory.bytes);
}

/* Lines in an order, 0 ends it. */
static void expect_order(struct mtc_span file, const size_t *order, size_t line, const char *text) {
  struct mtc_bytes changed = {0};
  for (; *order; order++)
    mtc_bytes_append_span(&changed, line_of(file, *order));
  expect_named(mtc_span_of_bytes(&changed), line, text);
  mtc_bytes_free(&changed);
}

static void removed_moved_and_added_lines_are_named(void **state) {
  (void)state;
  struct memory memory;
  write_good(&memory);
  struct mtc_span file = mtc_span_of_bytes(&memory.bytes);
  expect_order(file, (size_t[]){2, 3, 4, 5, 6, 7, 0}, 1, "it was line 2");
  expect_order(file, (size_t[]){1, 3, 4, 5, 6, 7, 0}, 2, "it was line 3");
  expect_order(file, (size_t[]){1, 2, 3, 4, 5, 7, 0}, 6, "it was line 7");
  expect_order(file, (size_t[]){1, 3, 2, 4, 5, 6, 7, 0}, 2, "it was line 3");
  expect_order(file, (size_t[]){1, 2, 2, 3, 4, 5, 6, 7, 0}, 3, "it was line 2");
  expect_order(file, (size_t[]){1, 2, 3, 4, 5, 6, 7, 7, 0}, 8, "it follows the last line");
  expect_order(file, (size_t[]){1, 2, 3, 4, 5, 6, 7, 1, 0}, 8, "it follows the last line");
  mtc_bytes_append_text(&memory.bytes, "x");
  expect_named(mtc_span_of_bytes(&memory.bytes), 8, "it follows the last line");
  mtc_bytes_free(&memory.bytes);
}

/* A line of another transcript has the right number and digest, and does not follow. */
static void a_line_of_another_transcript_is_named(void **state) {
  (void)state;
  struct memory a, b;
  struct mtc_bytes mixed = {0};
  write_good(&a);
  mtc_clock_set(mtc_clock_now_ms() + 5000);
  write_good(&b);
  mtc_clock_set(-1);
  mtc_bytes_append_span(&mixed, line_of(mtc_span_of_bytes(&a.bytes), 1));
  for (size_t i = 2; i <= NUM_LINES; i++)
    mtc_bytes_append_span(&mixed, line_of(mtc_span_of_bytes(&b.bytes), i));
  expect_named(mtc_span_of_bytes(&mixed), 2, "it does not follow the line before");
  mtc_bytes_free(&mixed);
  mtc_bytes_free(&a.bytes);
  mtc_bytes_free(&b.bytes);
}

/* A field behind the digest is in no digest. */
static void what_follows_a_digest_is_named(void **state) {
  (void)state;
  struct memory memory;
  write_good(&memory);
  struct mtc_span file = mtc_span_of_bytes(&memory.bytes);
  for (size_t i = 1; i <= NUM_LINES; i++) {
    struct mtc_bytes changed = {0};
    for (size_t k = 1; k <= i; k++)
      mtc_bytes_append_span(&changed, line_of(file, k));
    changed.len -= 2;
    mtc_bytes_append_text(&changed, ",\"x\":1}\n");
    expect_named(mtc_span_of_bytes(&changed), i, "something follows its digest");
    mtc_bytes_free(&changed);
  }
  mtc_bytes_free(&memory.bytes);
}

static void a_part_is_truncated_and_never_finished(void **state) {
  (void)state;
  struct memory memory;
  write_good(&memory);
  struct mtc_span file = mtc_span_of_bytes(&memory.bytes);
  size_t first = line_of(file, 1).len;
  for (size_t len = 0; len < file.len; len++) {
    if (len < first)
      expect_named(mtc_span_of(file.data, len), 1, "no whole line");
    else
      assert_int_equal(state_of(mtc_span_of(file.data, len)), MTC_TRANSCRIPT_TRUNCATED);
  }
  mtc_bytes_free(&memory.bytes);
}

static void a_failed_one_says_why(void **state) {
  (void)state;
  struct memory memory = {.fails_at = -1};
  struct fault fault = {.fails = true};
  struct mtc_transcript_report report;
  struct mtc_error error = {0};
  assert_int_equal(write_into(&memory, &fault, &error), MTC_OK);
  assert_int_equal(mtc_transcript_verify(mtc_span_of_bytes(&memory.bytes), &report, &error),
                   MTC_OK);
  assert_int_equal(report.state, MTC_TRANSCRIPT_FAILED);
  assert_string_equal(json_string_value(json_object_get(report.failure, "text")), "no power");
  mtc_transcript_report_free(&report);
  for (size_t i = 0; i + 1 < memory.bytes.len; i++) {
    memory.bytes.data[i] ^= 0x01;
    assert_int_equal(mtc_transcript_verify(mtc_span_of_bytes(&memory.bytes), &report, &error),
                     MTC_INPUT);
    memory.bytes.data[i] ^= 0x01;
  }
  mtc_bytes_free(&memory.bytes);
}

static void an_event_without_a_name_is_named(void **state) {
  (void)state;
  struct memory memory = {.fails_at = -1};
  struct mtc_transcript transcript;
  struct mtc_transcript_sink sink = {&memory, memory_append, memory_cut};
  struct mtc_error error = {0};
  mtc_transcript_start(&transcript, &sink);
  json_t *begin =
      json_pack("{s{ssso}}", "file", "text", "", "sha256", sha256_json(mtc_span_of_text("")));
  assert_int_equal(mtc_transcript_append(&transcript, MTC_EVENT_BEGIN, begin, &error), MTC_OK);
  assert_int_equal(mtc_transcript_append(&transcript, "", json_object(), &error), MTC_OK);
  expect_named(mtc_span_of_bytes(&memory.bytes), 2, "it is no line of a transcript");
  mtc_bytes_free(&memory.bytes);
}

static void what_a_finished_one_must_tell_of(void **state) {
  (void)state;
  static const struct {
    struct fault fault;
    size_t line;
    const char *text;
  } cases[] = {
      {{.no_test_signature = true}, 6, "nothing tells of a test signature"},
      {{.extractable = true}, 7, "nothing tells of a key that is sensitive and not extractable"},
      {{.no_certificate = true}, 6, "nothing tells of a CA certificate"},
      {{.wrong_signer = true}, 7, "the closing signature does not verify"},
      {{.wrong_test_signature = true}, 5, "the test signature does not verify"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct memory memory = {.fails_at = -1};
    struct mtc_error error = {0};
    assert_int_equal(write_into(&memory, &cases[i].fault, &error), MTC_OK);
    expect_named(mtc_span_of_bytes(&memory.bytes), cases[i].line, cases[i].text);
    mtc_bytes_free(&memory.bytes);
  }
}

/* Each write fails once, kept or not; what is there then is truncated or failed. */
static void a_write_that_fails_never_finishes(void **state) {
  (void)state;
  for (int at = 0; at < NUM_LINES; at++) {
    for (int keeps = KEEPS_NOTHING; keeps <= KEEPS_ALL; keeps++) {
      for (int cut_fails = 0; cut_fails < 2; cut_fails++) {
        struct memory memory = {.fails_at = at, .keeps = (enum keeps)keeps, .cut_fails = cut_fails};
        struct mtc_error error = {0};
        struct mtc_transcript_report report;
        mtc_status status = write_into(&memory, &none, &error);
        assert_int_equal(status, cut_fails ? MTC_FATAL : MTC_IO);
        if (cut_fails) assert_int_equal(memory.num_appends, at + 1); /* nothing follows it */
        mtc_status found = mtc_transcript_verify(mtc_span_of_bytes(&memory.bytes), &report, &error);
        if (found) {
          assert_true(at == 0 && cut_fails && keeps != KEEPS_ALL);
        } else if (cut_fails && keeps == KEEPS_ALL && at == NUM_LINES - 1) {
          /* The disk had it all the time, and nobody could know. */
          assert_int_equal(report.state, MTC_TRANSCRIPT_FINISHED);
        } else {
          assert_int_equal(report.state,
                           cut_fails ? MTC_TRANSCRIPT_TRUNCATED : MTC_TRANSCRIPT_FAILED);
        }
        if (!found) mtc_transcript_report_free(&report);
        mtc_bytes_free(&memory.bytes);
      }
    }
  }
}

static void no_memory_never_finishes(void **state) {
  (void)state;
  for (long count = 0;; count++) {
    struct memory memory = {.fails_at = -1};
    struct mtc_error error = {0};
    struct mtc_transcript_report report;
    mtc_alloc_fail_after(count);
    mtc_status status = write_into(&memory, &none, &error);
    mtc_alloc_fail_after(-1);
    if (!memory.bytes.failed && memory.bytes.len) {
      mtc_status found = mtc_transcript_verify(mtc_span_of_bytes(&memory.bytes), &report, &error);
      if (!found) {
        assert_true(status == MTC_OK || report.state != MTC_TRANSCRIPT_FINISHED);
        mtc_transcript_report_free(&report);
      }
    }
    mtc_bytes_free(&memory.bytes);
    if (count > 400) break;
  }
}

/* A disk that fills up: the file's last whole line is the one that says so. */
static void a_full_disk_leaves_whole_lines(void **state) {
  (void)state;
  char folder[] = "/tmp/mtc-test-XXXXXX", path[64];
  struct memory memory;
  struct rlimit before, limit;
  assert_non_null(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/transcript", folder);
  write_good(&memory);
  size_t whole = memory.bytes.len;
  mtc_bytes_free(&memory.bytes);
  (void)signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  for (size_t max = 0; max < whole; max += 37) {
    struct mtc_transcript_sink sink;
    struct mtc_transcript transcript;
    struct mtc_transcript_report report;
    struct mtc_error error = {0}, ignored;
    struct mtc_bytes file = {0};
    int fd;
    assert_int_equal(mtc_transcript_file_create(path, &fd, &sink, &error), MTC_OK);
    mtc_transcript_start(&transcript, &sink);
    limit = (struct rlimit){max, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    mtc_status status = run(&transcript, &none, &error);
    (void)!mtc_transcript_fail(&transcript, json_pack("{ss}", "text", error.text), &ignored);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, MTC_IO);
    mtc_transcript_file_close(&fd);
    assert_int_equal(mtc_file_read(path, whole * 2, &file, &error), MTC_OK);
    if (mtc_transcript_verify(mtc_span_of_bytes(&file), &report, &error) == MTC_OK) {
      assert_true(report.state != MTC_TRANSCRIPT_FINISHED && !report.has_partial_line);
      mtc_transcript_report_free(&report);
    } else {
      assert_int_equal(file.len, 0);
    }
    mtc_bytes_free(&file);
    /* It is there: another ceremony does not write over it. */
    assert_int_equal(mtc_transcript_file_create(path, &fd, &sink, &error), MTC_INPUT);
    assert_int_equal(unlink(path), 0);
  }
  assert_int_equal(rmdir(folder), 0);
}

static void public_key_of(EVP_PKEY *from, struct mtc_bytes *out) {
  uint8_t *der = NULL;
  int len = i2d_PUBKEY(from, &der);
  assert_true(len > 0);
  mtc_bytes_append(out, der, (size_t)len);
  OPENSSL_free(der);
}

static int make_keys(void **state) {
  (void)state;
  struct mtc_error error = {0};
  key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  other_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  if (!key || !other_key) return -1;
  public_key_of(key, &public_key);
  struct mtc_ca_params params = {.wire = mtc_wire_find("plants-07"),
                                 .algorithm = MTC_ALGORITHM_ED25519,
                                 .public_key = mtc_span_of_bytes(&public_key),
                                 .min_serial = UINT64_C(1) << 48,
                                 .max_serial = UINT64_C(1) << 49,
                                 .not_after = 1};
  if (mtc_tai_parse(mtc_span_of_text("32473.1"), &params.ca_id, &error)) return -1;
  return mtc_ca_certificate_make(&params, &certificate, &error) ? -1 : 0;
}

static int free_keys(void **state) {
  (void)state;
  EVP_PKEY_free(key);
  EVP_PKEY_free(other_key);
  mtc_bytes_free(&public_key);
  mtc_bytes_free(&certificate);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_written_is_verified),
      cmocka_unit_test(each_changed_byte_is_named),
      cmocka_unit_test(removed_moved_and_added_lines_are_named),
      cmocka_unit_test(a_line_of_another_transcript_is_named),
      cmocka_unit_test(what_follows_a_digest_is_named),
      cmocka_unit_test(a_part_is_truncated_and_never_finished),
      cmocka_unit_test(a_failed_one_says_why),
      cmocka_unit_test(an_event_without_a_name_is_named),
      cmocka_unit_test(what_a_finished_one_must_tell_of),
      cmocka_unit_test(a_write_that_fails_never_finishes),
      cmocka_unit_test(no_memory_never_finishes),
      cmocka_unit_test(a_full_disk_leaves_whole_lines),
  };
  return cmocka_run_group_tests(tests, make_keys, free_keys);
}
