/* Checkpoints as signed notes, key IDs; PEM blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mtc/proof.h"
#include "support/vector_file.h"

#define ROOT "i35OIgqudkqKM4W/Mt4texXVs6mhWW3bTA6sV2OtxFw=\n"
#define BODY "example.com/log\n2122\n" ROOT
#define DASH "\xE2\x80\x94 "
/* key ID 01020304, timestamp 5, signature "sig" */
#define SIGNATURE DASH "example.com/w AQIDBAAAAAAAAAAFc2ln\n"

static struct mtc_checkpoint checkpoint;
static struct mtc_error error;

static mtc_status parse(const char *note) {
  error.text[0] = 0;
  return mtc_checkpoint_parse(mtc_span_of_text(note), &checkpoint, &error);
}

static void accept(const char *note, size_t num_signatures) {
  if (parse(note)) fail_msg("%s", error.text);
  assert_int_equal(checkpoint.num_signatures, num_signatures);
  mtc_checkpoint_free(&checkpoint);
}

static void refuse(const char *note, unsigned line) {
  char where[32];
  assert_int_equal(parse(note), MTC_INPUT);
  (void)snprintf(where, sizeof where, "line %u:", line);
  if (!strstr(error.text, where)) fail_msg("not \"%s\": %s", where, error.text);
}

static void corpus_checkpoint_round_trips(void **state) {
  (void)state;
  struct mtc_bytes note = read_vector("corpus-plants-07/checkpoint"), again = {0};
  assert_int_equal(mtc_checkpoint_parse(mtc_span_of_bytes(&note), &checkpoint, &error), MTC_OK);
  assert_true(is_text(checkpoint.origin, "oid/1.3.6.1.4.1.32473.1.0.1"));
  assert_int_equal(checkpoint.tree_size, 2122);
  assert_int_equal(checkpoint.num_signatures, 8);
  assert_true(is_text(checkpoint.signatures[1].name, "oid/1.3.6.1.4.1.32473.2.1"));
  assert_int_equal(checkpoint.signatures[0].timestamp_s, checkpoint.signatures[7].timestamp_s);
  mtc_checkpoint_append(&checkpoint, &again);
  assert_span_equal(mtc_span_of_bytes(&again), mtc_span_of_bytes(&note));
  mtc_checkpoint_free(&checkpoint);
  mtc_bytes_free(&note);
  mtc_bytes_free(&again);
}

/* Key ID, timestamp and signed bytes together: the ML-DSA-44 lines verify under policy.txt's keys.
 */
static void corpus_cosignatures_verify(void **state) {
  (void)state;
  struct mtc_bytes note = read_vector("corpus-plants-07/checkpoint");
  struct mtc_bytes policy = read_vector("corpus-plants-07/policy.txt");
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&policy));
  struct mtc_span line;
  struct mtc_tai log_id;
  unsigned num = 0;
  assert_int_equal(mtc_checkpoint_parse(mtc_span_of_bytes(&note), &checkpoint, &error), MTC_OK);
  assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1.0.1"), &log_id, NULL), MTC_OK);
  while (next_vector(&reader, &line)) {
    struct mtc_bytes name = {0}, public_key = {0}, message = {0};
    struct mtc_tai cosigner;
    uint8_t key_id[4];
    if (!is_text(take_field(&line, ' '), "cosigner")) continue;
    assert_int_equal(mtc_tai_parse(take_field(&line, ' '), &cosigner, NULL), MTC_OK);
    bool is_mldsa44 = is_text(take_field(&line, ' '), "mldsa44");
    assert_int_equal(mtc_bytes_append_decoded_base64(&public_key, line), MTC_OK);
    mtc_tai_append_origin(&cosigner, &name);
    assert_int_equal(
        mtc_note_key_id(mtc_span_of_bytes(&name), mtc_span_of_bytes(&public_key), key_id), MTC_OK);
    for (size_t i = 0; is_mldsa44 && i < checkpoint.num_signatures; i++) {
      const struct mtc_note_signature *found = &checkpoint.signatures[i];
      if (!mtc_span_equal(found->name, mtc_span_of_bytes(&name))) continue;
      assert_memory_equal(found->key_id, key_id, sizeof key_id);
      struct mtc_subtree tree = {0, checkpoint.tree_size};
      assert_int_equal(mtc_cosigned_message_append(&cosigner, &log_id, found->timestamp_s, tree,
                                                   &checkpoint.root, &message),
                       MTC_OK);
      assert_int_equal(mtc_signature_verify(MTC_ALGORITHM_MLDSA44, mtc_span_of_bytes(&public_key),
                                            mtc_span_of_bytes(&message), found->signature),
                       MTC_OK);
      num++;
    }
    mtc_bytes_free(&name);
    mtc_bytes_free(&public_key);
    mtc_bytes_free(&message);
  }
  assert_int_equal(num, 4);
  mtc_checkpoint_free(&checkpoint);
  mtc_bytes_free(&note);
  mtc_bytes_free(&policy);
}

static void notes_that_are_accepted(void **state) {
  (void)state;
  accept(BODY "\n" SIGNATURE, 1);
  accept(BODY "extension one\nextension two\n\n" SIGNATURE SIGNATURE, 2);
  accept("example.com/log\n0\n" ROOT "\n" SIGNATURE, 1);
  accept("\xC3\xA8 log\n281474976710655\n" ROOT "\n" SIGNATURE, 1);
  /* Of a kind we do not know: no timestamp, nothing after it, or one above 2^63-1. */
  accept(BODY "\n" DASH "x AQIDBAU=\n" SIGNATURE, 1);
  accept(BODY "\n" DASH "x AQIDBAAAAAAAAAAF\n" SIGNATURE, 1);
  accept(BODY "\n" DASH
              "x AQIDBP/////////\x2F"
              "c2ln\n",
         0);
}

static void notes_that_are_refused(void **state) {
  (void)state;
  refuse("", 1);
  refuse("\n2122\n" ROOT "\n" SIGNATURE, 1);
  refuse("example.com/log", 1);
  refuse("a\tb\n2122\n" ROOT "\n" SIGNATURE, 1);
  refuse("a\r\n2122\n" ROOT "\n" SIGNATURE, 1);
  refuse("\xC0\xAF\n2122\n" ROOT "\n" SIGNATURE, 1);
  refuse("\xED\xA0\x80\n2122\n" ROOT "\n" SIGNATURE, 1);
  refuse("\xF4\x90\x80\x80\n2122\n" ROOT "\n" SIGNATURE, 1);
  refuse("\xE2\x80\n2122\n" ROOT "\n" SIGNATURE, 1);
  refuse("example.com/log\n02122\n" ROOT "\n" SIGNATURE, 2);
  refuse("example.com/log\n-1\n" ROOT "\n" SIGNATURE, 2);
  refuse("example.com/log\n\n" ROOT "\n" SIGNATURE, 2);
  refuse("example.com/log\n281474976710656\n" ROOT "\n" SIGNATURE, 2);
  refuse("example.com/log\n2122\nAAAA\n\n" SIGNATURE, 3);
  refuse(
      "example.com/log\n2122\n"
      "i35OIgqudkqKM4W/Mt4texXVs6mhWW3bTA6sV2OtxF=\n\n" SIGNATURE,
      3);
  refuse("example.com/log\n2122\n\n" SIGNATURE, 3);
  refuse(BODY, 4);
  refuse(BODY SIGNATURE, 5);
  refuse(BODY "\n", 5);
  refuse(BODY "\n\n" SIGNATURE, 5);
  refuse(BODY "\n" SIGNATURE "\n", 6);
  refuse(BODY "\n" SIGNATURE "text\n", 6);
  refuse(BODY "\n" SIGNATURE "- x AQIDBAAAAAAAAAAFc2ln\n", 6);
  refuse(BODY "\n" DASH "x AQIDBAAAAAAAAAAFc2ln", 5);
  refuse(BODY "\n" DASH "x\n", 5);
  refuse(BODY "\n" DASH " AQIDBAAAAAAAAAAFc2ln\n", 5);
  refuse(BODY "\n" DASH "a+b AQIDBAAAAAAAAAAFc2ln\n", 5);
  refuse(BODY "\n" DASH
              "a\xC2\xA0"
              "b AQIDBAAAAAAAAAAFc2ln\n",
         5);
  refuse(BODY "\n" DASH
              "a\xE2\x80\x89"
              "b AQIDBAAAAAAAAAAFc2ln\n",
         5);
  refuse(BODY "\n" DASH "x AQIDBAAAAAAAAAAFc2ln \n", 5);
  refuse(BODY "\n" DASH "x AQIDBAAAAAAAAAAFc2l\n", 5);
  refuse(BODY "\n" DASH "x AQIDBA==\n", 5);
  refuse(BODY "\n" DASH "x \n", 5);
}

static void at_most_64_signatures(void **state) {
  (void)state;
  struct mtc_bytes note = {0};
  mtc_bytes_append_text(&note, BODY "\n");
  for (unsigned num = 1; num <= 65; num++) {
    mtc_bytes_append_text(&note, SIGNATURE);
    mtc_status status = mtc_checkpoint_parse(mtc_span_of_bytes(&note), &checkpoint, &error);
    assert_int_equal(status, num <= 64 ? MTC_OK : MTC_INPUT);
    if (status == MTC_OK) {
      assert_int_equal(checkpoint.num_signatures, num);
      assert_true(is_text(checkpoint.signatures[num - 1].signature, "sig"));
      mtc_checkpoint_free(&checkpoint);
    }
  }
  assert_non_null(strstr(error.text, "line 69"));
  mtc_bytes_free(&note);
}

static void running_out_of_memory_leaks_nothing(void **state) {
  (void)state;
  struct mtc_bytes note = {0};
  mtc_bytes_append_text(&note, BODY "\n" SIGNATURE);
  for (long i = 0;; i++) {
    mtc_alloc_fail_after(i);
    mtc_status status = mtc_checkpoint_parse(mtc_span_of_bytes(&note), &checkpoint, &error);
    mtc_alloc_fail_after(-1);
    if (status == MTC_OK) {
      assert_true(i >= 2);
      break;
    }
    assert_int_equal(status, MTC_NOMEM);
  }
  mtc_checkpoint_free(&checkpoint);
  mtc_bytes_free(&note);
}

/* A key of a type without an assigned identifier: RFC 8032's first test key. */
static void key_id_of_an_unassigned_type(void **state) {
  (void)state;
  struct mtc_bytes key = unhex(mtc_span_of_text(
      "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  struct mtc_span name = mtc_span_of_text("witness.example.com/w1");
  struct mtc_bytes input = {0};
  struct mtc_hash hash;
  uint8_t key_id[4];
  assert_int_equal(mtc_note_key_id(name, mtc_span_of_bytes(&key), key_id), MTC_OK);
  mtc_bytes_append_span(&input, name);
  mtc_bytes_append_text(&input,
                        "\n\xff"
                        "subtree/v1 ed25519\n");
  mtc_bytes_append_span(&input, mtc_span_of_bytes(&key));
  mtc_hash_message(mtc_span_of_bytes(&input), &hash);
  assert_memory_equal(key_id, hash.bytes, 4);
  assert_int_equal(mtc_note_key_id(mtc_span_of_text("a b"), mtc_span_of_bytes(&key), key_id),
                   MTC_INPUT);
  assert_int_equal(mtc_note_key_id(name, mtc_span_of(key.data, key.len - 1), key_id), MTC_INPUT);
  assert_int_equal(mtc_note_key_id(name, mtc_span_of(NULL, 0), key_id), MTC_INPUT);
  mtc_bytes_free(&key);
  mtc_bytes_free(&input);
}

static void pem_example_round_trips(void **state) {
  (void)state;
  struct mtc_bytes file = read_vector("tai06/example-chain-with-properties.pem"), again = {0};
  struct mtc_bytes der = {0};
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file));
  static const char *const labels[] = {"CERTIFICATE PROPERTIES", "CERTIFICATE", "CERTIFICATE"};
  for (size_t i = 0; i < 3; i++) {
    mtc_bytes_clear(&der);
    assert_int_equal(mtc_pem_next(&reader, i == 1 ? NULL : labels[i], &der, &error), MTC_OK);
    mtc_pem_append(labels[i], mtc_span_of_bytes(&der), &again);
  }
  assert_span_equal(mtc_span_of_bytes(&again), mtc_span_of_bytes(&file));
  assert_int_equal(mtc_pem_next(&reader, NULL, &der, &error), MTC_INPUT);
  /* Other labels are passed over. */
  reader = mtc_reader_of(mtc_span_of_bytes(&file));
  mtc_bytes_clear(&der);
  assert_int_equal(mtc_pem_next(&reader, "CERTIFICATE", &der, &error), MTC_OK);
  assert_int_equal(der.len, 0x157 + 4);
  mtc_bytes_free(&file);
  mtc_bytes_free(&again);
  mtc_bytes_free(&der);
}

static void pem_blocks(void **state) {
  (void)state;
  static const struct {
    const char *text;
    mtc_status status;
  } cases[] = {
      {"-----BEGIN A-----\nc2ln\n-----END A-----\n", MTC_OK},
      {"-----BEGIN A-----\r\nc2\r\nln \r\n-----END A-----", MTC_OK},
      {"text\n-----BEGIN B-----\nAAAA\n-----END B-----\n\n-----BEGIN A-----\nc2ln\n-----END "
       "A-----\n",
       MTC_OK},
      {"-----BEGIN A-----\nc2ln\n-----END B-----\n", MTC_INPUT},
      {"-----BEGIN A-----\nc2ln\n", MTC_INPUT},
      {"-----BEGIN A-----\nc2l\n-----END A-----\n", MTC_INPUT},
      {"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nc2ln\n-----END A-----\n", MTC_INPUT},
      {"-----BEGIN B-----\nc2ln\n-----END B-----\n", MTC_INPUT},
      {"-----BEGIN B-----\n-----BEGIN A-----\nc2ln\n-----END A-----\n", MTC_INPUT},
      {"-----BEGIN A----\nc2ln\n-----END A-----\n", MTC_INPUT},
      {"-----BEGIN -----", MTC_INPUT},
      {"", MTC_INPUT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_reader reader = mtc_reader_of(mtc_span_of_text(cases[i].text));
    struct mtc_bytes der = {0};
    assert_int_equal(mtc_pem_next(&reader, "A", &der, &error), cases[i].status);
    assert_span_equal(mtc_span_of_bytes(&der),
                      mtc_span_of_text(cases[i].status == MTC_OK ? "sig" : ""));
    mtc_bytes_free(&der);
  }
}

/* What begins is told apart from what is well-formed. */
static void pem_labels(void **state) {
  (void)state;
  struct mtc_reader reader = mtc_reader_of(
      mtc_span_of_text("0 text\n-----BEGIN A-----\n*\n-----END A-----\n -----BEGIN B-----\n"
                       "-----BEGIN C----\n-----BEGIN D E-----\r\n"));
  struct mtc_span label;
  assert_true(mtc_pem_next_label(&reader, &label));
  assert_span_equal(label, mtc_span_of_text("A"));
  assert_true(mtc_pem_next_label(&reader, &label));
  assert_span_equal(label, mtc_span_of_text("D E"));
  assert_int_equal(reader.len, 0);
  assert_false(mtc_pem_next_label(&reader, &label));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(corpus_checkpoint_round_trips),
      cmocka_unit_test(corpus_cosignatures_verify),
      cmocka_unit_test(notes_that_are_accepted),
      cmocka_unit_test(notes_that_are_refused),
      cmocka_unit_test(at_most_64_signatures),
      cmocka_unit_test(running_out_of_memory_leaks_nothing),
      cmocka_unit_test(key_id_of_an_unassigned_type),
      cmocka_unit_test(pem_example_round_trips),
      cmocka_unit_test(pem_blocks),
      cmocka_unit_test(pem_labels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
