#include "login.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "sign/latch.h"
#include "sign/pin.h"

volatile sig_atomic_t login_is_under_way;

/* A page of its own: locked, in no dump, not inherited. */
struct secret {
  struct mtc_pin pin;
  uint8_t salt[32];
  struct mtc_hash good; /* of the salt and the PIN that was right last */
  bool has_good;
};

struct login {
  struct secret *secret;
  bool keeps_pin; /* it cannot be read again: it was typed, or stands in the URI */
  bool is_prompted;
  char *source; /* "" without one */
  char *latch;  /* "" without one */
  struct mtc_hash identity;
  int latch_fd;
  bool began;
};

static struct secret *new_page(void) {
  void *page =
      mmap(NULL, sizeof(struct secret), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return NULL;
  struct secret *secret = page;
  if (mlock(page, sizeof *secret) == 0 && madvise(page, sizeof *secret, MADV_DONTDUMP) == 0 &&
      madvise(page, sizeof *secret, MADV_WIPEONFORK) == 0 &&
      RAND_bytes(secret->salt, sizeof secret->salt) == 1)
    return secret;
  (void)munmap(page, sizeof *secret);
  return NULL;
}

mtc_status login_new(const struct mtc_signer_config *config, const struct mtc_key_uri *uri,
                     struct login **out, struct mtc_error *error) {
  struct login *login = mtc_alloc(1, sizeof *login);
  if (!login) return mtc_fail(error, MTC_NOMEM, "out of memory");
  *out = login;
  login->latch_fd = -1;
  const char *source = uri->pin_source[0] ? uri->pin_source : config->pin_source;
  if (!*source && mtc_pin_has_credential()) source = "credential:" MTC_PIN_CREDENTIAL;
  login->source = mtc_strdup(source);
  login->latch = mtc_strdup(config->latch);
  if (!login->source || !login->latch) return mtc_fail(error, MTC_NOMEM, "out of memory");
  login->secret = new_page();
  if (!login->secret)
    return mtc_fail(error, MTC_TOKEN, "no memory can be locked for the PIN: %s (RLIMIT_MEMLOCK)",
                    strerror(errno));
  login->is_prompted = mtc_pin_is_prompted(config->key, config->pin_source);
  mtc_status status = mtc_latch_identity(config->key, config->module, &login->identity, error);
  if (status || !uri->pin_value[0]) return status;
  login->keeps_pin = true;
  return mtc_pin_for(uri, NULL, &login->secret->pin, error);
}

void login_free(struct login *login) {
  if (!login) return;
  mtc_latch_unlock(login->latch_fd);
  if (login->secret) {
    OPENSSL_cleanse(login->secret, sizeof *login->secret);
    (void)munmap(login->secret, sizeof *login->secret);
  }
  mtc_free(login->source);
  mtc_free(login->latch);
  mtc_free(login);
}

bool login_has_pin(const struct login *login) {
  return login->secret->pin.len || login->source[0];
}

/* We are in a process group of our own, which a terminal stops when it reads: for as long as a
 * person types, the terminal is ours. */
static mtc_status ask_on_terminal(struct mtc_pin *out, struct mtc_error *error) {
  int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (tty < 0)
    return mtc_fail(error, MTC_INPUT, "pin_source: prompt, but there is no terminal to ask on");
  pid_t owner = tcgetpgrp(tty);
  void (*before)(int) = signal(SIGTTOU, SIG_IGN);
  (void)tcsetpgrp(tty, getpgrp());
  /* libcrypto shows the question first and then stops the echo: who types at once would be seen. */
  struct termios echoing = {0}, silent;
  bool has_mode = tcgetattr(tty, &echoing) == 0;
  silent = echoing;
  silent.c_lflag &= ~(tcflag_t)ECHO;
  if (has_mode) (void)tcsetattr(tty, TCSAFLUSH, &silent);
  int rc = EVP_read_pw_string_min(out->text, 1, (int)sizeof out->text, "Token PIN: ", 0);
  if (has_mode) (void)tcsetattr(tty, TCSANOW, &echoing);
  if (owner > 0) (void)tcsetpgrp(tty, owner);
  (void)signal(SIGTTOU, before);
  (void)close(tty);
  if (rc != 0) {
    mtc_pin_wipe(out);
    return mtc_fail(error, MTC_INPUT, "no PIN was typed");
  }
  out->len = strlen(out->text);
  return MTC_OK;
}

static mtc_status read_pin(struct login *login, struct mtc_error *error) {
  struct mtc_pin *pin = &login->secret->pin;
  if (pin->len || !login->source[0]) return MTC_OK;
  if (!login->is_prompted) return mtc_pin_read(login->source, pin, error);
  login->keeps_pin = true;
  return ask_on_terminal(pin, error);
}

mtc_status login_begin(struct login *login, const char **out_pin, bool *out_refused,
                       struct mtc_error *error) {
  *out_pin = login->secret->pin.text;
  if (login->began) return MTC_OK;
  login_is_under_way = 1;
  mtc_status status = MTC_OK;
  if (login->latch[0]) {
    status = mtc_latch_lock(login->latch, &login->latch_fd, error);
    if (!status) status = mtc_latch_check(login->latch_fd, &login->identity, out_refused, error);
  }
  if (!status) status = read_pin(login, error);
  login->began = true;
  if (status) login_end(login, false, false, NULL);
  return status;
}

static struct mtc_hash digest_of(const struct secret *secret) {
  const struct mtc_span parts[] = {mtc_span_of(secret->salt, sizeof secret->salt),
                                   mtc_span_of(secret->pin.text, secret->pin.len)};
  struct mtc_hash digest;
  mtc_hash_parts(parts, 2, &digest);
  return digest;
}

bool login_pin_is_known(const struct login *login) {
  struct mtc_hash digest = digest_of(login->secret);
  return login->secret->has_good && mtc_hash_equal(&digest, &login->secret->good);
}

void login_end(struct login *login, bool is_success, bool is_refusal, const char *cause) {
  struct mtc_error error = {""};
  if (!login->began) return;
  login->began = false;
  login_is_under_way = 0;
  if (is_success) {
    login->secret->good = digest_of(login->secret);
    login->secret->has_good = true;
  }
  if (is_refusal && login->latch_fd >= 0 &&
      mtc_latch_set(login->latch_fd, &login->identity, cause, &error) != MTC_OK)
    mtc_log(MTC_LOG_ERROR, "signer.latch_file", "text=\"%s\"", error.text);
  mtc_latch_unlock(login->latch_fd);
  login->latch_fd = -1;
  /* A PIN that was refused is not to be given again, whoever typed it. */
  if (!login->keeps_pin || is_refusal) mtc_pin_wipe(&login->secret->pin);
}
