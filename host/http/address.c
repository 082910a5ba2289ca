/* Addresses from sockets and from text. */
#include "http/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct http_address of_ipv6(const struct in6_addr *from) {
  struct http_address address = {.len = 16};
  memcpy(address.bytes, from, 16);
  if (IN6_IS_ADDR_V4MAPPED(from)) {
    address = (struct http_address){.len = 4};
    memcpy(address.bytes, from->s6_addr + 12, 4);
  }
  return address;
}

struct http_address http_address_of(const struct sockaddr *from) {
  struct http_address address = {0};
  if (from->sa_family == AF_INET) {
    struct sockaddr_in ipv4;
    memcpy(&ipv4, from, sizeof ipv4);
    address.len = 4;
    memcpy(address.bytes, &ipv4.sin_addr, 4);
  } else if (from->sa_family == AF_INET6) {
    struct sockaddr_in6 ipv6;
    memcpy(&ipv6, from, sizeof ipv6);
    address = of_ipv6(&ipv6.sin6_addr);
  }
  return address;
}

bool http_address_parse(struct mtc_span text, struct http_address *out) {
  *out = (struct http_address){0};
  char buffer[HTTP_MAX_ADDRESS];
  if (text.len == 0 || text.len >= sizeof buffer || memchr(text.data, 0, text.len)) return false;
  memcpy(buffer, text.data, text.len);
  buffer[text.len] = 0;
  struct in_addr ipv4;
  struct in6_addr ipv6;
  if (inet_pton(AF_INET, buffer, &ipv4) == 1) {
    out->len = 4;
    memcpy(out->bytes, &ipv4, 4);
    return true;
  }
  if (inet_pton(AF_INET6, buffer, &ipv6) != 1) return false;
  *out = of_ipv6(&ipv6);
  return true;
}

void http_address_text(struct http_address address, char out[HTTP_MAX_ADDRESS]) {
  int family = address.len == 4 ? AF_INET : AF_INET6;
  if (address.len == 0 || !inet_ntop(family, address.bytes, out, HTTP_MAX_ADDRESS)) {
    snprintf(out, HTTP_MAX_ADDRESS, "?");
  }
}

bool http_address_equal(struct http_address a, struct http_address b) {
  return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

struct http_address http_address_network(struct http_address address) {
  if (address.len == 16) memset(address.bytes + 8, 0, 8);
  return address;
}
