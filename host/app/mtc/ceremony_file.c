#include "app/mtc/ceremony_file.h"

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/mtc/ca_params.h"
#include "app/mtc/cli.h"
#include "entry/utf8.h"

#define DAY_S 86400
#define MAX_VALIDITY_DAYS 36525 /* a hundred years */
#define GENERATED_ID_LEN 16

/* A plan being checked. */
struct checking {
  const char *path;
  struct ceremony_plan *plan;
  struct mtc_error *error;
};

/* Puts the file, line and key before what is wrong with its value. */
static mtc_status at(const struct checking *checking, const char *key, mtc_status status) {
  unsigned line = mtc_yaml_line(mtc_span_of_bytes(&checking->plan->file), key);
  if (!status) return MTC_OK;
  return mtc_fail_within(checking->error, status, "%s:%u: %s", checking->path, line, key);
}

#define WRONG(checking, key, ...) \
  at(checking, key, mtc_fail((checking)->error, MTC_INPUT, __VA_ARGS__))

static mtc_status check_text(const struct checking *checking, const char *key, const char *value) {
  const char *problem = cli_text_problem(value);
  return problem ? WRONG(checking, key, "it has %s, which is refused here", problem) : MTC_OK;
}

static mtc_status check_texts(const struct checking *checking) {
  const struct yaml_ceremony *yaml = checking->plan->yaml;
  const struct {
    const char *key, *value;
  } texts[] = {
      {"token.uri", yaml->token.uri},
      {"token.module", yaml->token.module},
      {"token.module_args", yaml->token.module_args},
      {"token.pin_source", yaml->token.pin_source},
      {"key.label", yaml->key.label},
      {"output.transcript", yaml->output.transcript},
      {"output.public_key", yaml->output.public_key},
      {"output.certificate", yaml->output.certificate},
      {"output.csr", yaml->output.csr},
  };
  mtc_status status = MTC_OK;
  /* The whole file becomes part of the transcript, which is JSON. */
  if (!mtc_utf8_is(mtc_span_of_bytes(&checking->plan->file)) ||
      memchr(checking->plan->file.data, 0, checking->plan->file.len))
    return mtc_fail(checking->error, MTC_INPUT, "%s: it is not UTF-8 text", checking->path);
  for (size_t i = 0; !status && i < sizeof texts / sizeof *texts; i++)
    status = check_text(checking, texts[i].key, texts[i].value);
  for (unsigned i = 0; !status && i < yaml->present_count; i++) {
    status = check_text(checking, "present", yaml->present[i].name);
    if (!status) status = check_text(checking, "present", yaml->present[i].role);
  }
  return status;
}

static mtc_status check_token(const struct checking *checking) {
  const struct yaml_token *token = &checking->plan->yaml->token;
  struct mtc_key_uri uri;
  const char *module = NULL;
  mtc_status status = mtc_token_uri_parse(token->uri, &uri, checking->error);
  if (status) return at(checking, "token.uri", status);
  status = mtc_key_uri_module(&uri, token->module, &module, checking->error);
  if (!status && module[0] != '/')
    status = mtc_fail(checking->error, MTC_INPUT, "the module needs an absolute path");
  if (status) {
    status = at(checking, "token.module", status);
  } else if (uri.object[0] || uri.id_len) {
    status = WRONG(checking, "token.uri", "it names an object; the key is named under key");
  } else if (uri.pin_value[0]) {
    status = WRONG(checking, "token.uri",
                   "pin-value would put the PIN into the transcript: use pin_source, or type it");
  } else if (uri.pin_source[0] && token->pin_source) {
    status = WRONG(checking, "token.pin_source", "the URI gives another already");
  }
  mtc_key_uri_wipe(&uri);
  return status;
}

static mtc_status check_number(const struct checking *checking, const char *key, const char *text,
                               unsigned long *out) {
  if (!text || (mtc_mechanism_parse_number(text, out) && *out)) return MTC_OK;
  return WRONG(checking, key, "\"%.40s\" is no number (0x1D, 29) above zero", text);
}

static mtc_status check_id(const struct checking *checking) {
  struct ceremony_plan *plan = checking->plan;
  const char *text = plan->yaml->key.id;
  struct mtc_bytes id = {0};
  if (!text) {
    plan->id_len = GENERATED_ID_LEN;
    if (RAND_bytes(plan->id, GENERATED_ID_LEN) == 1) return MTC_OK;
    return mtc_fail(checking->error, MTC_NOMEM, "no random bytes for the id");
  }
  mtc_status status = mtc_bytes_append_decoded_hex(&id, mtc_span_of_text(text));
  if (!status && id.len > sizeof plan->id) status = MTC_INPUT;
  if (status == MTC_INPUT)
    status = WRONG(checking, "key.id", "it must be 1 to %zu bytes in hexadecimal", sizeof plan->id);
  if (!status) {
    plan->id_len = id.len;
    memcpy(plan->id, id.data, id.len);
  }
  mtc_bytes_free(&id);
  return status;
}

static mtc_status override(const struct checking *checking, bool is_private, char **list,
                           unsigned num) {
  struct mtc_key_templates *templates = &checking->plan->templates;
  struct mtc_template *templ = is_private ? &templates->private_key : &templates->public_key;
  const char *key = is_private ? "key.attributes.private" : "key.attributes.public";
  mtc_status status = MTC_OK;
  for (unsigned i = 0; !status && i < num; i++) {
    char name[64];
    size_t len = strcspn(list[i], "=");
    if (!list[i][len] || len >= sizeof name)
      return WRONG(checking, key, "\"%.60s\" is not NAME=VALUE", list[i]);
    memcpy(name, list[i], len);
    name[len] = 0;
    status = mtc_template_override(templ, is_private, name, list[i] + len + 1, checking->error);
    if (status) status = at(checking, key, status);
  }
  return status;
}

static mtc_status check_key(const struct checking *checking) {
  struct ceremony_plan *plan = checking->plan;
  const struct yaml_key *key = &plan->yaml->key;
  struct mtc_mechanism_numbers numbers = {0};
  const struct mtc_mechanism *standard = mtc_mechanism_get(mtc_algorithm_find(key->algorithm));
  if (!standard)
    return WRONG(checking, "key.algorithm",
                 "\"%.40s\" is none of ml-dsa-44, ml-dsa-65, ml-dsa-87, ecdsa-p256, ecdsa-p384, "
                 "ed25519",
                 key->algorithm);
  if (strlen(key->label) >= MTC_MAX_ATTRIBUTE_LEN)
    return WRONG(checking, "key.label", "it is longer than %d bytes", MTC_MAX_ATTRIBUTE_LEN - 1);
  mtc_status status = check_number(checking, "key.mechanisms.generate", key->mechanisms.generate,
                                   &numbers.generate);
  if (!status)
    status = check_number(checking, "key.mechanisms.sign", key->mechanisms.sign, &numbers.sign);
  if (!status)
    status = check_number(checking, "key.mechanisms.key_type", key->mechanisms.key_type,
                          &numbers.key_type);
  if (!status) status = check_id(checking);
  if (status) return status;
  plan->mechanism = mtc_mechanism_override(standard, &numbers);
  status = mtc_key_templates_fill(&plan->mechanism, key->label, mtc_span_of(plan->id, plan->id_len),
                                  &plan->templates, checking->error);
  const struct yaml_attributes *attributes = &key->attributes;
  if (!status) status = override(checking, true, attributes->private, attributes->private_count);
  return status ? status : override(checking, false, attributes->public, attributes->public_count);
}

static mtc_status check_dates(const struct checking *checking) {
  const struct yaml_certificate *yaml = &checking->plan->yaml->ca;
  struct mtc_ca_params *ca = &checking->plan->ca;
  ca_params_set_dates(ca, mtc_clock_now_ms() / 1000);
  int64_t duration_s = ca->not_after - ca->not_before;
  if (yaml->not_before && !cli_parse_time(yaml->not_before, &ca->not_before))
    return WRONG(checking, "ca.not_before", "it is no YYYY-MM-DDTHH:MM:SSZ");
  if (yaml->validity_days < 0 || yaml->validity_days > MAX_VALIDITY_DAYS)
    return WRONG(checking, "ca.validity_days", "1 to %d are allowed", MAX_VALIDITY_DAYS);
  if (yaml->validity_days) duration_s = yaml->validity_days * DAY_S - 1;
  ca->not_after = ca->not_before + duration_s;
  return MTC_OK;
}

static mtc_status check_ca(const struct checking *checking) {
  const struct yaml_certificate *yaml = &checking->plan->yaml->ca;
  struct mtc_ca_params *ca = &checking->plan->ca;
  int64_t log_number = yaml->log_number ? yaml->log_number : 1;
  ca->wire = mtc_wire_find(yaml->wire_version);
  ca->algorithm = checking->plan->mechanism.algorithm;
  ca->crl_sign = yaml->crl_sign;
  if (!ca->wire)
    return WRONG(checking, "ca.wire_version", "\"%.40s\" is none of plants-05, -06, -07",
                 yaml->wire_version);
  if (log_number < 1 || log_number > 65535)
    return WRONG(checking, "ca.log_number", "1 to 65535 are allowed");
  mtc_status status = ca_params_set_id(ca, yaml->id, (uint64_t)log_number, checking->error);
  if (status) return at(checking, "ca.id", status);
  if (yaml->prefix_url) status = ca_params_set_url(ca, yaml->prefix_url, checking->error);
  return status ? at(checking, "ca.prefix_url", status) : check_dates(checking);
}

/* Relative to the ceremony file's folder. */
static mtc_status resolve(const struct checking *checking, const char *name, char **out) {
  struct mtc_bytes path = {0};
  const char *slash = strrchr(checking->path, '/');
  if (name[0] != '/' && slash)
    mtc_bytes_append(&path, checking->path, (size_t)(slash + 1 - checking->path));
  mtc_bytes_append(&path, name, strlen(name) + 1);
  if (!mtc_bytes_status(&path)) *out = mtc_strdup((char *)path.data);
  mtc_bytes_free(&path);
  return *out ? MTC_OK : mtc_fail(checking->error, MTC_NOMEM, "out of memory");
}

/* A file that cannot be written is found before there is a key. */
static mtc_status check_folder(const struct checking *checking, const char *key, const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  int len = slash ? snprintf(folder, sizeof folder, "%.*s", (int)(slash + 1 - path), path)
                  : snprintf(folder, sizeof folder, ".");
  if (len < 0 || len >= (int)sizeof folder) return WRONG(checking, key, "the path is too long");
  if (access(folder, W_OK | X_OK) == 0) return MTC_OK;
  return WRONG(checking, key, "cannot write into %s: %s", folder, strerror(errno));
}

static mtc_status check_outputs(const struct checking *checking) {
  const struct yaml_output *yaml = &checking->plan->yaml->output;
  char *const names[] = {yaml->transcript, yaml->public_key, yaml->certificate, yaml->csr};
  static const char *const keys[] = {"output.transcript", "output.public_key", "output.certificate",
                                     "output.csr"};
  char **paths = checking->plan->outputs;
  for (size_t i = 0; i < CEREMONY_NUM_OUTPUTS; i++) {
    struct stat info;
    if (!names[i]) continue;
    mtc_status status = resolve(checking, names[i], &paths[i]);
    if (status) return status;
    if (lstat(paths[i], &info) == 0)
      return WRONG(checking, keys[i], "%s exists; it is never overwritten", paths[i]);
    status = check_folder(checking, keys[i], paths[i]);
    if (status) return status;
    for (size_t k = 0; k < i; k++) {
      if (paths[k] && strcmp(paths[k], paths[i]) == 0)
        return WRONG(checking, keys[i], "it is named twice");
    }
  }
  return MTC_OK;
}

mtc_status ceremony_plan_load(const char *path, struct ceremony_plan *out,
                              struct mtc_error *error) {
  struct checking checking = {path, out, error};
  void *yaml = NULL;
  *out = (struct ceremony_plan){0};
  mtc_status status = mtc_file_read(path, CEREMONY_MAX_FILE_LEN, &out->file, error);
  if (!status)
    status = mtc_yaml_parse(path, mtc_span_of_bytes(&out->file), &ceremony_schema, &yaml, error);
  out->yaml = yaml;
  if (!status) status = check_texts(&checking);
  if (!status) status = check_token(&checking);
  if (!status) status = check_key(&checking);
  if (!status) status = check_ca(&checking);
  if (!status) status = check_outputs(&checking);
  if (status) ceremony_plan_free(out);
  return status;
}

void ceremony_plan_free(struct ceremony_plan *plan) {
  mtc_yaml_free(&ceremony_schema, plan->yaml);
  mtc_bytes_free(&plan->file);
  for (size_t i = 0; i < CEREMONY_NUM_OUTPUTS; i++)
    mtc_free(plan->outputs[i]);
  *plan = (struct ceremony_plan){0};
}
