#include <ctype.h>
#include <string.h>

#include "entry/der.h"
#include "entry/names.h"

/* GeneralName ::= CHOICE { ..., dNSName [2] IA5String, ..., iPAddress [7] OCTET STRING, ... } */
#define DNS_NAME 0x82
#define IP_ADDRESS 0x87
#define MAX_DNS_LEN 253
#define MAX_LABEL_LEN 63

/* For messages: unprintable bytes as \xNN, long names cut. */
static const char *quoted(struct mtc_span text, char out[96]) {
  size_t used = 0;
  for (size_t i = 0; i < text.len && used < 80; i++) {
    static const char hex[] = "0123456789abcdef";
    uint8_t byte = text.data[i];
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      out[used++] = (char)byte;
    } else {
      out[used++] = '\\';
      out[used++] = 'x';
      out[used++] = hex[byte >> 4];
      out[used++] = hex[byte & 0xf];
    }
  }
  out[used] = 0;
  if (used >= 80) memcpy(out + used, "...", 4);
  return out;
}

static bool label_is_valid(const uint8_t *label, size_t len) {
  if (len == 0 || len > MAX_LABEL_LEN || label[0] == '-' || label[len - 1] == '-') return false;
  for (size_t i = 0; i < len; i++) {
    if (!isalnum(label[i]) && label[i] != '-') return false;
  }
  return true;
}

/* Says what is wrong with a DNS name; NULL: nothing. */
static const char *dns_problem(const struct mtc_profile *profile, struct mtc_span text) {
  struct mtc_span rest = text;
  size_t num_labels = 0;
  bool last_is_number = false, is_wildcard = text.len >= 2 && memcmp(text.data, "*.", 2) == 0;
  if (text.len == 0) return "is empty";
  if (text.len > MAX_DNS_LEN) return "is longer than 253 characters";
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] < 0x20 || text.data[i] == 0x7f) return "holds a NUL or control byte";
    if (text.data[i] > 0x7f) return "is not ASCII (internationalised names go in as xn-- labels)";
  }
  if (is_wildcard && !profile->allow_wildcards)
    return "is a wildcard, which the profile does not allow";
  if (is_wildcard) rest = mtc_span_of(text.data + 2, text.len - 2);
  for (size_t start = 0; start <= rest.len; num_labels++) {
    const uint8_t *dot = start < rest.len ? memchr(rest.data + start, '.', rest.len - start) : NULL;
    size_t end = dot ? (size_t)(dot - rest.data) : rest.len;
    if (!label_is_valid(rest.data + start, end - start))
      return "has a label that is empty, over 63 characters, or not letters, digits and inner "
             "hyphens";
    last_is_number = true;
    for (size_t i = start; i < end; i++) {
      if (!isdigit(rest.data[i])) last_is_number = false;
    }
    start = end + 1;
  }
  if (last_is_number) return "ends in a number: an IP address goes in as iPAddress";
  if (num_labels < 2)
    return is_wildcard ? "is a wildcard over a whole top-level domain"
                       : "has a single label: no public name";
  return NULL;
}

static mtc_status add(struct mtc_names *names, const struct mtc_profile *profile,
                      const struct mtc_name *name, struct mtc_error *error) {
  for (size_t i = 0; i < names->num_names; i++) {
    const struct mtc_name *known = &names->names[i];
    if (known->is_ip == name->is_ip && known->len == name->len &&
        memcmp(known->text, name->text, name->len) == 0)
      return MTC_OK;
  }
  if (names->num_names == MTC_MAX_NAMES || names->num_names >= profile->max_names)
    return mtc_fail(error, MTC_INPUT, "more than the %u names that profile %s allows",
                    profile->max_names, profile->name);
  names->names[names->num_names++] = *name;
  return MTC_OK;
}

mtc_status mtc_names_add_dns(struct mtc_names *names, const struct mtc_profile *profile,
                             struct mtc_span text, struct mtc_error *error) {
  char shown[96];
  struct mtc_name name = {.is_ip = false};
  const char *problem = dns_problem(profile, text);
  if (problem)
    return mtc_fail(error, MTC_INPUT, "DNS name \"%s\" %s", quoted(text, shown), problem);
  name.len = (uint8_t)text.len;
  for (size_t i = 0; i < text.len; i++)
    name.text[i] = (char)tolower(text.data[i]);
  return add(names, profile, &name, error);
}

static mtc_status add_ip(struct mtc_names *names, const struct mtc_profile *profile,
                         struct mtc_span address, struct mtc_error *error) {
  struct mtc_name name = {.is_ip = true};
  if (!profile->allow_ip)
    return mtc_fail(error, MTC_INPUT, "profile %s allows no IP addresses", profile->name);
  if (address.len != 4 && address.len != 16)
    return mtc_fail(error, MTC_INPUT, "an IP address of %zu bytes; 4 or 16 are allowed",
                    address.len);
  name.len = (uint8_t)address.len;
  memcpy(name.text, address.data, address.len);
  return add(names, profile, &name, error);
}

mtc_status mtc_names_add_alternative(struct mtc_names *names, const struct mtc_profile *profile,
                                     struct mtc_span value, struct mtc_error *error) {
  struct mtc_der sequence, name;
  if (!mtc_der_whole(value, MTC_DER_SEQUENCE, &sequence) || !mtc_der_check(value))
    return mtc_fail(error, MTC_INPUT, "subjectAltName is not a SEQUENCE in DER");
  struct mtc_reader reader = mtc_der_enter(&sequence);
  if (reader.len == 0) return mtc_fail(error, MTC_INPUT, "subjectAltName holds no name");
  for (size_t i = 0; reader.len; i++) {
    mtc_status status;
    if (!mtc_der_next(&reader, &name))
      return mtc_fail(error, MTC_INPUT, "subjectAltName: name %zu is not DER", i);
    if (name.tag == DNS_NAME)
      status = mtc_names_add_dns(names, profile, name.contents, error);
    else if (name.tag == IP_ADDRESS)
      status = add_ip(names, profile, name.contents, error);
    else
      status = mtc_fail(error, MTC_INPUT, "kind [%u] is neither dNSName nor iPAddress",
                        name.tag & 0x1fu);
    if (status) return mtc_fail_within(error, status, "subjectAltName: name %zu", i);
  }
  return MTC_OK;
}

void mtc_names_append_alternative(const struct mtc_names *names, struct mtc_bytes *out) {
  size_t sequence = mtc_der_open(out, MTC_DER_SEQUENCE);
  for (size_t i = 0; i < names->num_names; i++) {
    const struct mtc_name *name = &names->names[i];
    mtc_der_append(out, name->is_ip ? IP_ADDRESS : DNS_NAME, mtc_span_of(name->text, name->len));
  }
  mtc_der_close(out, sequence);
}
