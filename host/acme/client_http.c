#include "acme/client_http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mtc/runtime.h"

#define MAX_BODY_LEN (1u << 20)
#define MAX_LINKS_LEN 16384u
#define CONNECT_TIMEOUT_MS 10000L
#define TIMEOUT_MS 30000L

struct acme_client_http {
  CURL *curl;
  const char *ca_file;
  char problem[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t size, size_t num, void *context) {
  struct acme_client_response *response = context;
  size_t len = size * num;
  if (response->body.len + len > MAX_BODY_LEN) return 0;
  mtc_bytes_append(&response->body, data, len);
  return response->body.failed ? 0 : len;
}

/* A header's value, if it is that header: without white space around it, cut never. */
static bool is_header(struct mtc_span line, const char *name, char *out, size_t size) {
  size_t len = strlen(name);
  if (line.len <= len || strncasecmp((const char *)line.data, name, len) != 0 ||
      line.data[len] != ':')
    return false;
  const uint8_t *value = line.data + len + 1, *end = line.data + line.len;
  while (value < end && (*value == ' ' || *value == '\t'))
    value++;
  while (end > value && strchr(" \t\r\n", end[-1]) && end[-1])
    end--;
  size_t value_len = (size_t)(end - value);
  if (value_len >= size || memchr(value, 0, value_len)) return false;
  memcpy(out, value, value_len);
  out[value_len] = 0;
  return true;
}

/* Only what goes into another header is needed again: base64url. */
static bool is_nonce(const char *text) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return text[0] && text[strspn(text, allowed)] == 0;
}

static size_t take_header(char *data, size_t size, size_t num, void *context) {
  struct acme_client_response *response = context;
  struct mtc_span line = mtc_span_of(data, size * num);
  char link[2 * ACME_CLIENT_MAX_URL];
  (void)is_header(line, "Location", response->location, sizeof response->location);
  (void)is_header(line, "Retry-After", response->retry_after, sizeof response->retry_after);
  if (is_header(line, "Replay-Nonce", response->nonce, sizeof response->nonce) &&
      !is_nonce(response->nonce))
    response->nonce[0] = 0;
  if (is_header(line, "Content-Type", response->content_type, sizeof response->content_type)) {
    response->content_type[strcspn(response->content_type, "; \t")] = 0;
    for (char *c = response->content_type; *c; c++)
      *c = (char)tolower((unsigned char)*c);
  }
  if (is_header(line, "Link", link, sizeof link) &&
      response->links.len + strlen(link) < MAX_LINKS_LEN)
    mtc_bytes_append_format(&response->links, "%s\n", link);
  return line.len;
}

mtc_status acme_client_http_open(const char *ca_file, struct acme_client_http **out,
                                 struct mtc_error *error) {
  *out = NULL;
  struct acme_client_http *http = mtc_alloc(1, sizeof *http);
  if (http && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) http->curl = curl_easy_init();
  if (!http || !http->curl) {
    mtc_free(http);
    return mtc_fail(error, MTC_NOMEM, "out of memory");
  }
  http->ca_file = ca_file;
  *out = http;
  return MTC_OK;
}

static mtc_status set_options(struct acme_client_http *http,
                              const struct acme_client_request *request, struct curl_slist *headers,
                              struct acme_client_response *out) {
  CURL *curl = http->curl;
  /* Connections are kept, everything else is forgotten. */
  curl_easy_reset(curl);
  unsigned failed = curl_easy_setopt(curl, CURLOPT_URL, request->url);
  failed |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
                             acme_client_url_is_plain(request->url) ? "http" : "https");
  failed |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  failed |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  failed |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
  failed |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
  failed |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->problem);
  failed |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "mtc-acme");
  failed |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  failed |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  failed |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
  failed |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  failed |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, out);
  failed |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (http->ca_file) failed |= curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
  if (acme_client_url_is_plain(request->url)) failed |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (strcmp(request->method, "HEAD") == 0) {
    failed |= curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (strcmp(request->method, "POST") == 0) {
    failed |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
    failed |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    failed |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data);
  }
  return failed ? MTC_NOMEM : MTC_OK;
}

static struct curl_slist *make_headers(const struct acme_client_request *request) {
  char accept[256];
  struct curl_slist *headers = NULL, *next;
  (void)snprintf(accept, sizeof accept, "Accept: %s", request->accept ? request->accept : "*/*");
  headers = curl_slist_append(NULL, accept);
  if (!headers || strcmp(request->method, "POST") != 0) return headers;
  next = curl_slist_append(headers, "Content-Type: application/jose+json");
  if (next) next = curl_slist_append(headers, "Expect:");
  if (!next) curl_slist_free_all(headers);
  return next;
}

mtc_status acme_client_http_send(struct acme_client_http *http,
                                 const struct acme_client_request *request,
                                 struct acme_client_response *out, struct mtc_error *error) {
  acme_client_response_free(out);
  struct curl_slist *headers = make_headers(request);
  if (!headers) return mtc_fail(error, MTC_NOMEM, "out of memory");
  http->problem[0] = 0;
  mtc_status status = set_options(http, request, headers, out);
  CURLcode result = status ? CURLE_OUT_OF_MEMORY : curl_easy_perform(http->curl);
  curl_slist_free_all(headers);
  if (result == CURLE_OK) {
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &out->http_status);
    mtc_bytes_append(&out->links, "", 1);
    if (!out->links.failed) return MTC_OK;
    result = CURLE_OUT_OF_MEMORY;
  }
  acme_client_response_free(out);
  if (result == CURLE_OUT_OF_MEMORY) return mtc_fail(error, MTC_NOMEM, "out of memory");
  const char *problem = http->problem[0] ? http->problem : curl_easy_strerror(result);
  if (result == CURLE_WRITE_ERROR) problem = "the answer is longer than 1 MiB";
  return mtc_fail(error, MTC_IO, "%s %s: %s", request->method, request->url, problem);
}

void acme_client_http_close(struct acme_client_http *http) {
  if (!http) return;
  curl_easy_cleanup(http->curl);
  mtc_free(http);
}

void acme_client_response_free(struct acme_client_response *response) {
  mtc_bytes_free(&response->body);
  mtc_bytes_free(&response->links);
  *response = (struct acme_client_response){0};
}
