/* The choice of a chain's format by an Accept header (RFC 9110, "Accept"). */
#include <string.h>
#include <strings.h>

#include "acme/delivery.h"

#define MAX_ACCEPT_LEN 4096u

static const char *const media_types[] = {
    [ACME_CHAIN_PLAIN] = "application/pem-certificate-chain",
    [ACME_CHAIN_PROPERTIES] = "application/pem-certificate-chain-with-properties",
};

const char *acme_chain_media_type(enum acme_chain_format format) {
  return (unsigned)format < ACME_CHAIN_NONE ? media_types[format] : "";
}

/* How well a format is liked, by the most specific range that names it. */
struct liking {
  unsigned specificity; /* 0: no range, 1: any, 2: application, 3: the type itself */
  unsigned quality;     /* thousandths */
};

static void skip_space(const char **at) {
  while (**at == ' ' || **at == '\t')
    (*at)++;
}

static bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

static bool read_token(const char **at, struct mtc_span *out) {
  const char *start = *at;
  while (is_token(**at))
    (*at)++;
  *out = mtc_span_of(start, (size_t)(*at - start));
  return out->len > 0;
}

static bool is_text(struct mtc_span span, const char *text) {
  return span.len == strlen(text) && strncasecmp((const char *)span.data, text, span.len) == 0;
}

/* qvalue: "0" or "1", and up to three digits after a point */
static bool read_quality(struct mtc_span text, unsigned *out) {
  unsigned weight = 100;
  if (text.len == 0 || text.len > 5 || (text.data[0] != '0' && text.data[0] != '1')) return false;
  *out = text.data[0] == '1' ? 1000 : 0;
  if (text.len > 1 && text.data[1] != '.') return false;
  for (size_t i = 2; i < text.len; i++, weight /= 10) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    *out += (unsigned)(text.data[i] - '0') * weight;
  }
  return *out <= 1000;
}

static bool read_quoted(const char **at) {
  for ((*at)++; **at != '"'; (*at)++) {
    if (**at == '\\') (*at)++;
    if (**at == 0) return false;
  }
  (*at)++;
  return true;
}

/* A parameter other than q says of which kind the type is to be; these types have none. */
static bool read_parameters(const char **at, unsigned *out_quality, bool *out_has_others) {
  *out_quality = 1000;
  *out_has_others = false;
  for (bool after_quality = false;;) {
    struct mtc_span name, value = {0};
    skip_space(at);
    if (**at != ';') return true;
    (*at)++;
    skip_space(at);
    if (**at == ';' || **at == ',' || **at == 0) continue;
    if (!read_token(at, &name)) return false;
    if (**at == '=') {
      (*at)++;
      if (**at == '"' ? !read_quoted(at) : !read_token(at, &value)) return false;
    } else if (!after_quality) {
      return false;
    }
    if (!after_quality && is_text(name, "q")) {
      if (!read_quality(value, out_quality)) return false;
      after_quality = true;
    } else if (!after_quality) {
      *out_has_others = true;
    }
  }
}

static void like(struct liking *liking, unsigned specificity, unsigned quality) {
  if (specificity < liking->specificity) return;
  if (specificity == liking->specificity && quality < liking->quality) return;
  *liking = (struct liking){specificity, quality};
}

static bool read_range(const char **at, struct liking likings[ACME_CHAIN_NONE]) {
  struct mtc_span type, subtype;
  unsigned quality;
  bool has_others;
  if (!read_token(at, &type) || **at != '/') return false;
  (*at)++;
  if (!read_token(at, &subtype) || !read_parameters(at, &quality, &has_others)) return false;
  if (is_text(type, "*") && !is_text(subtype, "*")) return false;
  if (has_others) return true;
  for (unsigned i = 0; i < ACME_CHAIN_NONE; i++) {
    const char *own = strchr(media_types[i], '/') + 1;
    if (is_text(type, "*"))
      like(&likings[i], 1, quality);
    else if (is_text(type, "application") && (is_text(subtype, "*") || is_text(subtype, own)))
      like(&likings[i], is_text(subtype, "*") ? 2 : 3, quality);
  }
  return true;
}

/* #( media-range [ weight ] ): elements between commas, of which any may be empty. */
static bool read_accept(const char *accept, struct liking likings[ACME_CHAIN_NONE]) {
  bool is_empty = true;
  if (strnlen(accept, MAX_ACCEPT_LEN + 1) > MAX_ACCEPT_LEN) return false;
  for (const char *at = accept;;) {
    skip_space(&at);
    if (*at && *at != ',') {
      if (!read_range(&at, likings)) return false;
      is_empty = false;
    }
    skip_space(&at);
    if (*at == 0) return !is_empty;
    if (*at != ',') return false;
    at++;
  }
}

enum acme_chain_format acme_choose_chain(const char *accept) {
  struct liking likings[ACME_CHAIN_NONE] = {0};
  if (!accept || !read_accept(accept, likings)) return ACME_CHAIN_PLAIN;
  unsigned plain = likings[ACME_CHAIN_PLAIN].quality;
  unsigned properties = likings[ACME_CHAIN_PROPERTIES].quality;
  if (properties > plain) return ACME_CHAIN_PROPERTIES;
  return plain ? ACME_CHAIN_PLAIN : ACME_CHAIN_NONE;
}
