#include "provider/lobby.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "mtc/runtime.h"

#define MAX_IDLE 64
#define PATIENCE_MS 300000 /* a batch waits for its HSM */

struct line {
  struct mtc_rpc_client *client;
  char *socket;
  pid_t process;
};

struct lobby {
  pthread_mutex_t lock;
  size_t num_idle;
  struct line idle[MAX_IDLE];
};

struct lobby *lobby_open(void) {
  struct lobby *lobby = mtc_alloc(1, sizeof *lobby);
  if (lobby) pthread_mutex_init(&lobby->lock, NULL);
  return lobby;
}

static void hang_up(struct line *line) {
  mtc_rpc_close(line->client);
  mtc_free(line->socket);
  *line = (struct line){0};
}

void lobby_close(struct lobby *lobby) {
  if (!lobby) return;
  for (size_t i = 0; i < lobby->num_idle; i++)
    hang_up(&lobby->idle[i]);
  pthread_mutex_destroy(&lobby->lock);
  mtc_free(lobby);
}

static bool take_idle(struct lobby *lobby, const char *socket, struct line *out) {
  bool found = false;
  pid_t process = getpid();
  pthread_mutex_lock(&lobby->lock);
  for (size_t i = lobby->num_idle; !found && i-- > 0;) {
    struct line *line = &lobby->idle[i];
    bool is_ours = line->process == process;
    found = is_ours && strcmp(line->socket, socket) == 0;
    if (!found && is_ours) continue;
    if (found)
      *out = *line;
    else
      hang_up(line); /* the parent goes on using it */
    *line = lobby->idle[--lobby->num_idle];
  }
  pthread_mutex_unlock(&lobby->lock);
  return found;
}

static void give_back(struct lobby *lobby, struct line *line) {
  pthread_mutex_lock(&lobby->lock);
  if (lobby->num_idle < MAX_IDLE) {
    lobby->idle[lobby->num_idle++] = *line;
    *line = (struct line){0};
  }
  pthread_mutex_unlock(&lobby->lock);
  hang_up(line);
}

static mtc_status dial(const char *socket, struct line *out, struct mtc_error *error) {
  *out = (struct line){.process = getpid(), .socket = mtc_strdup(socket)};
  if (!out->socket) return MTC_NOMEM;
  mtc_status status = mtc_rpc_connect(socket, &out->client, error);
  if (status)
    hang_up(out);
  else
    mtc_rpc_set_patience(out->client, PATIENCE_MS);
  return status;
}

mtc_status lobby_call(struct lobby *lobby, const char *socket, enum mtc_rpc_method method,
                      struct mtc_span body, struct mtc_bytes *out, struct mtc_error *error) {
  struct line line = {0};
  bool was_idle = take_idle(lobby, socket, &line);
  mtc_status status = was_idle ? MTC_OK : dial(socket, &line, error);
  if (status) return status;
  status = mtc_rpc_call(line.client, method, body, out, error);
  if (status == MTC_IO && was_idle) {
    hang_up(&line);
    status = dial(socket, &line, error);
    if (status) return status;
    status = mtc_rpc_call(line.client, method, body, out, error);
  }
  /* After MTC_IO it is not known what would come next. */
  if (status == MTC_IO)
    hang_up(&line);
  else
    give_back(lobby, &line);
  return status;
}
