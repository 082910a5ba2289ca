/* Identifiers (RFC 8555, "Identifier"; RFC 8738) in their canonical form. */
#include "acme/identifier.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#define MAX_DNS_LEN 253u
#define MAX_LABEL_LEN 63u

static bool is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool label_is_valid(struct mtc_span label) {
  if (label.len == 0 || label.len > MAX_LABEL_LEN) return false;
  if (label.data[0] == '-' || label.data[label.len - 1] == '-') return false;
  for (size_t i = 0; i < label.len; i++)
    if (!is_letter(label.data[i]) && !is_digit(label.data[i]) && label.data[i] != '-') return false;
  return true;
}

/* "??--" is kept for encodings (RFC 5890), of which "xn--" is the only one there is. */
static bool label_is_reserved(struct mtc_span label) {
  if (label.len < 4 || label.data[2] != '-' || label.data[3] != '-') return false;
  return label.len == 4 || (label.data[0] | 0x20) != 'x' || (label.data[1] | 0x20) != 'n';
}

/* What some resolver or browser takes for a part of an IPv4 address: 1, 0x7f, 0x. */
static bool label_is_number(struct mtc_span label) {
  bool is_hex = label.len >= 2 && label.data[0] == '0' && (label.data[1] | 0x20) == 'x';
  for (size_t i = is_hex ? 2 : 0; i < label.len; i++) {
    uint8_t c = label.data[i] | 0x20;
    if (!is_digit(label.data[i]) && !(is_hex && c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

/* Says what is wrong with the labels of a name without "*."; NULL: nothing. */
static const char *labels_problem(struct mtc_span name, size_t *out_num_labels) {
  struct mtc_span label = {0};
  *out_num_labels = 0;
  for (size_t start = 0; start <= name.len; start += label.len + 1, (*out_num_labels)++) {
    const uint8_t *at = start < name.len ? name.data + start : name.data;
    const uint8_t *dot = start < name.len ? memchr(at, '.', name.len - start) : NULL;
    label = mtc_span_of(at, dot ? (size_t)(dot - at) : name.len - start);
    if (!label_is_valid(label))
      return "has a label that is empty, over 63 characters, or not letters, digits and inner "
             "hyphens";
    if (label_is_reserved(label))
      return "has a label with hyphens third and fourth that does not begin with xn--";
  }
  if (label_is_number(label)) return "ends in a number: an address has the type ip";
  return NULL;
}

static const char *dns_problem(struct mtc_span text, size_t *out_num_labels) {
  *out_num_labels = 0;
  if (text.len == 0) return "is empty";
  if (text.len > MAX_DNS_LEN) return "is longer than 253 characters";
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
      return "is not printable ASCII (internationalised names go in as xn-- labels)";
  if (text.len >= 2 && text.data[0] == '*' && text.data[1] == '.')
    text = mtc_span_of(text.data + 2, text.len - 2);
  if (memchr(text.data, '*', text.len)) return "has a wildcard elsewhere than in front, as \"*.\"";
  return labels_problem(text, out_num_labels);
}

enum acme_problem_type acme_identifier_from_dns(struct mtc_span text, struct acme_identifier *out,
                                                struct acme_problem *problem) {
  size_t num_labels;
  int shown = text.len > 80 ? 80 : (int)text.len;
  const char *start = text.len ? (const char *)text.data : "";
  const char *wrong = dns_problem(text, &num_labels);
  *out = (struct acme_identifier){.type = ACME_DNS_NAME};
  if (wrong)
    return acme_fail(problem, ACME_MALFORMED, "identifier: DNS name \"%.*s\" %s", shown, start,
                     wrong);
  if (num_labels < 2)
    return acme_fail(problem, ACME_REJECTED_IDENTIFIER, "identifier: DNS name \"%.*s\" %s", shown,
                     start,
                     start[0] == '*' ? "is a wildcard over a whole top-level domain"
                                     : "has a single label: no public name");
  for (size_t i = 0; i < text.len; i++)
    out->value[i] = (char)(is_letter(text.data[i]) ? text.data[i] | 0x20 : text.data[i]);
  return ACME_NONE;
}

enum acme_problem_type acme_identifier_from_bytes(struct mtc_span bytes,
                                                  struct acme_identifier *out,
                                                  struct acme_problem *problem) {
  static const uint8_t zeros[15], mapped[12] = {[10] = 0xff, [11] = 0xff};
  *out = (struct acme_identifier){.type = ACME_IP_ADDRESS};
  if (bytes.len != 4 && bytes.len != 16)
    return acme_fail(problem, ACME_MALFORMED,
                     "identifier: an IP address of %zu bytes; 4 or 16 are wanted", bytes.len);
  if (bytes.len == 16 && memcmp(bytes.data, mapped, sizeof mapped) == 0)
    return acme_fail(problem, ACME_MALFORMED,
                     "identifier: an IPv4 address mapped into IPv6: write it as IPv4");
  /* ::a.b.c.d (RFC 4291 gave it up); :: and ::1 are what they are */
  if (bytes.len == 16 && memcmp(bytes.data, zeros, 12) == 0 &&
      (memcmp(bytes.data, zeros, 15) != 0 || bytes.data[15] > 1))
    return acme_fail(problem, ACME_MALFORMED,
                     "identifier: an IPv4 address embedded in IPv6: write it as IPv4");
  if (!inet_ntop(bytes.len == 4 ? AF_INET : AF_INET6, bytes.data, out->value, sizeof out->value))
    return acme_fail(problem, ACME_SERVER_INTERNAL, "identifier: no text for an IP address");
  return ACME_NONE;
}

enum acme_problem_type acme_identifier_from_ip(struct mtc_span text, struct acme_identifier *out,
                                               struct acme_problem *problem) {
  char copy[INET6_ADDRSTRLEN] = {0};
  uint8_t bytes[16];
  *out = (struct acme_identifier){.type = ACME_IP_ADDRESS};
  bool is_good = text.len > 0 && text.len < sizeof copy && !memchr(text.data, 0, text.len);
  if (is_good) memcpy(copy, text.data, text.len);
  bool is_v6 = is_good && strchr(copy, ':');
  if (!is_good || inet_pton(is_v6 ? AF_INET6 : AF_INET, copy, bytes) != 1)
    return acme_fail(problem, ACME_MALFORMED,
                     "identifier: \"%.*s\" is no IPv4 or IPv6 address (without zone, port, prefix "
                     "or brackets)",
                     text.len > 80 ? 80 : (int)text.len, text.len ? (const char *)text.data : "");
  return acme_identifier_from_bytes(mtc_span_of(bytes, is_v6 ? 16 : 4), out, problem);
}

enum acme_problem_type acme_identifier_parse(const json_t *json, struct acme_identifier *out,
                                             struct acme_problem *problem) {
  const json_t *value = json_object_get(json, "value");
  const char *type = json_string_value(json_object_get(json, "type"));
  *out = (struct acme_identifier){0};
  if (!json_is_object(json))
    return acme_fail(problem, ACME_MALFORMED, "identifier: not a JSON object");
  if (!type)
    return acme_fail(problem, ACME_MALFORMED, "identifier: \"type\" is missing or no string");
  if (!json_is_string(value))
    return acme_fail(problem, ACME_MALFORMED, "identifier: \"value\" is missing or no string");
  struct mtc_span text = mtc_span_of(json_string_value(value), json_string_length(value));
  if (strcmp(type, "dns") == 0) return acme_identifier_from_dns(text, out, problem);
  if (strcmp(type, "ip") == 0) return acme_identifier_from_ip(text, out, problem);
  return acme_fail(problem, ACME_UNSUPPORTED_IDENTIFIER,
                   "identifier: type \"%.32s\" is neither dns nor ip", type);
}

json_t *acme_identifier_json(const struct acme_identifier *identifier) {
  return json_pack("{s:s, s:s}", "type", identifier->type == ACME_DNS_NAME ? "dns" : "ip", "value",
                   identifier->value);
}

static int compare(const void *a, const void *b) {
  const struct acme_identifier *left = a, *right = b;
  if (left->type != right->type) return left->type < right->type ? -1 : 1;
  return strcmp(left->value, right->value);
}

size_t acme_identifiers_sort(struct acme_identifier *identifiers, size_t num) {
  size_t left = 0;
  if (num == 0) return 0;
  qsort(identifiers, num, sizeof *identifiers, compare);
  for (size_t i = 1; i < num; i++) {
    if (compare(&identifiers[left], &identifiers[i]) == 0) continue;
    if (++left != i) identifiers[left] = identifiers[i];
  }
  return left + 1;
}
