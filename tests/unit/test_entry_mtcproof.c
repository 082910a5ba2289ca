/* MTCProof: the 75 parser vectors, round trips, what the encoder refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/proof.h"
#include "support/vector_file.h"

static struct mtc_mtcproof proof;
static struct mtc_cosignature cosignatures[300];
static size_t num_cosignatures;
static struct mtc_error error;

/* Parses, and puts the cosignatures into the array. */
static mtc_status parse(const struct mtc_wire *wire, struct mtc_span der) {
  mtc_status status = mtc_mtcproof_parse(wire, der, &proof, &error);
  num_cosignatures = 0;
  if (status) return status;
  struct mtc_reader list = mtc_reader_of(proof.cosignatures);
  while (mtc_cosignature_next(&list, &cosignatures[num_cosignatures]))
    num_cosignatures++;
  assert_int_equal(list.len, 0);
  assert_int_equal(num_cosignatures, proof.num_cosignatures);
  return MTC_OK;
}

static mtc_status append(const struct mtc_wire *wire, struct mtc_bytes *out) {
  return mtc_mtcproof_append(wire, &proof, cosignatures, num_cosignatures, out, &error);
}

static void vectors_have_their_verdicts(void **state) {
  (void)state;
  struct mtc_bytes file = read_vector("encode/mtcproof.txt"), again = {0};
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file));
  struct mtc_span line;
  unsigned num = 0;
  while (next_vector(&reader, &line)) {
    char version[16];
    struct mtc_span draft = take_field(&line, ' '), name = take_field(&line, ' ');
    struct mtc_bytes der = unhex(take_field(&line, ' '));
    struct mtc_span verdict = take_field(&line, ' ');
    (void)snprintf(version, sizeof version, "%.*s", (int)draft.len, (const char *)draft.data);
    const struct mtc_wire *wire = mtc_wire_find(version);
    if (wire) {
      error.text[0] = 0;
      mtc_status status = parse(wire, mtc_span_of_bytes(&der));
      if ((status == MTC_OK) != is_text(verdict, "ok")) {
        fail_msg("%s %.*s: %s %s", version, (int)name.len, (const char *)name.data,
                 mtc_status_name(status), error.text);
      }
      assert_int_equal(status == MTC_INPUT, error.text[0] != 0);
      if (status == MTC_OK) {
        mtc_bytes_clear(&again);
        assert_int_equal(append(wire, &again), MTC_OK);
        assert_true(mtc_span_equal(mtc_span_of_bytes(&der), mtc_span_of_bytes(&again)));
      }
      num++;
    }
    mtc_bytes_free(&der);
  }
  assert_int_equal(num, 48);
  mtc_bytes_free(&file);
  mtc_bytes_free(&again);
}

/* Every proof cut short at any byte, or with one more, is refused. */
static void every_truncation_is_refused(void **state) {
  (void)state;
  static const char hex[] =
      "00090001000178f0000000000000000008"
      "00000000000a0020"
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "000011017f0004a5a5a5a50281000004a5a5a5a5ff";
  const struct mtc_wire *wire = mtc_wire_get(MTC_WIRE_PLANTS_07);
  struct mtc_bytes der = unhex(mtc_span_of_text(hex));
  for (size_t len = 0; len <= der.len; len++) {
    mtc_status status = parse(wire, mtc_span_of(der.data, len));
    assert_int_equal(status, len == der.len - 1 ? MTC_OK : MTC_INPUT);
  }
  mtc_bytes_free(&der);
}

static void hashes_are_whole(void **state) {
  (void)state;
  static const uint8_t hashes[96];
  for (size_t len = 0; len <= sizeof hashes; len++) {
    struct mtc_bytes der = {0};
    mtc_bytes_append_uint(&der, 0, 2);
    mtc_bytes_append_uint(&der, 0, 6);
    mtc_bytes_append_uint(&der, 1, 6);
    mtc_bytes_append_prefixed(&der, mtc_span_of(hashes, len), 2);
    mtc_bytes_append_uint(&der, 0, 3);
    assert_int_equal(mtc_mtcproof_parse(mtc_wire_get(MTC_WIRE_PLANTS_07), mtc_span_of_bytes(&der),
                                        &proof, &error),
                     len % 32 ? MTC_INPUT : MTC_OK);
    mtc_bytes_free(&der);
  }
}

static void fields_are_read(void **state) {
  (void)state;
  static const char hex[] =
      "00090001000178f0000000"
      "000000000008"
      "00000000000a"
      "0000"
      "000011017f0004a5a5a5a50281000004b5b5b5b5";
  struct mtc_bytes der = unhex(mtc_span_of_text(hex));
  assert_int_equal(parse(mtc_wire_get(MTC_WIRE_PLANTS_06), mtc_span_of_bytes(&der)), MTC_OK);
  assert_int_equal(proof.extensions.len, 9);
  assert_int_equal(proof.subtree.start, 8);
  assert_int_equal(proof.subtree.end, 10);
  assert_int_equal(proof.hashes.len, 0);
  assert_int_equal(num_cosignatures, 2);
  assert_int_equal(cosignatures[1].cosigner_id.len, 2);
  assert_int_equal(cosignatures[1].signature.data[3], 0xb5);
  mtc_bytes_free(&der);
}

static struct mtc_cosignature cosignature(const char *id, const char *signature) {
  return (struct mtc_cosignature){mtc_span_of_text(id), mtc_span_of_text(signature)};
}

static void the_encoder_sorts(void **state) {
  (void)state;
  struct mtc_bytes out = {0};
  const struct mtc_wire *wire = mtc_wire_get(MTC_WIRE_PLANTS_05);
  proof = (struct mtc_mtcproof){.subtree = {0, 1}};
  num_cosignatures = 4;
  cosignatures[0] = cosignature("zz", "4");
  cosignatures[1] = cosignature("c", "2");
  cosignatures[2] = cosignature("za", "3");
  cosignatures[3] = cosignature("b", "1");
  assert_int_equal(append(wire, &out), MTC_OK);
  struct mtc_span encoded = mtc_span_of_bytes(&out);
  assert_int_equal(parse(wire, encoded), MTC_OK);
  static const char *const ids[] = {"b", "c", "za", "zz"};
  for (size_t i = 0; i < 4; i++) {
    assert_true(is_text(cosignatures[i].cosigner_id, ids[i]));
    assert_int_equal(cosignatures[i].signature.data[0], '1' + i);
  }
  mtc_bytes_free(&out);
}

static void refuse(const struct mtc_wire *wire) {
  struct mtc_bytes out = {0};
  error.text[0] = 0;
  assert_int_equal(append(wire, &out), MTC_INPUT);
  assert_true(error.text[0] != 0);
  assert_int_equal(out.len, 0);
  mtc_bytes_free(&out);
}

/* Sound again, for the next thing to be wrong with it. */
static void make_sound(void) {
  proof = (struct mtc_mtcproof){.subtree = {0, 1}};
  cosignatures[0] = cosignature("a", "1");
  cosignatures[1] = cosignature("b", "2");
  num_cosignatures = 2;
}

static void the_encoder_refuses(void **state) {
  (void)state;
  static uint8_t large[65536];
  const struct mtc_wire *wire = mtc_wire_get(MTC_WIRE_PLANTS_05);
  struct mtc_bytes out = {0};
  make_sound();
  assert_int_equal(append(wire, &out), MTC_OK);
  mtc_bytes_free(&out);
  cosignatures[1].cosigner_id = mtc_span_of_text("a");
  refuse(wire);
  make_sound();
  cosignatures[1].cosigner_id.len = 0;
  refuse(wire);
  make_sound();
  cosignatures[1].cosigner_id = mtc_span_of(large, 256);
  refuse(wire);
  make_sound();
  cosignatures[1].signature = mtc_span_of(large, sizeof large);
  refuse(wire);
  make_sound();
  proof.subtree.end = UINT64_C(1) << 48;
  refuse(wire);
  make_sound();
  proof.hashes = mtc_span_of(large, 33);
  refuse(wire);
  make_sound();
  proof.hashes = mtc_span_of(large, 65536);
  refuse(wire);
  make_sound();
  proof.extensions = mtc_span_of(large, 8); /* type 0 twice */
  refuse(wire);
  /* Two bytes of length hold 65535; three hold more. */
  make_sound();
  cosignatures[0].signature = mtc_span_of(large, 65535);
  refuse(wire);
  assert_int_equal(append(mtc_wire_get(MTC_WIRE_PLANTS_06), &out), MTC_OK);
  mtc_bytes_free(&out);
}

/* As many as the list has bytes for; the largest list, of 4-byte cosignatures and longer ones. */
static void cosignatures_are_not_counted(void **state) {
  (void)state;
  struct mtc_bytes der = {0};
  uint64_t num = 0;
  mtc_bytes_append_uint(&der, 0, 2);
  mtc_bytes_append_uint(&der, 0, 6);
  mtc_bytes_append_uint(&der, 1, 6);
  mtc_bytes_append_uint(&der, 0, 2);
  size_t list = mtc_bytes_open_prefix(&der, 3);
  for (unsigned width = 1; width <= 3; width++) {
    for (uint64_t id = 0; id >> (8 * width) == 0; id++) {
      if (der.len - list - 3 + 3 + width >= UINT64_C(1) << 24) break;
      mtc_bytes_append_uint(&der, width, 1);
      mtc_bytes_append_uint(&der, id, width);
      mtc_bytes_append_uint(&der, 0, 2);
      num++;
    }
  }
  mtc_bytes_close_prefix(&der, list, 3);
  assert_int_equal(
      mtc_mtcproof_parse(mtc_wire_get(MTC_WIRE_PLANTS_07), mtc_span_of_bytes(&der), &proof, &error),
      MTC_OK);
  assert_true(num > 2000000);
  assert_int_equal(proof.num_cosignatures, num);
  /* The last two the same. */
  memcpy(der.data + der.len - 5, der.data + der.len - 11, 5);
  assert_int_equal(
      mtc_mtcproof_parse(mtc_wire_get(MTC_WIRE_PLANTS_07), mtc_span_of_bytes(&der), &proof, &error),
      MTC_INPUT);
  assert_non_null(strstr(error.text, "does not ascend"));
  mtc_bytes_free(&der);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vectors_have_their_verdicts),
      cmocka_unit_test(every_truncation_is_refused),
      cmocka_unit_test(hashes_are_whole),
      cmocka_unit_test(fields_are_read),
      cmocka_unit_test(the_encoder_sorts),
      cmocka_unit_test(the_encoder_refuses),
      cmocka_unit_test(cosignatures_are_not_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
