/* The landmarks file of every wire version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mtc/proof.h"
#include "support/vector_file.h"

#define NOW 1790000000
#define LATER "2082758399\n"

static const struct mtc_wire *wire_05, *wire_06, *wire_07;
static struct mtc_landmark landmarks[64];
static struct mtc_error error;
static size_t num;

static int find_wires(void **state) {
  (void)state;
  wire_05 = mtc_wire_get(MTC_WIRE_PLANTS_05);
  wire_06 = mtc_wire_get(MTC_WIRE_PLANTS_06);
  wire_07 = mtc_wire_get(MTC_WIRE_PLANTS_07);
  return 0;
}

static mtc_status parse(const struct mtc_wire *wire, const char *file, int64_t now_s) {
  error.text[0] = 0;
  return mtc_landmarks_parse(wire, mtc_span_of_text(file), now_s, landmarks, 64, &num, &error);
}

/* Accepts, and writes the same file again. */
static void accept(const struct mtc_wire *wire, const char *file) {
  struct mtc_bytes again = {0};
  if (parse(wire, file, NOW)) fail_msg("%s: %s", file, error.text);
  if (mtc_landmarks_append(wire, landmarks, num, NOW, &again, &error)) fail_msg("%s", error.text);
  assert_span_equal(mtc_span_of_bytes(&again), mtc_span_of_text(file));
  mtc_bytes_free(&again);
}

static void refuse(const struct mtc_wire *wire, const char *file, unsigned line) {
  char where[32];
  if (parse(wire, file, NOW) != MTC_INPUT) fail_msg("accepted: %s", file);
  (void)snprintf(where, sizeof where, "line %u:", line);
  if (!strstr(error.text, where)) fail_msg("%s: not \"%s\": %s", file, where, error.text);
}

/* The file of the corpus gives the trusted subtrees of its policy. */
static void corpus_file_gives_its_subtrees(void **state) {
  (void)state;
  struct mtc_bytes file = read_vector("openssl-from-corpus-07/landmarks-1.txt"), found = {0};
  struct mtc_bytes subtrees = read_vector("openssl-from-corpus-07/subtrees-1.txt"), expected = {0};
  assert_int_equal(
      mtc_landmarks_parse(wire_07, mtc_span_of_bytes(&file), NOW, landmarks, 64, &num, &error),
      MTC_OK);
  assert_int_equal(num, 4);
  assert_int_equal(landmarks[0].number, 3);
  assert_int_equal(landmarks[1].tree_size, 2036);
  assert_int_equal(landmarks[2].expiry_s, 2082758399);
  for (size_t i = num - 1; i-- > 0;) {
    struct mtc_subtree cover[2];
    mtc_subtree_cover((struct mtc_subtree){landmarks[i + 1].tree_size, landmarks[i].tree_size},
                      cover);
    for (size_t k = 0; k < 2; k++) {
      mtc_bytes_append_format(&found, "%llu %llu\n", (unsigned long long)cover[k].start,
                              (unsigned long long)cover[k].end);
    }
  }
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&subtrees));
  struct mtc_span line;
  while (next_vector(&reader, &line)) {
    (void)take_field(&line, ' ');
    (void)take_field(&line, ' ');
    mtc_bytes_append_span(&expected, take_field(&line, ' '));
    mtc_bytes_append_text(&expected, " ");
    mtc_bytes_append_span(&expected, take_field(&line, ' '));
    mtc_bytes_append_text(&expected, "\n");
  }
  assert_span_equal(mtc_span_of_bytes(&found), mtc_span_of_bytes(&expected));
  mtc_bytes_free(&file);
  mtc_bytes_free(&found);
  mtc_bytes_free(&subtrees);
  mtc_bytes_free(&expected);
}

static void files_that_are_accepted(void **state) {
  (void)state;
  accept(wire_07, "3\n2122 " LATER "2036 " LATER "34 " LATER "0 0\n");
  accept(wire_06, "3\n2122 " LATER "2036 " LATER "34 " LATER "0 0\n");
  accept(wire_07, "0\n0 0\n");
  accept(wire_07, "7\n100 " LATER "90 1789999999\n");
  accept(wire_07, "7\n100 1789999999\n");
  accept(wire_07, "7\n100 5\n90 4\n80 4\n");
  accept(wire_07, "281474976710655\n281474976710655 " LATER "9 1\n");
  accept(wire_05, "3 3\n2122\n2036\n34\n0\n");
  accept(wire_05, "3 1\n2122\n2036\n");
  accept(wire_05, "3 0\n2122\n");
  accept(wire_05, "0 0\n0\n");
}

static void files_that_are_refused(void **state) {
  (void)state;
  refuse(wire_07, "", 1);
  refuse(wire_07, "3", 1);
  refuse(wire_07, "3 3\n", 1);
  refuse(wire_07, "03\n0 0\n", 1);
  refuse(wire_07, " 3\n0 0\n", 1);
  refuse(wire_07, "281474976710656\n1 1\n", 1);
  refuse(wire_07, "3\n", 1);
  refuse(wire_07, "3\n2122 " LATER, 2);
  refuse(wire_07, "3\n2122  1\n", 2);
  refuse(wire_07, "3\n2122 1 \n", 2);
  refuse(wire_07, "3\n2122 1\r\n", 2);
  refuse(wire_07, "3\n2122\t1\n", 2);
  refuse(wire_07, "3\n2122 -1\n", 2);
  refuse(wire_07, "3\n2122 1", 2);
  refuse(wire_07, "3\n2122 9223372036854775808\n", 2);
  refuse(wire_07, "3\n281474976710656 1\n", 2);
  refuse(wire_07, "3\n2122\n2036\n34\n0\n", 2);
  refuse(wire_07, "3\n\n2122 1\n", 2);
  refuse(wire_07, "3\n2122 " LATER "2122 1\n", 3);
  refuse(wire_07, "3\n2122 " LATER "2123 1\n", 3);
  refuse(wire_07, "3\n2122 1\n2036 2\n", 3);
  refuse(wire_07, "3\n2122 " LATER "\n", 3);
  refuse(wire_07, "3\n2122 " LATER "2036 " LATER "34 1\n0 0\n\n", 6);
  refuse(wire_07, "1\n2122 " LATER "0 0\n0 0\n", 4);
  assert_non_null(strstr(error.text, "more landmarks than the first line"));
  refuse(wire_07, "1\n2122 " LATER "1 0\n", 3);
  refuse(wire_07, "0\n0 1\n", 2);
  refuse(wire_07, "0\n1 0\n", 2);
  refuse(wire_07, "2\n2122 " LATER "0 0\n", 3);
  refuse(wire_07, "7\n100 1790000000\n", 2); /* expires only after this second */
  refuse(wire_05, "3\n2122 1\n", 1);
  refuse(wire_05, "3 4\n5\n4\n3\n2\n1\n", 1);
  refuse(wire_05, "3 3\n2122\n2036\n34\n", 5);
  refuse(wire_05, "3 1\n2122\n2036\n34\n", 4);
  refuse(wire_05, "3 1\n2122\n2122\n", 3);
  refuse(wire_05, "3 1\n2122 1\n2036 1\n", 2);
  refuse(wire_05, "1 1\n2122\n1\n", 3);
}

static void the_caller_bounds_the_number(void **state) {
  (void)state;
  static const char file[] = "3\n2122 " LATER "2036 " LATER "34 " LATER "0 0\n";
  for (size_t max = 0; max <= 4; max++) {
    assert_int_equal(
        mtc_landmarks_parse(wire_07, mtc_span_of_text(file), NOW, landmarks, max, &num, &error),
        max == 4 ? MTC_OK : MTC_INPUT);
  }
}

static void the_writer_refuses(void **state) {
  (void)state;
  static const struct {
    struct mtc_landmark landmarks[2];
    size_t num;
  } cases[] = {
      {{{0}}, 0},
      {{{5, 100, 2082758399}, {3, 90, 1}}, 2},
      {{{5, 100, 2082758399}, {6, 90, 1}}, 2},
      {{{5, 100, 2082758399}, {4, 100, 1}}, 2},
      {{{5, 100, 2}, {4, 90, 3}}, 2},
      {{{5, 100, 2082758399}, {4, 90, 2082758399}}, 2},
      {{{5, 100, -1}}, 1},
      {{{5, UINT64_C(1) << 48, 1}}, 1},
      {{{UINT64_C(1) << 48, 100, 1}}, 1},
      {{{0, 1, 0}}, 1},
      {{{5, 0, 0}}, 1},
  };
  struct mtc_bytes out = {0};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    error.text[0] = 0;
    assert_int_equal(
        mtc_landmarks_append(wire_07, cases[i].landmarks, cases[i].num, NOW, &out, &error),
        MTC_INPUT);
    assert_true(error.text[0] != 0);
    assert_int_equal(out.len, 0);
  }
  /* Without expiry in the format there must be none to lose. */
  assert_int_equal(mtc_landmarks_append(wire_05, cases[1].landmarks, 1, NOW, &out, &error),
                   MTC_INPUT);
  mtc_bytes_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(corpus_file_gives_its_subtrees),
      cmocka_unit_test(files_that_are_accepted),
      cmocka_unit_test(files_that_are_refused),
      cmocka_unit_test(the_caller_bounds_the_number),
      cmocka_unit_test(the_writer_refuses),
  };
  return cmocka_run_group_tests(tests, find_wires, NULL);
}
