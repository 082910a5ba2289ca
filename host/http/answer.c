/* Answers: built by the application, given to libmicrohttpd without a copy of the body. */
#include <string.h>

#include "http/request.h"
#include "mtc/runtime.h"

void http_answer_header(struct http_answer *answer, const char *name, const char *value) {
  if (strpbrk(value, "\r\n") || strpbrk(name, "\r\n: ") || name[0] == 0) {
    /* A header that something hostile got into; the failure sticks and becomes a 500. */
    answer->headers.failed = true;
    return;
  }
  mtc_bytes_append_format(&answer->headers, "%s: %s\r\n", name, value);
}

void http_answer_free(struct http_answer *answer) {
  mtc_bytes_free(&answer->headers);
  mtc_bytes_free(&answer->body);
  *answer = (struct http_answer){0};
}

static bool add_headers(struct MHD_Response *response, struct mtc_bytes *headers) {
  mtc_bytes_append(headers, "", 1);
  if (mtc_bytes_status(headers) != MTC_OK) return false;
  char *line = (char *)headers->data;
  while (*line) {
    char *end = strstr(line, "\r\n");
    char *colon = strstr(line, ": ");
    if (!end || !colon || colon > end) return false;
    *end = 0;
    *colon = 0;
    /* libmicrohttpd takes no empty value. Such a header says nothing. */
    if (colon[2] && MHD_add_response_header(response, line, colon + 2) == MHD_NO) return false;
    line = end + 2;
  }
  return true;
}

static void free_body(void *body) {
  mtc_free(body);
}

struct MHD_Response *http_response_of_refusal(const char *text) {
  struct MHD_Response *response = MHD_create_response_from_buffer_copy(strlen(text), text);
  if (response && MHD_add_response_header(response, "Content-Type", "text/plain") == MHD_NO) {
    MHD_destroy_response(response);
    return NULL;
  }
  return response;
}

struct MHD_Response *http_response_of(struct http_answer *answer, unsigned *out_status) {
  struct MHD_Response *response = NULL;
  bool usable = !answer->body.failed && !answer->headers.failed;
  *out_status = answer->status ? answer->status : MHD_HTTP_OK;
  if (usable && answer->body.len) {
    response = MHD_create_response_from_buffer_with_free_callback(answer->body.len,
                                                                  answer->body.data, free_body);
    if (response) answer->body = (struct mtc_bytes){0};
  } else if (usable) {
    response = MHD_create_response_empty(MHD_RF_NONE);
  }
  if (response && !add_headers(response, &answer->headers)) {
    MHD_destroy_response(response);
    response = NULL;
  }
  http_answer_free(answer);
  if (response) return response;
  *out_status = MHD_HTTP_INTERNAL_SERVER_ERROR;
  mtc_log(MTC_LOG_ERROR, "http.answer", "what=\"an answer could not be built\"");
  return http_response_of_refusal("the server could not build its answer\n");
}
