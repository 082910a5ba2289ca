/* The ceremony's steps with the token: open it, make the key, judge it, test it. */
#include <openssl/rand.h>
#include <pwd.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/mtc/ceremony.h"
#include "app/mtc/cli.h"
#include "app/mtc/json.h"
#include "sign/raw_attribute.h"

#define MAX_PROGRAM_LEN (256u << 20)

static json_t *people(const struct yaml_ceremony *yaml) {
  json_t *list = json_array();
  for (unsigned i = 0; list && i < yaml->present_count; i++) {
    json_t *person =
        json_pack("{ssss}", "name", yaml->present[i].name, "role", yaml->present[i].role);
    if (json_array_append_new(list, person) == 0) continue;
    json_decref(list);
    return NULL;
  }
  return list;
}

static json_t *host(void) {
  struct utsname name;
  const struct passwd *user = getpwuid(geteuid());
  if (uname(&name)) memset(&name, 0, sizeof name);
  return json_pack("{sososssi}", "name", cli_json_text(name.nodename), "system",
                   json_sprintf("%s %s %s", name.sysname, name.release, name.machine), "user",
                   user ? user->pw_name : "", "uid", (int)geteuid());
}

static json_t *program(void) {
  struct mtc_bytes file = {0};
  struct mtc_error ignored;
  json_t *digest = NULL;
  if (mtc_file_read("/proc/self/exe", MAX_PROGRAM_LEN, &file, &ignored) == MTC_OK)
    digest = cli_json_sha256(mtc_span_of_bytes(&file));
  mtc_bytes_free(&file);
  return json_pack("{ssssso*}", "name", "mtc", "version", MTC_VERSION, "sha256", digest);
}

mtc_status ceremony_begin(struct ceremony *ceremony) {
  const struct ceremony_plan *plan = ceremony->plan;
  struct mtc_span file = mtc_span_of_bytes(&plan->file);
  return ceremony_record(
      ceremony, MTC_EVENT_BEGIN,
      json_pack("{sososos{sososo}}", "program", program(), "host", host(), "present",
                people(plan->yaml), "file", "path", cli_json_text(ceremony->path), "sha256",
                cli_json_sha256(file), "text", json_stringn((const char *)file.data, file.len)));
}

mtc_status ceremony_open_token(struct ceremony *ceremony) {
  const struct ceremony_plan *plan = ceremony->plan;
  const struct yaml_token *yaml = &plan->yaml->token;
  struct hsm *hsm = &ceremony->hsm;
  struct hsm_options options = {.uri = yaml->uri,
                                .module = yaml->module,
                                .module_args = yaml->module_args,
                                .pin_source = yaml->pin_source,
                                .read_write = !ceremony->is_dry};
  json_t *fields = NULL;
  mtc_status status = hsm_open(&options, hsm, ceremony->error);
  if (!status) status = hsm_module_json(hsm, &fields, ceremony->error);
  if (!status) status = ceremony_record(ceremony, "module", fields);
  if (!status) status = hsm_token_json(hsm, &fields, ceremony->error);
  if (!status) status = ceremony_record(ceremony, "token", fields);
  if (!status) status = hsm_mechanism_json(hsm, &plan->mechanism, &fields, ceremony->error);
  if (!status) status = ceremony_record(ceremony, "mechanisms", fields);
  if (!status) status = hsm_log_in(hsm, ceremony->error);
  if (status) return status;
  return ceremony_record(ceremony, "login",
                         json_pack("{ss}", "pin",
                                   hsm->pin.len           ? "given"
                                   : hsm->raw.needs_login ? "on the token's keypad"
                                                          : "not needed"));
}

mtc_status ceremony_check_names(struct ceremony *ceremony) {
  const struct ceremony_plan *plan = ceremony->plan;
  struct mtc_span id = mtc_span_of(plan->id, plan->id_len);
  const char *label = plan->yaml->key.label;
  mtc_status status = mtc_key_refuse_existing(&ceremony->hsm.raw, label, id, ceremony->error);
  if (status) return status;
  return ceremony_record(ceremony, "names_are_free",
                         json_pack("{ssso}", "label", label, "id", cli_json_hex(id)));
}

mtc_status ceremony_generate(struct ceremony *ceremony) {
  const struct ceremony_plan *plan = ceremony->plan;
  const struct mtc_key_templates *templates = &plan->templates;
  /* Told before: whoever finds this as the last line knows what to look for on the token. */
  mtc_status status =
      ceremony_record(ceremony, MTC_EVENT_GENERATE,
                      json_pack("{sssosssososo}", "label", plan->yaml->key.label, "id",
                                cli_json_hex(mtc_span_of(plan->id, plan->id_len)), "algorithm",
                                plan->yaml->key.algorithm, "mechanism",
                                json_sprintf("0x%lx", plan->mechanism.generate), "public_template",
                                mtc_template_json(&templates->public_key), "private_template",
                                mtc_template_json(&templates->private_key)));
  if (status || ceremony->is_dry) return status;
  ceremony->has_tried = true;
  status = mtc_key_pair_make(&ceremony->hsm.raw, &plan->mechanism, templates, &ceremony->pair,
                             ceremony->error);
  return status ? status
                : ceremony_record(
                      ceremony, "generated",
                      json_pack("{sIsI}", "private_handle", (json_int_t)ceremony->pair.private_key,
                                "public_handle", (json_int_t)ceremony->pair.public_key));
}

/* Exactly one key has the label, and exactly one the id: another session may have been faster. */
static mtc_status check_alone(struct ceremony *ceremony, unsigned long class) {
  const struct ceremony_plan *plan = ceremony->plan;
  unsigned long handles[2];
  size_t by_label = 0, by_id = 0;
  struct mtc_raw_token *raw = &ceremony->hsm.raw;
  mtc_status status = mtc_raw_token_find(raw, class, plan->yaml->key.label, mtc_span_of(NULL, 0),
                                         handles, 2, &by_label, ceremony->error);
  if (!status)
    status = mtc_raw_token_find(raw, class, NULL, mtc_span_of(plan->id, plan->id_len), handles, 2,
                                &by_id, ceremony->error);
  if (!status && (by_label != 1 || by_id != 1))
    status = mtc_fail(ceremony->error, MTC_TOKEN, "the key's label or id is not its alone");
  return status;
}

static mtc_status read_back(struct ceremony *ceremony, const char *event, unsigned long handle,
                            struct mtc_template *out) {
  mtc_status status = mtc_template_read(&ceremony->hsm.raw, handle, out, ceremony->error);
  if (status) return status;
  return ceremony_record(ceremony, event, json_pack("{so}", "attributes", mtc_template_json(out)));
}

/* What a key may be and yet is worth a look: in the transcript, for who reads it. */
static json_t *remarks(const struct mtc_template *private) {
  static const struct {
    unsigned long type;
    bool value;
    const char *text;
  } rows[] = {
      {CKA_LOCAL, false, "the token does not say that it made the key"},
      {CKA_ALWAYS_SENSITIVE, false, "the token does not say that the key was always sensitive"},
      {CKA_NEVER_EXTRACTABLE, false, "the token does not say that the key was never extractable"},
      {CKA_MODIFIABLE, true, "the key's attributes can be changed (CKA_MODIFIABLE)"},
      {CKA_SIGN_RECOVER, true, "the key can sign with recovery (CKA_SIGN_RECOVER)"},
      {CKA_COPYABLE, true, "the key can be copied on the token (CKA_COPYABLE)"},
  };
  json_t *list = json_array();
  for (size_t i = 0; list && i < sizeof rows / sizeof *rows; i++) {
    if (mtc_template_flag(private, rows[i].type, false) != rows[i].value) continue;
    if (json_array_append_new(list, json_string(rows[i].text)) == 0) continue;
    json_decref(list);
    return NULL;
  }
  return list;
}

mtc_status ceremony_read_back(struct ceremony *ceremony) {
  const struct ceremony_plan *plan = ceremony->plan;
  struct mtc_template private, public;
  mtc_status status =
      read_back(ceremony, MTC_EVENT_PRIVATE_KEY, ceremony->pair.private_key, &private);
  if (!status)
    status = read_back(ceremony, "public_key_object", ceremony->pair.public_key, &public);
  if (!status)
    status =
        mtc_key_judge(&private, &plan->mechanism, plan->yaml->key.label,
                      mtc_span_of(plan->id, plan->id_len), plan->yaml->key.accept, ceremony->error);
  if (!status) status = check_alone(ceremony, CKO_PRIVATE_KEY);
  if (!status) status = check_alone(ceremony, CKO_PUBLIC_KEY);
  if (status) return status;
  return ceremony_record(ceremony, "judged", json_pack("{so}", "remarks", remarks(&private)));
}

mtc_status ceremony_read_public_key(struct ceremony *ceremony) {
  const struct ceremony_plan *plan = ceremony->plan;
  mtc_status status =
      mtc_raw_token_public_key(&ceremony->hsm.raw, &plan->mechanism, ceremony->pair.public_key,
                               &ceremony->public_key, ceremony->error);
  if (status) return status;
  struct mtc_span spki = mtc_span_of_bytes(&ceremony->public_key);
  return ceremony_record(ceremony, MTC_EVENT_PUBLIC_KEY,
                         json_pack("{sssoso}", "algorithm", plan->yaml->key.algorithm, "sha256",
                                   cli_json_sha256(spki), "spki", cli_json_base64(spki)));
}

mtc_status ceremony_test_key(struct ceremony *ceremony) {
  const struct mtc_mechanism *mechanism = &ceremony->plan->mechanism;
  struct mtc_bytes message = {0}, signature = {0};
  uint8_t nonce[32];
  mtc_bytes_append_text(&message, "mtc key ceremony: test of a new key\n");
  if (RAND_bytes(nonce, sizeof nonce) != 1) message.failed = true;
  mtc_bytes_append(&message, nonce, sizeof nonce);
  mtc_status status = mtc_bytes_status(&message);
  struct mtc_span span = mtc_span_of_bytes(&message);
  if (status)
    (void)mtc_fail(ceremony->error, status, "making a test message failed");
  else
    status = mtc_raw_token_sign(&ceremony->hsm.raw, mechanism, ceremony->pair.private_key,
                                &ceremony->hsm.pin, span, &signature, ceremony->error);
  if (!status &&
      mtc_signature_verify(mechanism->algorithm, mtc_span_of_bytes(&ceremony->public_key), span,
                           mtc_span_of_bytes(&signature)))
    status = mtc_fail(ceremony->error, MTC_TOKEN, "the test signature does not verify");
  if (!status)
    status =
        ceremony_record(ceremony, MTC_EVENT_TEST_SIGNATURE,
                        json_pack("{sososo}", "mechanism", json_sprintf("0x%lx", mechanism->sign),
                                  "message", cli_json_base64(span), "signature",
                                  cli_json_base64(mtc_span_of_bytes(&signature))));
  mtc_bytes_free(&message);
  mtc_bytes_free(&signature);
  return status;
}
