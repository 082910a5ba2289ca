/* A daemon's answers as its client reads them: each whole frame once and in order, then the loss.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "rpc/frame.h"

#define MAX_INPUT 8192u /* well below what a socket buffers */

static char path[64];
static int listener;

static void remove_socket(void) {
  (void)unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  struct sockaddr_un address;
  (void)snprintf(path, sizeof path, "/tmp/mtc-fuzz-%ld.sock", (long)getpid());
  assert(mtc_rpc_address(path, &address, NULL) == MTC_OK);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
  assert(listen(listener, 1) == 0 && atexit(remove_socket) == 0);
  return 0;
}

/* An answer means what its frame says. */
static void check_answer(const struct rpc_frame *frame, mtc_status answer,
                         const struct mtc_bytes *body, const struct mtc_error *error) {
  if (frame->kind == RPC_ANSWERED) {
    assert(answer == MTC_OK);
    assert_same(mtc_span_of_bytes(body), frame->body);
    return;
  }
  assert(frame->kind == RPC_REFUSED && frame->body.len >= 1);
  assert(answer != MTC_OK && answer <= MTC_FATAL && (int)answer == frame->body.data[0]);
  size_t len = strlen(error->text);
  assert(len < sizeof error->text && len < frame->body.len);
  assert(memcmp(error->text, frame->body.data + 1, len) == 0);
}

static void receive_all(struct mtc_rpc_client *client, struct mtc_span input) {
  struct mtc_reader reader = mtc_reader_of(input);
  struct mtc_bytes body = {0};
  for (;;) {
    struct rpc_frame frame;
    struct mtc_error error = {0};
    uint64_t frame_len;
    uint32_t tag = 0;
    mtc_status answer = MTC_OK;
    enum rpc_parsed parsed = mtc_rpc_frame_read(&reader, &frame, &frame_len);
    mtc_status status = mtc_rpc_receive(client, -1, &tag, &answer, &body, &error);
    if (status) {
      assert(status == MTC_IO && error.text[0]);
      break;
    }
    assert(parsed == RPC_WHOLE && tag == frame.tag);
    check_answer(&frame, answer, &body, &error);
  }
  /* Once lost, it stays lost. */
  struct mtc_error error = {0};
  uint32_t tag;
  mtc_status answer;
  assert(mtc_rpc_receive(client, 0, &tag, &answer, &body, &error) == MTC_IO);
  mtc_bytes_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len < MAX_INPUT ? len : MAX_INPUT);
  struct mtc_rpc_client *client;
  struct mtc_error error = {0};
  assert(mtc_rpc_connect(path, &client, &error) == MTC_OK);
  int fd = accept(listener, NULL, NULL);
  assert(fd >= 0 && send(fd, input.data, input.len, MSG_DONTWAIT) == (ssize_t)input.len);
  (void)close(fd);
  receive_all(client, input);
  mtc_rpc_close(client);
  return 0;
}
