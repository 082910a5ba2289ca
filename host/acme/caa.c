/* CAA records: what they say about one issuance (RFC 8659, RFC 8657). */
#include "acme/caa.h"

#include <string.h>
#include <strings.h>

#define CRITICAL 0x80u

/*
 *  +-------+------------+-----+-------+
 *  | flags | tag length | tag | value |
 *  +-------+------------+-----+-------+
 */
bool acme_caa_read(struct mtc_span data, struct acme_caa_property *out) {
  struct mtc_reader reader = mtc_reader_of(data);
  uint64_t flags;
  memset(out, 0, sizeof *out);
  if (!mtc_read_uint(&reader, 1, &flags) || !mtc_read_prefixed(&reader, 1, &out->tag) ||
      out->tag.len == 0)
    return false;
  out->critical = flags & CRITICAL;
  out->value = mtc_span_of(reader.data, reader.len);
  return true;
}

static bool is_named(struct mtc_span span, const char *name) {
  return span.len == strlen(name) && strncasecmp((const char *)span.data, name, span.len) == 0;
}

static bool is_letter_or_digit(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Tags that are understood: those that are none of issuance have nothing to say here. */
static bool is_known(struct mtc_span tag) {
  static const char *const known[] = {"issue",     "issuewild",    "iodef",
                                      "issuemail", "contactemail", "contactphone"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (is_named(tag, known[i])) return true;
  return false;
}

static void skip_space(struct mtc_reader *reader) {
  while (reader->len > 0 && (reader->data[0] == ' ' || reader->data[0] == '\t')) {
    reader->data++;
    reader->len--;
  }
}

static bool skip_char(struct mtc_reader *reader, char c) {
  if (reader->len == 0 || reader->data[0] != (uint8_t)c) return false;
  reader->data++;
  reader->len--;
  return true;
}

/* (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)): letters, digits, hyphens not at either end. */
static bool read_label(struct mtc_reader *reader, struct mtc_span *out) {
  size_t len = 0;
  while (len < reader->len && (is_letter_or_digit(reader->data[len]) || reader->data[len] == '-'))
    len++;
  return len > 0 && reader->data[0] != '-' && reader->data[len - 1] != '-' &&
         mtc_read_span(reader, len, out);
}

/* label *("." label) */
static bool read_domain(struct mtc_reader *reader, struct mtc_span *out) {
  struct mtc_span label;
  out->data = reader->data;
  do {
    if (!read_label(reader, &label)) return false;
  } while (skip_char(reader, '.'));
  out->len = (size_t)(reader->data - out->data);
  return true;
}

/* What the parameters of one property ask for. */
struct parameters {
  struct mtc_span account_uri, methods;
  unsigned num_account_uris, num_methods;
};

/* tag *WSP "=" *WSP value, value = *(%x21-3A / %x3C-7E) */
static bool read_parameter(struct mtc_reader *reader, struct parameters *out) {
  struct mtc_span tag, value;
  if (!read_label(reader, &tag)) return false;
  skip_space(reader);
  if (!skip_char(reader, '=')) return false;
  skip_space(reader);
  size_t len = 0;
  while (len < reader->len && reader->data[len] > 0x20 && reader->data[len] < 0x7f &&
         reader->data[len] != ';')
    len++;
  if (!mtc_read_span(reader, len, &value)) return false;
  skip_space(reader);
  if (is_named(tag, "accounturi")) {
    out->account_uri = value;
    out->num_account_uris++;
  } else if (is_named(tag, "validationmethods")) {
    out->methods = value;
    out->num_methods++;
  }
  return true;
}

/* *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]] */
static bool read_value(struct mtc_span value, struct mtc_span *domain, struct parameters *out) {
  struct mtc_reader reader = mtc_reader_of(value);
  memset(domain, 0, sizeof *domain);
  memset(out, 0, sizeof *out);
  skip_space(&reader);
  if (reader.len > 0 && reader.data[0] != ';' && !read_domain(&reader, domain)) return false;
  skip_space(&reader);
  if (reader.len == 0) return true;
  if (!skip_char(&reader, ';')) return false;
  skip_space(&reader);
  while (reader.len > 0) {
    if (!read_parameter(&reader, out)) return false;
    if (reader.len == 0) return true;
    if (!skip_char(&reader, ';')) return false;
    skip_space(&reader);
  }
  return true;
}

/* [*(label ",") label]; a list that is malformed anywhere has no method. */
static bool has_method(struct mtc_span list, const char *method) {
  struct mtc_reader reader = mtc_reader_of(list);
  bool found = false;
  if (list.len == 0) return false;
  do {
    size_t len = 0;
    while (len < reader.len && (is_letter_or_digit(reader.data[len]) || reader.data[len] == '-'))
      len++;
    struct mtc_span label;
    if (len == 0 || !mtc_read_span(&reader, len, &label)) return false;
    found = found || mtc_span_equal(label, mtc_span_of_text(method));
  } while (skip_char(&reader, ','));
  return found && reader.len == 0;
}

/* How far a property goes towards allowing the request; the farthest one makes the message. */
enum grade { MALFORMED, ANOTHER_CA, ANOTHER_ACCOUNT, ANOTHER_METHOD, ALLOWED };

static enum grade grade_of(struct mtc_span value, const struct acme_caa_request *request) {
  struct mtc_span domain;
  struct parameters parameters;
  if (!read_value(value, &domain, &parameters)) return MALFORMED;
  bool named = false;
  for (unsigned i = 0; i < request->num_identities; i++)
    named = named || (domain.len > 0 && is_named(domain, request->identities[i]));
  if (!named) return ANOTHER_CA;
  if (parameters.num_account_uris > 0 &&
      (parameters.num_account_uris > 1 ||
       !mtc_span_equal(parameters.account_uri, mtc_span_of_text(request->account_uri))))
    return ANOTHER_ACCOUNT;
  if (parameters.num_methods > 0 &&
      (parameters.num_methods > 1 || !has_method(parameters.methods, request->method)))
    return ANOTHER_METHOD;
  return ALLOWED;
}

const char *acme_caa_decide(const struct mtc_span *records, unsigned num,
                            const struct acme_caa_request *request) {
  bool restricted = false, restricted_wild = false;
  enum grade best = MALFORMED, best_wild = MALFORMED;
  for (unsigned i = 0; i < num; i++) {
    struct acme_caa_property property;
    if (!acme_caa_read(records[i], &property)) return "a record is malformed";
    if (is_named(property.tag, "issue")) {
      enum grade grade = grade_of(property.value, request);
      restricted = true;
      if (grade > best) best = grade;
    } else if (is_named(property.tag, "issuewild")) {
      enum grade grade = grade_of(property.value, request);
      restricted_wild = true;
      if (grade > best_wild) best_wild = grade;
    } else if (property.critical && !is_known(property.tag)) {
      return "a critical property is not understood";
    }
  }
  if (request->wildcard && restricted_wild)
    best = best_wild;
  else if (!restricted)
    return NULL;
  static const char *const reasons[] = {
      [MALFORMED] = "the values are malformed and so allow no CA",
      [ANOTHER_CA] = "this CA is not named",
      [ANOTHER_ACCOUNT] = "another account is named (accounturi)",
      [ANOTHER_METHOD] = "another method is asked for (validationmethods)",
      [ALLOWED] = NULL,
  };
  return reasons[best];
}
