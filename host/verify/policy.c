/* The policy file: one command a line, fields separated by white space, comments after #. */
#include <string.h>

#include "mtc/runtime.h"
#include "verify/verifier.h"

#define MAX_SHOWN 64 /* how much of a field a message repeats */

/* The line being read. */
struct line {
  struct mtc_verifier *verifier;
  struct mtc_reader rest;
  struct mtc_error *error;
};

static int shown(struct mtc_span field) {
  return field.len < MAX_SHOWN ? (int)field.len : MAX_SHOWN;
}

static mtc_status fail_field(const struct line *line, struct mtc_span field, const char *problem) {
  return mtc_fail(line->error, MTC_INPUT, "\"%.*s\" %s", shown(field), (const char *)field.data,
                  problem);
}

static bool is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Takes the next field; false at the end of the line. */
static bool next_field(struct line *line, struct mtc_span *out) {
  struct mtc_reader *rest = &line->rest;
  while (rest->len && is_blank(rest->data[0])) {
    rest->data++;
    rest->len--;
  }
  size_t len = 0;
  while (len < rest->len && !is_blank(rest->data[len]))
    len++;
  return len && mtc_read_span(rest, len, out);
}

static mtc_status need_field(struct line *line, const char *what, struct mtc_span *out) {
  if (next_field(line, out)) return MTC_OK;
  return mtc_fail(line->error, MTC_INPUT, "the %s is missing", what);
}

static mtc_status need_end(struct line *line) {
  struct mtc_span field;
  return next_field(line, &field) ? fail_field(line, field, "is one field too many") : MTC_OK;
}

static mtc_status need_tai(struct line *line, const char *what, struct mtc_tai *out) {
  struct mtc_span field;
  mtc_status status = need_field(line, what, &field);
  if (status) return status;
  status = mtc_tai_parse(field, out, line->error);
  return status ? mtc_fail_within(line->error, status, "the %s", what) : MTC_OK;
}

static mtc_status need_decimal(struct line *line, const char *what, uint64_t max, uint64_t *out) {
  struct mtc_span field;
  mtc_status status = need_field(line, what, &field);
  if (status) return status;
  if (mtc_parse_decimal(field, max, out)) return MTC_OK;
  return mtc_fail(line->error, MTC_INPUT, "\"%.*s\" is not a %s of at most %llu", shown(field),
                  (const char *)field.data, what, (unsigned long long)max);
}

static mtc_status need_base64(struct line *line, const char *what, struct mtc_bytes *out) {
  struct mtc_span field;
  mtc_status status = need_field(line, what, &field);
  if (status) return status;
  status = mtc_bytes_append_decoded_base64(out, field);
  return status == MTC_INPUT ? fail_field(line, field, "is not base64") : status;
}

/* A cosigner (by ID) or a group (by name). */
static bool find_member(const struct mtc_verifier *verifier, struct mtc_span name,
                        struct verifier_member *out) {
  for (size_t i = 0; i < verifier->num_groups; i++) {
    if (mtc_span_equal(mtc_span_of_text(verifier->groups[i].name), name)) {
      *out = (struct verifier_member){true, i};
      return true;
    }
  }
  struct mtc_tai tai;
  if (mtc_tai_parse(name, &tai, NULL)) return false;
  const struct verifier_cosigner *cosigner =
      verifier_find_cosigner(verifier, mtc_span_of(tai.bytes, tai.len));
  if (!cosigner) return false;
  *out = (struct verifier_member){false, (size_t)(cosigner - verifier->cosigners)};
  return true;
}

/* cosigner ID ALG SPKI */
static mtc_status read_cosigner(struct line *line) {
  struct mtc_tai tai;
  struct mtc_span name;
  struct mtc_bytes public_key = {0};
  char algorithm_name[MAX_SHOWN + 1] = {0};
  mtc_status status = need_tai(line, "cosigner ID", &tai);
  if (!status) status = need_field(line, "algorithm", &name);
  if (status) return status;
  if (name.len <= MAX_SHOWN) memcpy(algorithm_name, name.data, name.len);
  enum mtc_algorithm algorithm = mtc_algorithm_find(algorithm_name);
  if (algorithm == MTC_ALGORITHM_NONE) return fail_field(line, name, "is not a known algorithm");
  status = need_base64(line, "public key", &public_key);
  if (!status) status = need_end(line);
  if (!status && mtc_algorithm_of_public_key(mtc_span_of_bytes(&public_key)) != algorithm) {
    status = mtc_fail(line->error, MTC_INPUT, "the public key is not a SubjectPublicKeyInfo for %s",
                      mtc_algorithm_name(algorithm));
  }
  if (!status) {
    status = verifier_add_cosigner(line->verifier, &tai, algorithm, mtc_span_of_bytes(&public_key),
                                   false, line->error);
  }
  mtc_bytes_free(&public_key);
  return status;
}

static mtc_status read_members(struct line *line, struct verifier_group *group) {
  struct mtc_span field;
  while (next_field(line, &field)) {
    struct verifier_member member;
    if (!find_member(line->verifier, field, &member)) {
      return fail_field(line, field, "is neither a known cosigner nor an earlier group");
    }
    for (size_t i = 0; i < group->num_members; i++) {
      if (group->members[i].is_group == member.is_group &&
          group->members[i].index == member.index) {
        return fail_field(line, field, "is in the group twice");
      }
    }
    if (line->verifier->num_members + group->num_members == VERIFIER_MAX_MEMBERS) {
      return mtc_fail(line->error, MTC_INPUT, "the groups have more than %d members in all",
                      VERIFIER_MAX_MEMBERS);
    }
    void *list = group->members;
    mtc_status status = verifier_grow(&list, group->num_members, VERIFIER_MAX_MEMBERS,
                                      sizeof group->members[0], line->error);
    group->members = list;
    if (status) return status;
    group->members[group->num_members++] = member;
  }
  return group->num_members ? MTC_OK : mtc_fail(line->error, MTC_INPUT, "the group has no member");
}

static mtc_status read_num_required(struct line *line, struct mtc_span field,
                                    struct verifier_group *group) {
  uint64_t number;
  if (mtc_span_equal(field, mtc_span_of_text("any"))) {
    number = 1;
  } else if (mtc_span_equal(field, mtc_span_of_text("all"))) {
    number = group->num_members;
  } else if (!mtc_parse_decimal(field, UINT32_MAX, &number) || number == 0) {
    return fail_field(line, field, "is not a number of members, any or all");
  } else if (number > group->num_members) {
    return mtc_fail(line->error, MTC_INPUT, "%llu of a group of %zu members",
                    (unsigned long long)number, group->num_members);
  }
  group->num_required = (size_t)number;
  return MTC_OK;
}

/* group NAME N MEMBER... */
static mtc_status read_group(struct line *line) {
  struct mtc_verifier *verifier = line->verifier;
  struct verifier_group group = {0};
  struct verifier_member taken;
  struct mtc_tai tai;
  struct mtc_span name, num_required;
  mtc_status status = need_field(line, "group name", &name);
  if (!status) status = need_field(line, "number of members", &num_required);
  if (status) return status;
  if (find_member(verifier, name, &taken)) return fail_field(line, name, "is defined already");
  /* A name that reads as an ID could later be taken for a cosigner. */
  if (mtc_tai_parse(name, &tai, NULL) == MTC_OK) {
    return fail_field(line, name, "is a trust anchor ID, not a group name");
  }
  status = read_members(line, &group);
  if (!status) status = read_num_required(line, num_required, &group);
  if (status) goto out;
  void *list = verifier->groups;
  status = verifier_grow(&list, verifier->num_groups, VERIFIER_MAX, sizeof verifier->groups[0],
                         line->error);
  verifier->groups = list;
  if (status) goto out;
  group.name = mtc_alloc(name.len + 1, 1);
  if (!group.name) {
    status = mtc_fail(line->error, MTC_NOMEM, "out of memory");
    goto out;
  }
  memcpy(group.name, name.data, name.len);
  verifier->groups[verifier->num_groups++] = group;
  verifier->num_members += group.num_members;
  return MTC_OK;
out:
  mtc_free(group.members);
  return status;
}

/* require-cosigners CA-ID|all NAME */
static mtc_status read_requirement(struct line *line) {
  struct mtc_verifier *verifier = line->verifier;
  struct verifier_requirement requirement = {0};
  struct mtc_span field;
  mtc_status status = need_field(line, "CA ID", &field);
  if (status) return status;
  if (!mtc_span_equal(field, mtc_span_of_text("all"))) {
    status = mtc_tai_parse(field, &requirement.ca_id, line->error);
    if (status) return mtc_fail_within(line->error, status, "the CA ID");
  }
  status = need_field(line, "cosigner or group", &field);
  if (status) return status;
  if (!find_member(verifier, field, &requirement.member)) {
    return fail_field(line, field, "is neither a known cosigner nor a group");
  }
  status = need_end(line);
  if (status) return status;
  void *list = verifier->requirements;
  status = verifier_grow(&list, verifier->num_requirements, VERIFIER_MAX,
                         sizeof verifier->requirements[0], line->error);
  verifier->requirements = list;
  if (status) return status;
  verifier->requirements[verifier->num_requirements++] = requirement;
  return MTC_OK;
}

/* A decimal number, LOG:INDEX, or max. */
static mtc_status need_serial(struct line *line, const char *what, uint64_t *out) {
  struct mtc_span field;
  mtc_status status = need_field(line, what, &field);
  if (status) return status;
  if (mtc_span_equal(field, mtc_span_of_text("max"))) {
    *out = UINT64_MAX;
    return MTC_OK;
  }
  const uint8_t *colon = memchr(field.data, ':', field.len);
  if (!colon) {
    if (mtc_parse_decimal(field, UINT64_MAX, out)) return MTC_OK;
  } else {
    size_t log_len = (size_t)(colon - field.data);
    uint64_t log_number, index;
    if (mtc_parse_decimal(mtc_span_of(field.data, log_len), UINT16_MAX, &log_number) &&
        mtc_parse_decimal(mtc_span_of(colon + 1, field.len - log_len - 1), (UINT64_C(1) << 48) - 1,
                          &index)) {
      *out = log_number << 48 | index;
      return MTC_OK;
    }
  }
  return fail_field(line, field, "is not a serial number, LOG:INDEX or max");
}

/* revoke-range CA-ID MIN MAX */
static mtc_status read_revocation(struct line *line) {
  struct mtc_verifier *verifier = line->verifier;
  struct verifier_revocation revocation;
  mtc_status status = need_tai(line, "CA ID", &revocation.ca_id);
  if (!status) status = need_serial(line, "smallest serial number", &revocation.min_serial);
  if (!status) status = need_serial(line, "largest serial number", &revocation.max_serial);
  if (!status) status = need_end(line);
  if (status) return status;
  if (revocation.min_serial > revocation.max_serial) {
    return mtc_fail(line->error, MTC_INPUT, "the range %llu to %llu is empty",
                    (unsigned long long)revocation.min_serial,
                    (unsigned long long)revocation.max_serial);
  }
  void *list = verifier->revocations;
  status = verifier_grow(&list, verifier->num_revocations, VERIFIER_MAX_REVOCATIONS,
                         sizeof verifier->revocations[0], line->error);
  verifier->revocations = list;
  if (status) return status;
  verifier->revocations[verifier->num_revocations++] = revocation;
  return MTC_OK;
}

/* trusted-subtree CA-ID LOG START END HASH */
static mtc_status read_trusted_subtree(struct line *line) {
  struct verifier_trusted_subtree trusted;
  struct mtc_bytes hash = {0};
  mtc_status status = need_tai(line, "CA ID", &trusted.ca_id);
  if (!status) status = need_decimal(line, "log number", UINT16_MAX, &trusted.log_number);
  if (!status) status = need_decimal(line, "start", MTC_MAX_INDEX + 1, &trusted.subtree.start);
  if (!status) status = need_decimal(line, "end", MTC_MAX_INDEX + 1, &trusted.subtree.end);
  if (!status) status = need_base64(line, "hash", &hash);
  if (!status) status = need_end(line);
  if (!status && hash.len != sizeof trusted.hash.bytes) {
    status = mtc_fail(line->error, MTC_INPUT, "the hash has %zu bytes, not 32", hash.len);
  }
  if (!status) {
    memcpy(trusted.hash.bytes, hash.data, sizeof trusted.hash.bytes);
    status = verifier_trust_subtree(line->verifier, &trusted, line->error);
  }
  mtc_bytes_free(&hash);
  return status;
}

static mtc_status read_command(struct line *line) {
  static const struct {
    const char *name;
    mtc_status (*read)(struct line *line);
  } commands[] = {
      {"cosigner", read_cosigner},
      {"group", read_group},
      {"require-cosigners", read_requirement},
      {"revoke-range", read_revocation},
      {"trusted-subtree", read_trusted_subtree},
  };
  struct mtc_span name;
  if (!next_field(line, &name)) return MTC_OK;
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (!mtc_span_equal(name, mtc_span_of_text(commands[i].name))) continue;
    mtc_status status = commands[i].read(line);
    return status ? mtc_fail_within(line->error, status, "%s", commands[i].name) : MTC_OK;
  }
  return fail_field(line, name, "is not a command");
}

/* Cuts off the comment and refuses what is not printable ASCII before it. */
static mtc_status cut_line(struct mtc_span *text, struct mtc_error *error) {
  const uint8_t *comment = text->len ? memchr(text->data, '#', text->len) : NULL;
  if (comment) text->len = (size_t)(comment - text->data);
  for (size_t i = 0; i < text->len; i++) {
    uint8_t byte = text->data[i];
    if (!is_blank(byte) && (byte < 0x21 || byte > 0x7E)) {
      return mtc_fail(error, MTC_INPUT, "byte 0x%02x is not ASCII text", byte);
    }
  }
  return MTC_OK;
}

mtc_status mtc_verifier_add_policy(struct mtc_verifier *verifier, const char *file_name,
                                   struct mtc_span text, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(text);
  for (size_t number = 1; reader.len; number++) {
    struct mtc_span content;
    if (!mtc_read_line(&reader, &content) && !mtc_read_span(&reader, reader.len, &content)) break;
    mtc_status status = cut_line(&content, error);
    if (!status) {
      struct line line = {verifier, mtc_reader_of(content), error};
      status = read_command(&line);
    }
    if (status) return mtc_fail_within(error, status, "%s:%zu", file_name, number);
  }
  return MTC_OK;
}
