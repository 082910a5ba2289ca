/* What http-01 asks for: the first URL, and where an answer may redirect it. */
#include "acme/http_target.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "acme/address.h"
#include "acme/excerpt.h"

static bool is_token(const char *token) {
  size_t len = strlen(token);
  return len > 0 &&
         strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

bool acme_http_target_first(const char *host, bool is_ipv6, unsigned port, const char *token,
                            struct acme_http_target *out) {
  memset(out, 0, sizeof *out);
  char shown_port[8] = "";
  if (port != 80) (void)snprintf(shown_port, sizeof shown_port, ":%u", port % 65536);
  if (!is_token(token) || strlen(host) >= sizeof out->host) return false;
  int len = snprintf(out->url, sizeof out->url, "http://%s%s%s%s/.well-known/acme-challenge/%s",
                     is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", shown_port, token);
  out->port = port;
  (void)snprintf(out->host, sizeof out->host, "%s", host);
  return len > 0 && (size_t)len < sizeof out->url;
}

/* Lower case, no final dot, labels of letters, digits, hyphens and underscores, at least two; the
 * last begins with a letter, as an address in any of its numeric spellings does not. */
static bool read_host(const char *text, char out[256]) {
  size_t len = strlen(text), label = 0, last = 0;
  unsigned num_labels = 1;
  if (len > 0 && text[len - 1] == '.') len--;
  if (len == 0 || len > 253) return false;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '.') {
      if (label == 0) return false;
      num_labels++;
      label = 0;
      last = i + 1;
    } else {
      if (!(isalnum(c) || c == '-' || c == '_') || c >= 0x80 || ++label > 63) return false;
    }
    out[i] = (char)tolower(c);
  }
  out[len] = 0;
  return label > 0 && num_labels > 1 && isalpha((unsigned char)text[last]);
}

static char *part_of(CURLU *url, CURLUPart part, unsigned flags) {
  char *text = NULL;
  return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

/* The scheme and the port that goes with it. */
static const char *read_scheme(CURLU *url, struct acme_http_target *out) {
  char *scheme = part_of(url, CURLUPART_SCHEME, 0);
  const char *why = NULL;
  if (scheme && strcmp(scheme, "https") == 0)
    out->https = true;
  else if (!scheme || strcmp(scheme, "http") != 0)
    why = "neither http nor https";
  curl_free(scheme);
  return why;
}

static const char *read_port(CURLU *url, const struct acme_http_ports *ports,
                             struct acme_http_target *out) {
  char *text = part_of(url, CURLUPART_PORT, 0);
  uint64_t port = out->https ? ports->https : ports->http;
  bool number = !text || mtc_parse_decimal(mtc_span_of_text(text), 65535, &port);
  curl_free(text);
  out->port = (unsigned)port;
  return number && (port == ports->http || port == ports->https) ? NULL
                                                                 : "that port is not connected to";
}

static const char *read_name(CURLU *url, struct acme_http_target *out) {
  char *text = part_of(url, CURLUPART_HOST, 0);
  struct acme_address address;
  const char *why = NULL;
  if (!text || text[0] == '[' || acme_address_parse(text, &address))
    why = "an address instead of a name";
  else if (!read_host(text, out->host))
    why = "its host is no DNS name";
  curl_free(text);
  return why;
}

/* The URL as it will be asked for, of the parts that were checked. */
static const char *write_url(CURLU *url, struct acme_http_target *out) {
  char port[8];
  (void)snprintf(port, sizeof port, "%u", out->port % 65536);
  if (curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) ||
      curl_url_set(url, CURLUPART_HOST, out->host, 0) || curl_url_set(url, CURLUPART_PORT, port, 0))
    return "no URL";
  char *text = part_of(url, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
  const char *why = NULL;
  if (!text || strlen(text) > ACME_MAX_URL_LEN)
    why = "too long";
  else
    (void)snprintf(out->url, sizeof out->url, "%s", text);
  curl_free(text);
  return why;
}

static bool has_credentials(CURLU *url) {
  char *user = part_of(url, CURLUPART_USER, 0), *password = part_of(url, CURLUPART_PASSWORD, 0);
  bool has = user || password;
  curl_free(user);
  curl_free(password);
  return has;
}

static const char *read_location(CURLU *url, const char *from, const char *location,
                                 const struct acme_http_ports *ports,
                                 struct acme_http_target *out) {
  if (strlen(location) > ACME_MAX_URL_LEN) return "too long";
  if (curl_url_set(url, CURLUPART_URL, from, 0)) return "no URL";
  CURLUcode failed = curl_url_set(url, CURLUPART_URL, location, 0);
  if (failed == CURLUE_UNSUPPORTED_SCHEME) return "neither http nor https";
  if (failed) return "no URL";
  const char *why = read_scheme(url, out);
  if (!why && has_credentials(url)) why = "a user or a password in it";
  if (!why) why = read_port(url, ports, out);
  if (!why) why = read_name(url, out);
  return why ? why : write_url(url, out);
}

enum acme_problem_type acme_http_target_follow(const struct acme_http_target *from,
                                               const char *location,
                                               const struct acme_http_ports *ports,
                                               struct acme_http_target *out,
                                               struct acme_problem *problem) {
  memset(out, 0, sizeof *out);
  CURLU *url = curl_url();
  if (!url) return acme_fail(problem, ACME_SERVER_INTERNAL, "out of memory");
  const char *why = read_location(url, from->url, location, ports, out);
  curl_url_cleanup(url);
  if (!why) return ACME_NONE;
  char shown[ACME_EXCERPT_LEN];
  acme_excerpt_text(location, shown);
  memset(out, 0, sizeof *out);
  return acme_fail(problem, ACME_INCORRECT_RESPONSE, "redirect to \"%s\" is not followed: %s",
                   shown, why);
}

static bool is_space(uint8_t c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool acme_http_body_matches(struct mtc_span body, const char *key_authorization) {
  while (body.len > 0 && is_space(body.data[body.len - 1]))
    body.len--;
  return mtc_span_equal(body, mtc_span_of_text(key_authorization));
}
