/* RPC: frames written back byte for byte; a served peer gets one answer a request, in this order.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "rpc/frame.h"

#define MAX_INPUT 8192u /* well below what a socket buffers */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  mtc_log_init("fuzz", MTC_LOG_ERROR);
  return 0;
}

/* Returns how many whole frames stand at the front, and whether what follows is malformed. */
static size_t check_frames(struct mtc_span input, bool *out_malformed) {
  struct mtc_reader reader = mtc_reader_of(input);
  struct mtc_bytes again = {0};
  struct rpc_frame frame;
  enum rpc_parsed parsed;
  uint64_t frame_len;
  size_t num_frames = 0;
  while ((parsed = mtc_rpc_frame_read(&reader, &frame, &frame_len)) == RPC_WHOLE) {
    mtc_rpc_frame_append_head(&again, frame.kind, frame.tag, frame.body.len);
    mtc_bytes_append_span(&again, frame.body);
    num_frames++;
  }
  assert_built(&again, mtc_span_of(input.data, input.len - reader.len));
  *out_malformed = parsed == RPC_MALFORMED;
  return num_frames;
}

static void echo(void *context, uint8_t method, struct mtc_span body,
                 struct mtc_rpc_request *request) {
  size_t *num_handled = context;
  ++*num_handled;
  if (method & 1) {
    mtc_rpc_answer(request, body);
  } else {
    mtc_rpc_refuse(request, MTC_INPUT, "refused");
  }
}

static void check_answers(int fd, struct mtc_span input, size_t num_frames) {
  struct mtc_reader sent = mtc_reader_of(input), received;
  struct mtc_bytes answers = {0};
  for (;;) {
    uint8_t *room = mtc_bytes_reserve(&answers, 65536);
    assert(room);
    ssize_t count = recv(fd, room, 65536, MSG_DONTWAIT);
    if (count <= 0) break;
    answers.len += (size_t)count;
  }
  received = mtc_reader_of(mtc_span_of_bytes(&answers));
  for (size_t i = 0; i < num_frames; i++) {
    struct rpc_frame request, answer;
    uint64_t frame_len;
    assert(mtc_rpc_frame_read(&sent, &request, &frame_len) == RPC_WHOLE);
    assert(mtc_rpc_frame_read(&received, &answer, &frame_len) == RPC_WHOLE);
    assert(answer.tag == request.tag);
    assert(answer.kind == (request.kind & 1 ? RPC_ANSWERED : RPC_REFUSED));
    if (answer.kind == RPC_ANSWERED) assert_same(answer.body, request.body);
  }
  assert(received.len == 0);
  mtc_bytes_free(&answers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len < MAX_INPUT ? len : MAX_INPUT);
  int pair[2];
  bool malformed;
  size_t num_handled = 0, num_frames = check_frames(input, &malformed);
  assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  struct rpc_core *core = mtc_rpc_core_make(-1);
  assert(core);
  struct rpc_connection *connection = mtc_rpc_connection_make(core, pair[0]), *touched;
  assert(connection);
  /* In two pieces, as a stream may come. */
  size_t first = input.len / 3;
  bool open = true;
  assert(send(pair[1], input.data, first, MSG_DONTWAIT) == (ssize_t)first);
  if (first) open = mtc_rpc_connection_serve(connection, EPOLLIN, echo, &num_handled);
  assert(send(pair[1], input.data + first, input.len - first, MSG_DONTWAIT) ==
         (ssize_t)(input.len - first));
  assert(shutdown(pair[1], SHUT_WR) == 0);
  for (int turn = 0; open && turn < 4; turn++)
    open = mtc_rpc_connection_serve(connection, EPOLLIN, echo, &num_handled);
  assert(!open); /* the peer has ended: nothing is left to do */
  assert(num_handled == num_frames);
  /* Whoever breaks the protocol may lose answers; everybody else gets them all. */
  if (!malformed) check_answers(pair[1], input, num_frames);
  while ((touched = mtc_rpc_core_take_touched(core)))
    mtc_rpc_connection_release(touched);
  mtc_rpc_connection_close(connection);
  mtc_rpc_core_release(core);
  (void)close(pair[1]);
  return 0;
}
