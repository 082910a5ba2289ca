/* CertificatePropertyList: what a TLS server must know to choose between certificates. */
#include <inttypes.h>

#include "entry/pattern.h"
#include "mtc/proof.h"

/*
 *   u16 len | { u16 type, u16 len, data }, types strictly ascending
 *   -06, -07  trust_anchor_groups:           u16 len | { u8 len, pattern }
 *   -05       trust_anchor_group_inclusions: u16 len | { u8 len, base ID, u64 min, u64 max }
 *
 * A range holds the IDs of one component more than its base; max 2^64-1 is no limit.
 * Source: tls-trust-anchor-ids, "Certificate Properties" and (before it had patterns) "Trust Anchor
 * Group Inclusions Property"
 */
enum property_type {
  PROPERTY_TRUST_ANCHOR_ID = 0,
  PROPERTY_TRUST_ANCHOR_GROUPS = 1,
  PROPERTY_TRUST_ANCHOR_NEGOTIATION = 2,
};

/* Child components of a CA ID. Source: merkle-tree-certs, "MTC CA Identifier Child Components" */
#define CHILD_LANDMARK 1
#define CHILD_LANDMARK_GROUP 2

static const uint8_t from_zero[] = {0x00, 0x80};

static mtc_status encode_component(uint64_t component, struct mtc_tai *out) {
  *out = (struct mtc_tai){0};
  return mtc_tai_append(out, component);
}

/* Appends pairs that match exactly the components of `tai`. */
static void append_exact(struct mtc_bytes *out, const struct mtc_tai *tai) {
  for (size_t begin = 0, end = 0; begin < tai->len; begin = end) {
    while (tai->bytes[end] & 0x80)
      end++;
    end++;
    mtc_bytes_append(out, tai->bytes + begin, end - begin);
    mtc_bytes_append(out, tai->bytes + begin, end - begin);
  }
}

static void append_property(struct mtc_bytes *out, enum property_type type, struct mtc_span data) {
  mtc_bytes_append_uint(out, type, 2);
  mtc_bytes_append_prefixed(out, data, 2);
}

/* The list, open after its trust_anchor_id and inside of its groups. */
struct open_list {
  size_t list, property, groups;
};

static struct open_list open_list(struct mtc_bytes *out, const struct mtc_tai *anchor) {
  struct open_list open;
  open.list = mtc_bytes_open_prefix(out, 2);
  append_property(out, PROPERTY_TRUST_ANCHOR_ID, mtc_span_of(anchor->bytes, anchor->len));
  mtc_bytes_append_uint(out, PROPERTY_TRUST_ANCHOR_GROUPS, 2);
  open.property = mtc_bytes_open_prefix(out, 2);
  open.groups = mtc_bytes_open_prefix(out, 2);
  return open;
}

static void close_groups(struct mtc_bytes *out, const struct open_list *open) {
  mtc_bytes_close_prefix(out, open->groups, 2);
  mtc_bytes_close_prefix(out, open->property, 2);
}

static void append_range(struct mtc_bytes *out, const struct mtc_tai *base, uint64_t min,
                         uint64_t max) {
  mtc_bytes_append_prefixed(out, mtc_span_of(base->bytes, base->len), 1);
  mtc_bytes_append_uint(out, min, 8);
  mtc_bytes_append_uint(out, max, 8);
}

/* Every landmark group of the CA holds its ID. A pattern can say "of any log"; a range cannot, so
 * it is of the log that is there. */
mtc_status mtc_properties_append_standalone(const struct mtc_wire *wire,
                                            const struct mtc_tai *ca_id, uint64_t log_number,
                                            struct mtc_bytes *out) {
  if (ca_id->len == 0) return MTC_INPUT;
  struct mtc_tai base = *ca_id;
  mtc_status status = mtc_tai_append(&base, CHILD_LANDMARK_GROUP);
  if (!status && wire->groups_are_ranges) status = mtc_tai_append(&base, log_number);
  if (status) return status;
  struct open_list open = open_list(out, ca_id);
  if (wire->groups_are_ranges) {
    append_range(out, &base, 0, UINT64_MAX);
  } else {
    size_t pattern = mtc_bytes_open_prefix(out, 1);
    append_exact(out, &base);
    mtc_bytes_append(out, from_zero, sizeof from_zero); /* any log */
    mtc_bytes_append(out, from_zero, sizeof from_zero); /* any landmark */
    mtc_bytes_close_prefix(out, pattern, 1);
  }
  close_groups(out, &open);
  mtc_bytes_close_prefix(out, open.list, 2);
  return mtc_bytes_status(out);
}

/* Landmark L is in the groups of all landmarks from L on (-06, -07), or of the max_active from L on
 * (-05). trust_anchor_negotiation is of the same age as ranges; who does not know it ignores it. */
mtc_status mtc_properties_append_landmark(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                                          uint64_t log_number, uint64_t landmark,
                                          uint64_t max_active, struct mtc_bytes *out) {
  if (ca_id->len == 0 || max_active == 0) return MTC_INPUT;
  struct mtc_tai anchor = *ca_id, base = *ca_id, least;
  mtc_status status = mtc_tai_append(&anchor, CHILD_LANDMARK);
  if (!status) status = mtc_tai_append(&anchor, log_number);
  if (!status) status = mtc_tai_append(&anchor, landmark);
  if (!status) status = mtc_tai_append(&base, CHILD_LANDMARK_GROUP);
  if (!status) status = mtc_tai_append(&base, log_number);
  if (!status) status = encode_component(landmark, &least);
  if (status) return status;
  struct open_list open = open_list(out, &anchor);
  if (wire->groups_are_ranges) {
    bool is_unlimited = max_active - 1 > UINT64_MAX - landmark;
    append_range(out, &base, landmark, is_unlimited ? UINT64_MAX : landmark + (max_active - 1));
  } else {
    size_t pattern = mtc_bytes_open_prefix(out, 1);
    append_exact(out, &base);
    mtc_bytes_append(out, least.bytes, least.len);
    mtc_bytes_append_uint(out, from_zero[1], 1);
    mtc_bytes_close_prefix(out, pattern, 1);
  }
  close_groups(out, &open);
  append_property(out, PROPERTY_TRUST_ANCHOR_NEGOTIATION, mtc_span_of(NULL, 0));
  mtc_bytes_close_prefix(out, open.list, 2);
  return mtc_bytes_status(out);
}

static mtc_status describe_patterns(struct mtc_span data, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(data);
  struct mtc_span list;
  if (!mtc_read_prefixed(&reader, 2, &list) || reader.len || list.len == 0) {
    return mtc_fail(error, MTC_INPUT, "trust_anchor_groups: not one non-empty list");
  }
  mtc_bytes_append_text(out, "trust_anchor_groups");
  reader = mtc_reader_of(list);
  for (size_t i = 0; reader.len; i++) {
    struct mtc_span pattern;
    if (!mtc_read_prefixed(&reader, 1, &pattern)) {
      return mtc_fail(error, MTC_INPUT, "trust_anchor_groups: pattern %zu is truncated", i);
    }
    mtc_bytes_append_text(out, i ? ", " : " ");
    if (pattern.len == 0) mtc_bytes_append_text(out, "(empty)");
    mtc_status status = mtc_pattern_append_text(pattern, out);
    if (status) {
      return mtc_fail(error, status, "trust_anchor_groups: pattern %zu is malformed", i);
    }
  }
  mtc_bytes_append_text(out, "\n");
  return MTC_OK;
}

static bool read_range(struct mtc_reader *reader, struct mtc_tai *out_base, uint64_t *out_min,
                       uint64_t *out_max) {
  struct mtc_span base;
  return mtc_read_prefixed(reader, 1, &base) && mtc_tai_decode(base, out_base, NULL) == MTC_OK &&
         mtc_read_uint(reader, 8, out_min) && mtc_read_uint(reader, 8, out_max) &&
         *out_min <= *out_max;
}

static mtc_status describe_ranges(struct mtc_span data, struct mtc_bytes *out,
                                  struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(data);
  struct mtc_span list;
  if (!mtc_read_prefixed(&reader, 2, &list) || reader.len || list.len == 0) {
    return mtc_fail(error, MTC_INPUT, "trust_anchor_group_inclusions: not one non-empty list");
  }
  mtc_bytes_append_text(out, "trust_anchor_group_inclusions");
  reader = mtc_reader_of(list);
  for (size_t i = 0; reader.len; i++) {
    char text[MTC_TAI_MAX_TEXT];
    struct mtc_tai base;
    uint64_t min, max;
    if (!read_range(&reader, &base, &min, &max)) {
      return mtc_fail(error, MTC_INPUT, "trust_anchor_group_inclusions: range %zu is malformed", i);
    }
    mtc_tai_format(&base, text);
    mtc_bytes_append_format(out, "%s %s.{%" PRIu64 "-", i ? "," : "", text, min);
    if (max != UINT64_MAX) mtc_bytes_append_format(out, "%" PRIu64, max);
    mtc_bytes_append_text(out, "}");
  }
  mtc_bytes_append_text(out, "\n");
  return MTC_OK;
}

/* Ranges do not read as patterns: they begin with a CA ID, whose second number would have to be at
 * least its first, an enterprise number. */
static mtc_status describe_groups(const struct mtc_wire *wire, struct mtc_span data,
                                  struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_error ignored;
  size_t start = out->len;
  if (wire && wire->groups_are_ranges) return describe_ranges(data, out, error);
  mtc_status status = describe_patterns(data, out, error);
  if (status != MTC_INPUT || wire) return status;
  out->len = start;
  return describe_ranges(data, out, &ignored) ? status : MTC_OK;
}

static mtc_status describe_property(const struct mtc_wire *wire, uint64_t type,
                                    struct mtc_span data, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  char text[MTC_TAI_MAX_TEXT];
  struct mtc_tai tai;
  switch (type) {
    case PROPERTY_TRUST_ANCHOR_ID: {
      mtc_status status = mtc_tai_decode(data, &tai, error);
      if (status) return mtc_fail_within(error, status, "trust_anchor_id");
      mtc_tai_format(&tai, text);
      mtc_bytes_append_format(out, "trust_anchor_id %s\n", text);
      return MTC_OK;
    }
    case PROPERTY_TRUST_ANCHOR_GROUPS:
      return describe_groups(wire, data, out, error);
    case PROPERTY_TRUST_ANCHOR_NEGOTIATION:
      if (data.len) {
        return mtc_fail(error, MTC_INPUT, "trust_anchor_negotiation: %zu bytes, must be empty",
                        data.len);
      }
      mtc_bytes_append_text(out, "trust_anchor_negotiation\n");
      return MTC_OK;
    default: /* "Authenticating parties MUST ignore" those they do not know */
      mtc_bytes_append_format(out, "property %u, %zu bytes\n", (unsigned)type, data.len);
      return MTC_OK;
  }
}

mtc_status mtc_properties_describe(const struct mtc_wire *wire, struct mtc_span list,
                                   struct mtc_bytes *out_text, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(list);
  struct mtc_span properties;
  struct mtc_bytes text = {0};
  mtc_status status = MTC_OK;
  uint64_t previous = 0;
  if (!mtc_read_prefixed(&reader, 2, &properties)) {
    return mtc_fail(error, MTC_INPUT, "property list: truncated");
  }
  if (reader.len) {
    return mtc_fail(error, MTC_INPUT, "property list: %zu bytes follow it", reader.len);
  }
  reader = mtc_reader_of(properties);
  for (size_t i = 0; !status && reader.len; i++) {
    uint64_t type;
    struct mtc_span data;
    if (!mtc_read_uint(&reader, 2, &type) || !mtc_read_prefixed(&reader, 2, &data)) {
      status = mtc_fail(error, MTC_INPUT, "property list: property %zu is truncated", i);
    } else if (i && type <= previous) {
      status = mtc_fail(error, MTC_INPUT, "property list: type %u does not ascend from %u",
                        (unsigned)type, (unsigned)previous);
    } else {
      status = describe_property(wire, type, data, &text, error);
      previous = type;
    }
  }
  if (!status) status = mtc_bytes_status(&text);
  if (!status) {
    mtc_bytes_append_span(out_text, mtc_span_of_bytes(&text));
    status = mtc_bytes_status(out_text);
  }
  mtc_bytes_free(&text);
  return status;
}
