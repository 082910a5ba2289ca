/* Numbers of vendors, and templates changed by name: what is read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>

#include "sign/key_pair.h"
#include "sign/pkcs11_constants.h"

static void numbers_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned long value;
  } good[] = {{"0", 0},
              {"29", 29},
              {"0x1D", 29},
              {"0X1d", 29},
              {"0x1", 1},
              {"0x80000123", 0x80000123},
              {"4294967295", 0xffffffff},
              {"0xFFFFFFFFFFFFFFFE", 0xfffffffffffffffe}};
  static const char *const bad[] = {"",
                                    "0x",
                                    "x1",
                                    "-1",
                                    "1 ",
                                    " 1",
                                    "0x1g",
                                    "CKM_X",
                                    "012",
                                    "1.0",
                                    "0x0x1",
                                    "0x12345678123456789",
                                    "18446744073709551615",
                                    "18446744073709551616",
                                    "0xffffffffffffffff"};
  unsigned long value;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(mtc_mechanism_parse_number(good[i].text, &value));
    assert_true(value == good[i].value);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(mtc_mechanism_parse_number(bad[i], &value));
}

static void only_given_numbers_are_overridden(void **state) {
  (void)state;
  const struct mtc_mechanism *standard = mtc_mechanism_get(MTC_ALGORITHM_MLDSA65);
  struct mtc_mechanism_numbers numbers = {.sign = 0x80000042};
  struct mtc_mechanism adjusted = mtc_mechanism_override(standard, &numbers);
  assert_true(adjusted.sign == 0x80000042 && adjusted.generate == CKM_ML_DSA_KEY_PAIR_GEN);
  assert_true(adjusted.key_type == CKK_ML_DSA && adjusted.parameter_set == CKP_ML_DSA_65);
  assert_true(standard->sign == CKM_ML_DSA);
  numbers = (struct mtc_mechanism_numbers){.generate = 5, .key_type = 6};
  adjusted = mtc_mechanism_override(standard, &numbers);
  assert_true(adjusted.generate == 5 && adjusted.key_type == 6 && adjusted.sign == CKM_ML_DSA);
}

static struct mtc_key_templates fresh(void) {
  struct mtc_key_templates templates;
  struct mtc_error error = {0};
  assert_int_equal(mtc_key_templates_fill(mtc_mechanism_get(MTC_ALGORITHM_MLDSA44), "ca",
                                          mtc_span_of("\1", 1), &templates, &error),
                   MTC_OK);
  return templates;
}

static void a_template_changes_as_told(void **state) {
  (void)state;
  struct mtc_error error = {0};
  struct mtc_key_templates templates = fresh();
  struct mtc_template *private = &templates.private_key, *public = &templates.public_key;
  size_t num = private->num;
  assert_int_equal(mtc_template_override(private, true, "CKA_MODIFIABLE", "false", &error), MTC_OK);
  assert_int_equal(private->num, num + 1);
  assert_false(mtc_template_flag(private, CKA_MODIFIABLE, true));
  assert_int_equal(mtc_template_override(private, true, "CKA_UNWRAP", "omit", &error), MTC_OK);
  assert_null(mtc_template_find(private, CKA_UNWRAP));
  assert_int_equal(mtc_template_override(private, true, "CKA_SENSITIVE", "true", &error), MTC_OK);
  assert_int_equal(mtc_template_override(public, false, "CKA_PARAMETER_SET", "omit", &error),
                   MTC_OK);
  assert_int_equal(mtc_template_override(public, false, "0x80000123", "0x2", &error), MTC_OK);
  assert_int_equal(mtc_template_find(public, 0x80000123)->len, sizeof(CK_ULONG));
  assert_int_equal(mtc_template_override(public, false, "0x80000124", "text:a=b", &error), MTC_OK);
  assert_memory_equal(mtc_template_find(public, 0x80000124)->value, "a=b", 3);
  assert_int_equal(mtc_template_override(public, false, "0x80000125", "hex:", &error), MTC_OK);
  assert_int_equal(mtc_template_find(public, 0x80000125)->len, 0);
}

/* By name or number, with any kind of value: the key stays as protected as it was. */
static void nothing_weakens_a_key(void **state) {
  (void)state;
  static const char *const names[][2] = {{"CKA_SENSITIVE", "false"},
                                         {"0x103", "0"},
                                         {"259", "false"},
                                         {"CKA_SENSITIVE", "omit"},
                                         {"CKA_EXTRACTABLE", "true"},
                                         {"0x162", "hex:01"},
                                         {"354", "1"},
                                         {"CKA_EXTRACTABLE", "omit"},
                                         {"CKA_PRIVATE", "false"},
                                         {"CKA_SIGN", "omit"},
                                         {"CKA_DECRYPT", "true"},
                                         {"CKA_UNWRAP", "true"},
                                         {"CKA_DERIVE", "true"},
                                         {"CKA_TOKEN", "true"},
                                         {"CKA_ID", "hex:02"},
                                         {"CKA_VALUE", "hex:00"},
                                         {"CKA_SEED", "omit"},
                                         {"CKA_LABEL", "text:x"},
                                         {"CKA_SENSITIVE", "text:"},
                                         {"CKA_CLASS", "2"},
                                         {"CKA_SIGN_RECOVER", "true"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct mtc_key_templates templates = fresh(), before = templates;
    struct mtc_error error = {0};
    mtc_status status =
        mtc_template_override(&templates.private_key, true, names[i][0], names[i][1], &error);
    if (status != MTC_INPUT || !error.text[0]) fail_msg("%s=%s", names[i][0], names[i][1]);
    assert_memory_equal(&templates, &before, sizeof before);
  }
}

static void a_key_is_judged_by_what_the_token_says(void **state) {
  (void)state;
  const struct mtc_mechanism *mechanism = mtc_mechanism_get(MTC_ALGORITHM_MLDSA44);
  struct mtc_span id = mtc_span_of("\1", 1);
  struct mtc_error error = {0};
  struct mtc_template good = fresh().private_key;
  const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  const unsigned long class = CKO_PRIVATE_KEY;
  static const unsigned long facts[] = {CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE};
  assert_false(
      mtc_template_set(&good, CKA_CLASS, MTC_ATTRIBUTE_NUMBER, &class, sizeof class, &error));
  assert_false(mtc_template_set(&good, CKA_KEY_TYPE, MTC_ATTRIBUTE_NUMBER, &mechanism->key_type,
                                sizeof(CK_ULONG), &error));
  for (size_t i = 0; i < 3; i++)
    assert_false(mtc_template_set(&good, facts[i], MTC_ATTRIBUTE_FLAG, &yes, 1, &error));
  assert_int_equal(mtc_key_judge(&good, mechanism, "ca", id, 0, &error), MTC_OK);
  assert_int_equal(mtc_key_judge(&good, mechanism, "cb", id, 0, &error), MTC_TOKEN);
  assert_int_equal(mtc_key_judge(&good, mechanism, "ca", mtc_span_of("\2", 1), 0, &error),
                   MTC_TOKEN);
  assert_int_equal(
      mtc_key_judge(&good, mtc_mechanism_get(MTC_ALGORITHM_ED25519), "ca", id, 0, &error),
      MTC_TOKEN);
  /* Each flag the other way round, or not told. */
  for (size_t i = 0; i < good.num; i++) {
    struct mtc_template bad = good;
    if (bad.items[i].kind != MTC_ATTRIBUTE_FLAG) continue;
    bad.items[i].value[0] = bad.items[i].value[0] ? no : yes;
    assert_int_equal(mtc_key_judge(&bad, mechanism, "ca", id, 0, &error), MTC_TOKEN);
    bool is_fact = bad.items[i].type == CKA_LOCAL || bad.items[i].type == CKA_ALWAYS_SENSITIVE ||
                   bad.items[i].type == CKA_NEVER_EXTRACTABLE;
    assert_int_equal(mtc_key_judge(&bad, mechanism, "ca", id, ~0u, &error),
                     is_fact ? MTC_OK : MTC_TOKEN);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_read),
      cmocka_unit_test(only_given_numbers_are_overridden),
      cmocka_unit_test(a_template_changes_as_told),
      cmocka_unit_test(nothing_weakens_a_key),
      cmocka_unit_test(a_key_is_judged_by_what_the_token_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
