/* The subject of a certificate: checked, read from a command line, shown to people. */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "entry/fields.h"
#include "mtc/entry.h"

#define MAX_TYPE_LEN 64

mtc_status mtc_subject_check(struct mtc_span name, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(name);
  struct mtc_span tlv;
  if (name.len > MTC_MAX_SUBJECT_LEN)
    return mtc_fail(error, MTC_INPUT, "a subject of %zu bytes; at most %u are allowed", name.len,
                    MTC_MAX_SUBJECT_LEN);
  mtc_status status = mtc_fields_name(&reader, "the subject", &tlv, error);
  if (!status && reader.len)
    status = mtc_fail(error, MTC_INPUT, "the subject has %zu bytes behind it", reader.len);
  return status;
}

/* Takes what stands before one of `ends`, without its backslashes; NULL when it does not fit. */
static const char *take(const char *text, const char *ends, struct mtc_bytes *out) {
  for (; *text && !strchr(ends, *text); text++) {
    if (*text == '\\') text++;
    if (!*text) return NULL;
    mtc_bytes_append(out, text, 1);
    if (out->len > MTC_MAX_SUBJECT_LEN) return NULL;
  }
  return text;
}

/* TYPE=VALUE, from `text` on; `set` is 0, or -1 for one more attribute of the same RDN. */
static mtc_status add_attribute(X509_NAME *name, const char **text, int set,
                                struct mtc_error *error) {
  struct mtc_bytes type = {0}, value = {0};
  const char *end = take(*text, "=/+", &type);
  mtc_status status = MTC_OK;
  mtc_bytes_append_uint(&type, 0, 1);
  if (!end || *end != '=' || type.len > MAX_TYPE_LEN)
    status = mtc_fail(error, MTC_INPUT, "\"%.64s\" is not TYPE=VALUE", *text);
  if (!status) {
    *text = take(end + 1, "/+", &value);
    if (!*text || value.len == 0)
      status = mtc_fail(error, MTC_INPUT, "\"%.64s\" has no value, or one that is too long",
                        (const char *)type.data);
  }
  if (!status && (mtc_bytes_status(&type) || mtc_bytes_status(&value))) status = MTC_NOMEM;
  if (!status && !X509_NAME_add_entry_by_txt(name, (const char *)type.data, MBSTRING_UTF8,
                                             value.data, (int)value.len, -1, set)) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    status = mtc_fail(error, MTC_INPUT, "%s=%.*s: %s", (const char *)type.data,
                      (int)(value.len > 64 ? 64 : value.len), (const char *)value.data,
                      reason ? reason : "not an attribute of a name");
  }
  mtc_bytes_free(&type);
  mtc_bytes_free(&value);
  return status;
}

static mtc_status parse(const char *text, X509_NAME *name, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  if (text[0] != '/') return mtc_fail(error, MTC_INPUT, "it does not begin with /");
  if (!text[1]) return MTC_OK; /* the empty name */
  while (!status && *text) {
    int set = *text == '+' ? -1 : 0;
    text++;
    status = add_attribute(name, &text, set, error);
  }
  return status;
}

mtc_status mtc_subject_parse(const char *text, struct mtc_bytes *out, struct mtc_error *error) {
  unsigned char *der = NULL;
  ERR_set_mark();
  X509_NAME *name = X509_NAME_new();
  mtc_status status = name ? parse(text, name, error) : MTC_NOMEM;
  int len = status ? 0 : i2d_X509_NAME(name, &der);
  if (!status && len <= 0) status = MTC_NOMEM;
  if (!status) status = mtc_subject_check(mtc_span_of(der, (size_t)len), error);
  if (!status) {
    mtc_bytes_append(out, der, (size_t)len);
    status = mtc_bytes_status(out);
  }
  OPENSSL_free(der);
  X509_NAME_free(name);
  ERR_pop_to_mark();
  return status == MTC_INPUT ? mtc_fail_within(error, status, "subject") : status;
}

/* In ASCII, as RFC 4514 has it; what is no text becomes # and the value in hexadecimal. */
static bool print(struct mtc_span name, BIO *out) {
  const unsigned char *at = name.data;
  X509_NAME *parsed = d2i_X509_NAME(NULL, &at, (long)name.len);
  bool is_printed = parsed && X509_NAME_print_ex(out, parsed, 0, XN_FLAG_RFC2253) >= 0;
  X509_NAME_free(parsed);
  return is_printed;
}

const char *mtc_subject_format(struct mtc_span name, char out_text[MTC_SUBJECT_TEXT]) {
  static const char ellipsis[] = "...";
  const char *text = NULL;
  struct mtc_bytes hex = {0};
  size_t max_len = MTC_SUBJECT_TEXT - sizeof ellipsis;
  ERR_set_mark();
  BIO *buffer = name.len <= MTC_MAX_SUBJECT_LEN ? BIO_new(BIO_s_mem()) : NULL;
  long len = 0;
  if (buffer && print(name, buffer)) len = BIO_get_mem_data(buffer, &text);
  if (len <= 0 && name.len > 2) {
    mtc_bytes_append_text(&hex, "#");
    mtc_bytes_append_hex(&hex, mtc_span_of(name.data, name.len < max_len ? name.len : max_len));
    text = (const char *)hex.data;
    len = mtc_bytes_status(&hex) ? 0 : (long)hex.len;
  }
  ERR_pop_to_mark();
  if (len <= 0) {
    text = name.len == 2 ? "(empty)" : "(unreadable)";
    len = (long)strlen(text);
  }
  bool is_cut = (size_t)len > max_len;
  size_t shown = is_cut ? max_len : (size_t)len;
  memcpy(out_text, text, shown);
  memcpy(out_text + shown, is_cut ? ellipsis : "", is_cut ? sizeof ellipsis : 1);
  BIO_free(buffer);
  mtc_bytes_free(&hex);
  return out_text;
}
