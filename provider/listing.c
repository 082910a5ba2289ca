#include "provider/listing.h"

#include <string.h>
#include <time.h>

#include "mtc/runtime.h"

void listing_free(struct listing *listing) {
  for (size_t i = 0; i < listing->num_items; i++) {
    mtc_bytes_free(&listing->items[i].uri);
    mtc_bytes_free(&listing->items[i].text);
  }
  mtc_free(listing->items);
  *listing = (struct listing){0};
}

/* The URI of something of the CA at which `uri` looks. */
static void append_uri(const struct issuer *issuer, const struct store_uri *uri, const char *query,
                       struct mtc_bytes *out) {
  mtc_bytes_append_format(out, "mtc://%s?%s", uri->socket[0] ? uri->socket : issuer_name(issuer),
                          query);
}

static mtc_status finish(struct listing_item *item) {
  mtc_bytes_append_uint(&item->uri, 0, 1);
  mtc_bytes_append_uint(&item->text, 0, 1);
  mtc_status status = mtc_bytes_status(&item->uri);
  return status ? status : mtc_bytes_status(&item->text);
}

static mtc_status make_room(struct listing *out, size_t num) {
  if (num) out->items = mtc_alloc(num, sizeof *out->items);
  if (num && !out->items) return MTC_NOMEM;
  out->num_items = num;
  return MTC_OK;
}

static mtc_status malformed(struct mtc_error *error) {
  return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
}

static mtc_status list_contents(const struct issuer *issuer, const struct store_uri *uri,
                                struct listing *out) {
  mtc_status status = make_room(out, 2);
  if (status) return status;
  append_uri(issuer, uri, "checkpoint", &out->items[0].uri);
  mtc_bytes_append_text(&out->items[0].text, "the signed checkpoint of the log");
  append_uri(issuer, uri, "landmarks", &out->items[1].uri);
  mtc_bytes_append_text(&out->items[1].text, "the landmarks of the log");
  status = finish(&out->items[0]);
  return status ? status : finish(&out->items[1]);
}

/* A fragment is part of what it stands behind: whoever follows it, as storeutl -r, finds nothing.
 */
static mtc_status list_checkpoint(const struct issuer *issuer, const struct store_uri *uri,
                                  struct listing *out, struct mtc_error *error) {
  struct mtc_bytes answer = {0};
  struct mtc_span note;
  mtc_status status = issuer_ask(issuer, MTC_RPC_CHECKPOINT, &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_prefixed(&reader, 3, &note) || reader.len || !note.len ||
                  memchr(note.data, 0, note.len)))
    status = malformed(error);
  if (!status) status = make_room(out, 1);
  if (!status) {
    append_uri(issuer, uri, "checkpoint#note", &out->items[0].uri);
    mtc_bytes_append_span(&out->items[0].text, note);
    status = finish(&out->items[0]);
  }
  mtc_bytes_free(&answer);
  return status;
}

static void describe(uint64_t tree_size, uint64_t expiry_s, struct mtc_bytes *out) {
  char text[32];
  struct tm tm;
  time_t time = (time_t)expiry_s;
  mtc_bytes_append_format(out, "tree size %llu", (unsigned long long)tree_size);
  if (expiry_s && gmtime_r(&time, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
    mtc_bytes_append_format(out, ", expires %s", text);
}

static mtc_status list_landmarks(const struct issuer *issuer, const struct store_uri *uri,
                                 struct listing *out, struct mtc_error *error) {
  struct mtc_bytes answer = {0};
  uint64_t num, number, tree_size, expiry_s;
  mtc_status status = issuer_ask(issuer, MTC_RPC_LANDMARK_LIST, &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_uint(&reader, 2, &num) || reader.len != num * 24))
    status = malformed(error);
  if (!status) status = make_room(out, (size_t)num);
  for (size_t i = 0; !status && i < out->num_items; i++) {
    struct listing_item *item = &out->items[i];
    if (!mtc_read_uint(&reader, 8, &number) || !mtc_read_uint(&reader, 8, &tree_size) ||
        !mtc_read_uint(&reader, 8, &expiry_s)) {
      status = malformed(error);
      break;
    }
    append_uri(issuer, uri, "landmarks#", &item->uri);
    mtc_bytes_append_format(&item->uri, "%llu", (unsigned long long)number);
    describe(tree_size, expiry_s, &item->text);
    status = finish(item);
  }
  mtc_bytes_free(&answer);
  return status;
}

mtc_status listing_make(const struct issuer *issuer, const struct store_uri *uri,
                        struct listing *out, struct mtc_error *error) {
  switch (uri->object) {
    case STORE_CA:
      return list_contents(issuer, uri, out);
    case STORE_CHECKPOINT:
      return list_checkpoint(issuer, uri, out, error);
    case STORE_LANDMARKS:
      return list_landmarks(issuer, uri, out, error);
    default:
      return MTC_OK;
  }
}
