/* IP addresses of peers in one form: IPv4 within IPv6 is IPv4. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "mtc/bytes.h"

#define HTTP_MAX_ADDRESS INET6_ADDRSTRLEN

/* Zeroed is no address. */
struct http_address {
  uint8_t bytes[16];
  uint8_t len; /* 4 or 16 */
};

/*
 * http_address_of takes the address out of a socket's.
 *
 * Output:   none for other families.
 */
struct http_address http_address_of(const struct sockaddr *from);

/*
 * http_address_parse reads a numeric address without zone, port or brackets.
 *
 * Errors:   false, `out` none.
 */
bool http_address_parse(struct mtc_span text, struct http_address *out) MTC_MUST_CHECK;

/*
 * http_address_text writes an address as inet_ntop does; none is "?".
 */
void http_address_text(struct http_address address, char out[HTTP_MAX_ADDRESS]);

/*
 * http_address_equal compares two.
 */
bool http_address_equal(struct http_address a, struct http_address b);

/*
 * http_address_network gives the part that one customer holds: the address of IPv4, the first 64
 * bits of IPv6.
 */
struct http_address http_address_network(struct http_address address);

#endif
