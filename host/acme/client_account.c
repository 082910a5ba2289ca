/* The account: its key, its URL, its registration. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/client_session.h"
#include "mtc/runtime.h"

#define MAX_KEY_LEN 65536u

mtc_status acme_client_read_key(const char *path, EVP_PKEY **out, struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  struct stat info;
  *out = NULL;
  if (stat(path, &info) == 0 && info.st_mode & 077)
    return mtc_fail(error, MTC_INPUT, "%s: others than its owner may use it: chmod 600", path);
  mtc_status status = mtc_file_read(path, MAX_KEY_LEN, &pem, error);
  if (status) return status;
  BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
  /* An empty pass phrase: nobody is asked for one. */
  *out = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (char[]){""}) : NULL;
  BIO_free(bio);
  mtc_bytes_wipe(&pem);
  ERR_clear_error();
  return *out ? MTC_OK : mtc_fail(error, MTC_INPUT, "%s: no private key in PEM", path);
}

mtc_status acme_client_append_key(EVP_PKEY *key, struct mtc_bytes *out, struct mtc_error *error) {
  char *text = NULL;
  BIO *bio = BIO_new(BIO_s_secmem());
  bool is_written = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
  long len = is_written ? BIO_get_mem_data(bio, &text) : 0;
  if (len > 0) mtc_bytes_append(out, text, (size_t)len);
  BIO_free(bio);
  ERR_clear_error();
  if (len > 0 && !out->failed) return MTC_OK;
  return mtc_fail(error, MTC_NOMEM, "a private key cannot be written as PEM");
}

static bool is_absent(const char *path) {
  struct stat info;
  return stat(path, &info) != 0 && errno == ENOENT;
}

/* Two first runs make one key, and a kill leaves no half of one. */
static mtc_status make_key(const char *path, struct mtc_error *error) {
  char lock[4096];
  struct mtc_bytes pem = {0};
  struct acme_key key = {0};
  mtc_status status = MTC_OK;
  (void)snprintf(lock, sizeof lock, "%s.lock", path);
  int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || flock(fd, LOCK_EX) != 0)
    status = mtc_fail(error, MTC_IO, "%s: %s", lock, strerror(errno));
  if (!status && is_absent(path)) {
    status = acme_key_generate(ACME_ES256, &key, error);
    if (!status) status = acme_client_append_key(key.pkey, &pem, error);
    if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0600, error);
  }
  acme_key_free(&key);
  mtc_bytes_wipe(&pem);
  if (fd >= 0) (void)close(fd);
  return status;
}

mtc_status acme_client_load_key(const char *path, struct acme_key *out, struct mtc_error *error) {
  EVP_PKEY *pkey = NULL;
  mtc_status status = acme_client_read_key(path, &pkey, error);
  if (status) return status;
  status = acme_key_from_pkey(pkey, out, error);
  EVP_PKEY_free(pkey);
  return status ? mtc_fail_within(error, status, "%s", path) : MTC_OK;
}

void acme_client_next_key_path(const struct acme_client_config *config, char out[4096]) {
  (void)snprintf(out, 4096, "%s.next", config->account.key);
}

static mtc_status lock_key(struct acme_client_session *session, int kind, struct mtc_error *error) {
  char path[4096];
  if (session->lock_fd >= 0) (void)close(session->lock_fd);
  (void)snprintf(path, sizeof path, "%s.lock", session->config->account.key);
  session->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  /* Where nothing can be written no key is changed. */
  if (session->lock_fd < 0 && kind == LOCK_SH && (errno == EROFS || errno == EACCES)) return MTC_OK;
  if (session->lock_fd >= 0 && flock(session->lock_fd, kind) == 0) return MTC_OK;
  return mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
}

/* The key is read when its lock is held: another session may be changing it. */
static mtc_status find_key(struct acme_client_session *session, bool alone,
                           struct mtc_error *error) {
  const char *path = session->config->account.key;
  char next[4096];
  acme_client_next_key_path(session->config, next);
  mtc_status status = is_absent(path) ? make_key(path, error) : MTC_OK;
  if (!status) status = lock_key(session, alone ? LOCK_EX : LOCK_SH, error);
  if (!status && !alone && !is_absent(next)) status = lock_key(session, LOCK_EX, error);
  session->is_key_changing = !status && !is_absent(next);
  return status ? status : acme_client_load_key(path, &session->key, error);
}

static void account_path(const struct acme_client_config *config, char out[4096]) {
  (void)snprintf(out, 4096, "%s.json", config->account.key);
}

/* What is found is only a hint: another directory or key, and it does not count. */
static void load_account(struct acme_client_session *session) {
  char path[4096];
  struct mtc_bytes file = {0};
  struct mtc_error ignored;
  const char *directory, *thumbprint, *url;
  account_path(session->config, path);
  if (mtc_file_read(path, 65536, &file, &ignored)) {
    mtc_bytes_free(&file);
    return;
  }
  json_t *json = json_loadb((const char *)file.data, file.len, 0, NULL);
  if (json &&
      json_unpack(json, "{s:s, s:s, s:s}", "directory", &directory, "key", &thumbprint, "account",
                  &url) == 0 &&
      strcmp(directory, session->config->directory) == 0 &&
      strcmp(thumbprint, session->key.thumbprint) == 0 &&
      acme_client_url_check(url, session->allow_plain, &ignored) == MTC_OK)
    (void)snprintf(session->account, sizeof session->account, "%s", url);
  json_decref(json);
  mtc_bytes_free(&file);
}

mtc_status acme_client_save_account(const struct acme_client_session *session,
                                    struct mtc_error *error) {
  char path[4096];
  account_path(session->config, path);
  json_t *json = json_pack("{s:s, s:s, s:s}", "directory", session->config->directory, "key",
                           session->key.thumbprint, "account", session->account);
  char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
  json_decref(json);
  if (!text) return mtc_fail(error, MTC_NOMEM, "out of memory");
  mtc_status status = mtc_file_write_atomic(path, mtc_span_of_text(text), 0600, error);
  free(text);
  return status;
}

mtc_status acme_client_session_open(const struct acme_client_config *config, bool alone,
                                    struct acme_client_session *out, struct mtc_error *error) {
  *out = (struct acme_client_session){.config = config, .lock_fd = -1};
  out->allow_plain = acme_client_url_is_plain(config->directory);
  mtc_status status = find_key(out, alone, error);
  if (!status) status = acme_client_http_open(config->ca_file, &out->http, error);
  if (status) {
    acme_client_session_close(out);
    return status;
  }
  load_account(out);
  return MTC_OK;
}

void acme_client_session_close(struct acme_client_session *session) {
  acme_client_http_close(session->http);
  acme_key_free(&session->key);
  /* A zeroed one has no lock, as it has no configuration. */
  if (session->config && session->lock_fd >= 0) (void)close(session->lock_fd);
  *session = (struct acme_client_session){0};
}

mtc_status acme_client_forget_account(struct acme_client_session *session,
                                      struct mtc_error *error) {
  session->account[0] = 0;
  return acme_client_save_account(session, error);
}

/* The account's public key, signed by the key that the CA gave this customer. */
static mtc_status make_binding(const struct acme_client_session *session, json_t **out,
                               struct mtc_error *error) {
  const struct acme_client_external *external = session->config->account.external;
  struct mtc_bytes file = {0}, key = {0}, jws = {0};
  struct acme_jws_header header = {.url = session->directory.new_account, .kid = external->kid};
  mtc_status status = mtc_file_read(external->key_file, 4096, &file, error);
  while (file.len && strchr(" \t\r\n", file.data[file.len - 1]) && file.data[file.len - 1])
    file.len--;
  if (!status && (!acme_append_decoded_base64url(&key, mtc_span_of_bytes(&file)) || key.len == 0))
    status = mtc_fail(error, MTC_INPUT, "%s: no base64url without padding", external->key_file);
  if (!status)
    status = acme_jws_sign_mac(mtc_span_of_bytes(&key), &header, mtc_span_of_text(session->key.jwk),
                               &jws, error);
  *out = status ? NULL : json_loadb((const char *)jws.data, jws.len, 0, NULL);
  mtc_bytes_wipe(&file);
  mtc_bytes_wipe(&key);
  mtc_bytes_free(&jws);
  if (!status && !*out) status = mtc_fail(error, MTC_NOMEM, "out of memory");
  return status;
}

static mtc_status make_request(const struct acme_client_session *session, json_t **out,
                               struct mtc_error *error) {
  const struct acme_client_account *account = &session->config->account;
  json_t *binding = NULL, *contacts = json_array();
  *out = NULL;
  mtc_status status = account->external ? make_binding(session, &binding, error) : MTC_OK;
  for (unsigned i = 0; i < account->num_contacts; i++)
    (void)json_array_append_new(contacts, json_string(account->contacts[i]));
  if (!status) *out = json_object();
  if (*out && account->num_contacts) (void)json_object_set(*out, "contact", contacts);
  if (*out && account->terms_agreed)
    (void)json_object_set_new(*out, "termsOfServiceAgreed", json_true());
  if (*out && binding) (void)json_object_set(*out, "externalAccountBinding", binding);
  json_decref(contacts);
  json_decref(binding);
  if (!status && !*out) status = mtc_fail(error, MTC_NOMEM, "out of memory");
  return status;
}

mtc_status acme_client_find_account(struct acme_client_session *session, struct mtc_error *error) {
  struct acme_client_response response = {0};
  json_t *request = NULL;
  mtc_status status = acme_client_find_directory(session, error);
  if (!status) status = acme_client_settle_key(session, error);
  if (status || session->account[0]) return status;
  if (session->directory.needs_external_account && !session->config->account.external)
    return mtc_fail(
        error, MTC_INPUT,
        "the server takes only accounts bound to one of its customers: account.external "
        "with kid and key_file");
  /* An account that this key has already is answered as a new one is: a lost answer does no harm.
   */
  status = make_request(session, &request, error);
  if (!status) mtc_fault_point("acme.client.account");
  if (!status)
    status =
        acme_client_post(session, session->directory.new_account, request, NULL, &response, error);
  if (!status && acme_client_url_check(response.location, session->allow_plain, error))
    status = mtc_fail_within(error, MTC_IO, "the account's Location");
  if (!status) {
    memcpy(session->account, response.location, sizeof session->account);
    mtc_fault_point("acme.client.account_known");
    status = acme_client_save_account(session, error);
  }
  if (status == MTC_INPUT && session->problem.type && session->directory.terms[0] &&
      !session->config->account.terms_agreed)
    status =
        mtc_fail_within(error, status, "terms of service %s are to be agreed to (terms_agreed)",
                        session->directory.terms);
  acme_client_response_free(&response);
  return status ? mtc_fail_within(error, status, "account") : MTC_OK;
}
