/* Strict DER: what passes the checker is written back byte for byte; times and object identifiers
 * (against libcrypto) have one form. */
#include <openssl/err.h>
#include <openssl/objects.h>

#include "entry/der.h"
#include "fuzz/fuzz.h"

static void check_scalar(const struct mtc_der *element) {
  struct mtc_bytes again = {0};
  uint64_t number;
  int64_t time;
  if (element->tag == MTC_DER_INTEGER && mtc_der_uint(element->contents, &number)) {
    mtc_der_append_uint(&again, number);
    assert_built(&again, element->tlv);
  }
  if (mtc_der_time(element, &time)) {
    mtc_der_append_time(&again, time);
    assert_built(&again, element->tlv);
  }
}

/* Characters as libcrypto counts them. */
static void check_utf8(struct mtc_span contents) {
  unsigned long value;
  while (contents.len) {
    int used = UTF8_getc(contents.data, (int)contents.len, &value);
    assert(used > 0 && value <= 0x10ffff);
    contents.data += used;
    contents.len -= (size_t)used;
  }
}

static void check_elements(struct mtc_span span) {
  struct mtc_reader reader = mtc_reader_of(span);
  struct mtc_der element;
  struct mtc_bytes again = {0};
  while (reader.len) {
    assert(mtc_der_next(&reader, &element));
    assert_inside(span, element.tlv);
    mtc_der_append(&again, element.tag, element.contents);
    assert_built(&again, element.tlv);
    check_scalar(&element);
    if (element.tag == MTC_DER_UTF8_STRING) check_utf8(element.contents);
    assert(mtc_der_check(element.tlv));
    if (element.tag & 0x20) check_elements(element.contents);
  }
}

static void check_oid(const uint8_t *data, size_t len) {
  char *text = text_of(data, len);
  struct mtc_bytes der = {0};
  if (mtc_der_append_oid(&der, text) == MTC_OK) {
    assert(mtc_der_check(mtc_span_of_bytes(&der)));
    ASN1_OBJECT *object = OBJ_txt2obj(text, 1);
    unsigned char *expected = NULL;
    int expected_len = object ? i2d_ASN1_OBJECT(object, &expected) : 0;
    assert(expected_len > 0);
    assert_same(mtc_span_of_bytes(&der), mtc_span_of(expected, (size_t)expected_len));
    OPENSSL_free(expected);
    ASN1_OBJECT_free(object);
  } else {
    assert(der.len == 0);
  }
  ERR_clear_error();
  mtc_bytes_free(&der);
  mtc_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  struct mtc_reader reader = mtc_reader_of(input);
  struct mtc_der element;
  if (mtc_der_check(input)) check_elements(input);
  if (mtc_der_next(&reader, &element)) {
    assert(element.tlv.len + reader.len == len);
    check_scalar(&element);
  }
  check_oid(data, len);
  return 0;
}
