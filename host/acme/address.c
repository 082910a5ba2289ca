/* Addresses that are no part of the public internet: the IANA special-purpose registries, the
 * multicast and reserved blocks, and IPv6 addresses that carry such an IPv4 address within. */
#include "acme/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct range {
  const char *text; /* as the resolver reads it */
  const char *why;
  uint8_t prefix[16];
  unsigned len; /* bits */
};

/* 192.0.0.0/24 and 2001::/23 have parts that are reachable (anycast for protocols): no web server
 * is there, so the whole block is refused. */
static const struct range ranges4[] = {
    {"0.0.0.0/8", "this network (RFC 791)", {0}, 8},
    {"10.0.0.0/8", "private use (RFC 1918)", {10}, 8},
    {"100.64.0.0/10", "shared address space (RFC 6598)", {100, 64}, 10},
    {"127.0.0.0/8", "loopback (RFC 1122)", {127}, 8},
    {"169.254.0.0/16", "link local (RFC 3927)", {169, 254}, 16},
    {"172.16.0.0/12", "private use (RFC 1918)", {172, 16}, 12},
    {"192.0.0.0/24", "IETF protocol assignments (RFC 6890)", {192, 0, 0}, 24},
    {"192.0.2.0/24", "documentation (RFC 5737)", {192, 0, 2}, 24},
    {"192.88.99.0/24", "6to4 relay anycast (RFC 7526)", {192, 88, 99}, 24},
    {"192.168.0.0/16", "private use (RFC 1918)", {192, 168}, 16},
    {"198.18.0.0/15", "benchmarking (RFC 2544)", {198, 18}, 15},
    {"198.51.100.0/24", "documentation (RFC 5737)", {198, 51, 100}, 24},
    {"203.0.113.0/24", "documentation (RFC 5737)", {203, 0, 113}, 24},
    {"224.0.0.0/4", "multicast (RFC 5771)", {224}, 4},
    {"240.0.0.0/4", "reserved (RFC 1112)", {240}, 4},
};

/* What lies outside 2000::/3 is refused as a whole after these (see acme_address_refusal); those of
 * it that stand here have a better name. */
static const struct range ranges6[] = {
    {"::1/128", "loopback (RFC 4291)", {[15] = 1}, 128},
    {"::/128", "unspecified (RFC 4291)", {0}, 128},
    {"::ffff:0:0/96", "IPv4-mapped (RFC 4291)", {[10] = 0xff, [11] = 0xff}, 96},
    {"::/96", "IPv4-compatible (RFC 4291)", {0}, 96},
    {"64:ff9b:1::/48",
     "IPv4/IPv6 translation, local use (RFC 8215)",
     {0, 0x64, 0xff, 0x9b, 0, 1},
     48},
    {"100::/64", "discard only (RFC 6666)", {1}, 64},
    {"100:0:0:1::/64", "dummy prefix (RFC 9780)", {1, 0, 0, 0, 0, 0, 0, 1}, 64},
    {"2001::/23", "IETF protocol assignments (RFC 2928)", {0x20, 0x01}, 23},
    {"2001:db8::/32", "documentation (RFC 3849)", {0x20, 0x01, 0x0d, 0xb8}, 32},
    {"3fff::/20", "documentation (RFC 9637)", {0x3f, 0xff}, 20},
    {"5f00::/16", "segment routing (RFC 9602)", {0x5f}, 16},
    {"fc00::/7", "unique local (RFC 4193)", {0xfc}, 7},
    {"fe80::/10", "link local (RFC 4291)", {0xfe, 0x80}, 10},
    {"fec0::/10", "site local (RFC 3879)", {0xfe, 0xc0}, 10},
    {"ff00::/8", "multicast (RFC 4291)", {0xff}, 8},
};

/* IPv6 that goes to an IPv4 address: where in it that address stands. */
static const struct embedding {
  struct range range;
  unsigned position;
} embeddings[] = {
    {{"64:ff9b::/96", "translated (RFC 6052)", {0, 0x64, 0xff, 0x9b}, 96}, 12},
    {{"2002::/16", "6to4 (RFC 3056)", {0x20, 0x02}, 16}, 2},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool within(const uint8_t *bytes, const struct range *range) {
  unsigned whole = range->len / 8, rest = range->len % 8;
  if (memcmp(bytes, range->prefix, whole) != 0) return false;
  return rest == 0 || (bytes[whole] ^ range->prefix[whole]) >> (8 - rest) == 0;
}

static const char *find(const uint8_t *bytes, const struct range *ranges, size_t num) {
  for (size_t i = 0; i < num; i++)
    if (within(bytes, &ranges[i])) return ranges[i].why;
  return NULL;
}

const char *acme_address_refusal(const struct acme_address *address) {
  if (address->family == AF_INET) return find(address->bytes, ranges4, COUNT(ranges4));
  if (address->family != AF_INET6) return "no IP address";
  for (size_t i = 0; i < COUNT(embeddings); i++)
    if (within(address->bytes, &embeddings[i].range))
      return find(address->bytes + embeddings[i].position, ranges4, COUNT(ranges4));
  const char *why = find(address->bytes, ranges6, COUNT(ranges6));
  if (why) return why;
  return address->bytes[0] >> 5 == 1 ? NULL : "not global unicast (RFC 4291)";
}

const char *acme_address_range(unsigned index) {
  if (index < COUNT(ranges4)) return ranges4[index].text;
  index -= (unsigned)COUNT(ranges4);
  return index < COUNT(ranges6) ? ranges6[index].text : NULL;
}

bool acme_address_parse(const char *text, struct acme_address *out) {
  memset(out, 0, sizeof *out);
  out->family = strchr(text, ':') ? AF_INET6 : AF_INET;
  if (inet_pton(out->family, text, out->bytes) == 1) return true;
  memset(out, 0, sizeof *out);
  return false;
}

bool acme_address_of(struct mtc_span data, struct acme_address *out) {
  memset(out, 0, sizeof *out);
  if (data.len != 4 && data.len != 16) return false;
  out->family = data.len == 4 ? AF_INET : AF_INET6;
  memcpy(out->bytes, data.data, data.len);
  return true;
}

void acme_address_text(const struct acme_address *address, char out[ACME_ADDRESS_TEXT_LEN]) {
  if (!inet_ntop(address->family, address->bytes, out, ACME_ADDRESS_TEXT_LEN)) out[0] = 0;
}

void acme_address_reverse_name(const struct acme_address *address,
                               char out[ACME_REVERSE_NAME_LEN]) {
  const uint8_t *b = address->bytes;
  if (address->family == AF_INET) {
    (void)snprintf(out, ACME_REVERSE_NAME_LEN, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
    return;
  }
  static const char digits[] = "0123456789abcdef";
  char *at = out;
  for (int i = 15; i >= 0; i--) {
    *at++ = digits[b[i] & 15];
    *at++ = '.';
    *at++ = digits[b[i] >> 4];
    *at++ = '.';
  }
  (void)snprintf(at, ACME_REVERSE_NAME_LEN - 64, "ip6.arpa");
}

socklen_t acme_address_socket(const struct acme_address *address, unsigned port,
                              struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (address->family == AF_INET) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    memcpy(&in.sin_addr, address->bytes, 4);
    memcpy(out, &in, sizeof in);
    return sizeof in;
  }
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  memcpy(&in6.sin6_addr, address->bytes, 16);
  memcpy(out, &in6, sizeof in6);
  return sizeof in6;
}
