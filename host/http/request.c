/* Requests: their parts, copied so that they live until the answer, whatever the client does. */
#include "http/request.h"

#include <string.h>
#include <strings.h>

#include "mtc/runtime.h"

struct http_request *http_request_begin(struct http_server *server,
                                        struct MHD_Connection *connection,
                                        struct http_connection *peer, const char *target) {
  struct http_request *request = mtc_alloc(1, sizeof *request);
  if (!request) return NULL;
  request->target = mtc_strdup(target);
  if (!request->target) {
    mtc_free(request);
    return NULL;
  }
  request->path = request->target;
  request->num_references = 1;
  request->server = server;
  request->connection = connection;
  request->peer = peer;
  pthread_mutex_lock(&server->mutex);
  server->num_references++;
  request->next = server->first;
  if (request->next) request->next->previous = request;
  server->first = request;
  pthread_mutex_unlock(&server->mutex);
  return request;
}

static void request_free(struct http_request *request) {
  if (request->response) MHD_destroy_response(request->response);
  mtc_bytes_free(&request->headers);
  mtc_bytes_free(&request->body);
  mtc_free(request->target);
  mtc_free(request->method);
  mtc_free(request);
}

void http_request_release(struct http_request *request) {
  struct http_server *server = request->server;
  pthread_mutex_lock(&server->mutex);
  bool last = --request->num_references == 0;
  if (last) {
    if (request->next) request->next->previous = request->previous;
    if (request->previous) {
      request->previous->next = request->next;
    } else {
      server->first = request->next;
    }
  }
  pthread_mutex_unlock(&server->mutex);
  if (!last) return;
  request_free(request);
  http_server_release(server);
}

static void refuse(struct http_request *request, unsigned status, const char *text) {
  if (request->refused_status) return;
  request->refused_status = status;
  request->refused_text = text;
}

/* The target is "/path?query"; the absolute form that proxies use loses scheme and host. */
static void split_target(struct http_request *request) {
  char *path = request->target;
  for (const unsigned char *each = (const unsigned char *)path; *each; each++) {
    if (*each <= ' ' || *each >= 0x7f || *each == '#') {
      refuse(request, MHD_HTTP_BAD_REQUEST, "the target has a byte that no URL has\n");
      return;
    }
  }
  if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0) {
    path = strchr(strstr(path, "//") + 2, '/');
  }
  if (!path || path[0] != '/') {
    refuse(request, MHD_HTTP_BAD_REQUEST, "the target is no path\n");
    return;
  }
  char *query = strchr(path, '?');
  if (query) *query++ = 0;
  request->path = path;
  request->query = query;
}

static bool is_token(const char *text) {
  static const char allowed[] =
      "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return text[0] && text[strspn(text, allowed)] == 0;
}

static enum MHD_Result copy_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len) {
  struct http_request *request = context;
  (void)kind;
  if (memchr(name, 0, name_len) || (value && memchr(value, 0, value_len))) {
    refuse(request, MHD_HTTP_BAD_REQUEST, "a header has a zero byte\n");
    return MHD_NO;
  }
  mtc_bytes_append(&request->headers, name, name_len);
  mtc_bytes_append(&request->headers, "", 1);
  if (value) mtc_bytes_append(&request->headers, value, value_len);
  mtc_bytes_append(&request->headers, "", 1);
  return MHD_YES;
}

static const char *next_header(const struct http_request *request, const char *name,
                               const char *after) {
  const char *each = (const char *)request->headers.data;
  const char *end = each + request->headers.len;
  if (after) each = after + strlen(after) + 1;
  while (each && each < end) {
    const char *value = each + strlen(each) + 1;
    if (strcasecmp(each, name) == 0) return value;
    each = value + strlen(value) + 1;
  }
  return NULL;
}

/* Where two servers in a row see the end of a request at different bytes, the second one takes a
 * part of the body for the next request: whatever is not plain is refused. */
static void check_framing(struct http_request *request, const char *version) {
  const char *length = next_header(request, "Content-Length", NULL);
  const char *encoding = next_header(request, "Transfer-Encoding", NULL);
  uint64_t body_len = 0;
  if (length && encoding) {
    refuse(request, MHD_HTTP_BAD_REQUEST, "both Content-Length and Transfer-Encoding\n");
  } else if ((length && next_header(request, "Content-Length", length)) ||
             (encoding && next_header(request, "Transfer-Encoding", encoding))) {
    refuse(request, MHD_HTTP_BAD_REQUEST, "more than one length of the body\n");
  } else if (encoding &&
             (strcasecmp(encoding, "chunked") != 0 || strcmp(version, "HTTP/1.1") != 0)) {
    refuse(request, MHD_HTTP_BAD_REQUEST, "a Transfer-Encoding that is not known here\n");
  } else if (length && (length[0] == 0 || length[strspn(length, "0123456789")])) {
    refuse(request, MHD_HTTP_BAD_REQUEST, "Content-Length is no number\n");
  } else if (length && (strlen(length) > 18 ||
                        (mtc_parse_decimal(mtc_span_of_text(length), UINT64_MAX, &body_len) &&
                         body_len > request->server->max_body_len))) {
    refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
  }
  const char *host = next_header(request, "Host", NULL);
  if (host && next_header(request, "Host", host)) {
    refuse(request, MHD_HTTP_BAD_REQUEST, "more than one Host\n");
  }
}

/* The last entry of the last X-Forwarded-For is what the proxy itself has written; those before it
 * are the client's to make up. What is no address leaves the proxy's own. */
static void find_address(struct http_request *request) {
  struct http_server *server = request->server;
  struct http_address address = request->peer->address;
  bool trusted = false;
  for (unsigned i = 0; i < server->num_proxies && !trusted; i++) {
    trusted = http_address_equal(address, server->proxies[i]);
  }
  const char *list = NULL;
  const char *each = NULL;
  while (trusted && (each = next_header(request, "X-Forwarded-For", each)))
    list = each;
  if (list) {
    const char *comma = strrchr(list, ',');
    const char *entry = comma ? comma + 1 : list;
    entry += strspn(entry, " \t");
    size_t len = strcspn(entry, " \t");
    struct http_address forwarded;
    bool clean = entry[len + strspn(entry + len, " \t")] == 0;
    if (clean && http_address_parse(mtc_span_of(entry, len), &forwarded)) address = forwarded;
  }
  http_address_text(address, request->address);
}

mtc_status http_request_read_head(struct http_request *request, const char *method,
                                  const char *version) {
  request->begun = true;
  request->method = mtc_strdup(method);
  if (!request->method) return MTC_NOMEM;
  if (!is_token(method)) refuse(request, MHD_HTTP_BAD_REQUEST, "the method is no token\n");
  split_target(request);
  MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, copy_header, request);
  if (mtc_bytes_status(&request->headers) != MTC_OK) return MTC_NOMEM;
  check_framing(request, version);
  find_address(request);
  return MTC_OK;
}

const char *http_request_method(const struct http_request *request) {
  return request->method;
}

const char *http_request_path(const struct http_request *request) {
  return request->path;
}

const char *http_request_query(const struct http_request *request) {
  return request->query;
}

struct mtc_span http_request_body(const struct http_request *request) {
  return mtc_span_of_bytes(&request->body);
}

const char *http_request_header(const struct http_request *request, const char *name) {
  return next_header(request, name, NULL);
}

const char *http_request_address(const struct http_request *request) {
  return request->address;
}
