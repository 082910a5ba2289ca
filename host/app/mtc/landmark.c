/* mtc landmark allocate, list, subtrees. */
#include <stdio.h>

#include "app/mtc/cli.h"

static mtc_status read_landmark(struct mtc_reader *reader, uint64_t out[3],
                                struct mtc_error *error) {
  for (size_t i = 0; i < 3; i++) {
    if (!mtc_read_uint(reader, 8, &out[i]))
      return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  }
  return MTC_OK;
}

static json_t *landmark_object(const uint64_t landmark[3]) {
  return json_pack("{s:I, s:I, s:I}", "number", (json_int_t)landmark[0], "tree_size",
                   (json_int_t)landmark[1], "expiry", (json_int_t)landmark[2]);
}

static void print_landmark(const uint64_t landmark[3]) {
  char time[32] = "no expiry";
  if (landmark[2]) (void)cli_format_time((int64_t)landmark[2], time);
  (void)printf("landmark %llu: tree size %llu, expires %s\n", (unsigned long long)landmark[0],
               (unsigned long long)landmark[1], time);
}

static int run(const struct cli_command *command, int argc, char **argv);

static mtc_status show_allocated(struct mtc_reader *reader, bool json, struct mtc_error *error) {
  uint64_t landmark[3];
  mtc_status status = read_landmark(reader, landmark, error);
  if (status) return status;
  if (json)
    cli_print_json(landmark_object(landmark));
  else
    print_landmark(landmark);
  return MTC_OK;
}

static mtc_status show_list(struct mtc_reader *reader, bool json, struct mtc_error *error) {
  uint64_t num, landmark[3];
  mtc_status status = MTC_OK;
  if (!mtc_read_uint(reader, 2, &num))
    return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  json_t *list = json_array();
  for (uint64_t i = 0; !status && i < num; i++) {
    status = read_landmark(reader, landmark, error);
    if (status) break;
    if (json)
      json_array_append_new(list, landmark_object(landmark));
    else
      print_landmark(landmark);
  }
  if (json && !status)
    cli_print_json(list);
  else
    json_decref(list);
  return status;
}

static mtc_status show_subtrees(struct mtc_reader *reader, struct mtc_error *error) {
  struct mtc_span text;
  if (!mtc_read_prefixed(reader, 3, &text))
    return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  (void)fwrite(text.data, 1, text.len, stdout);
  return MTC_OK;
}

const struct cli_command command_landmark_allocate = {
    "landmark",
    "allocate",
    "mtc landmark allocate [--socket PATH] [--json]",
    "make the latest checkpoint a landmark",
    "Fails when the tree has not grown since the last landmark. Every entry below the new "
    "landmark\n"
    "gets a landmark-relative certificate.\n",
    run};

const struct cli_command command_landmark_list = {
    "landmark",
    "list",
    "mtc landmark list [--socket PATH] [--json]",
    "list the landmarks, newest first",
    "Landmark 0 is the empty tree. Those that have not expired give the subtrees that relying\n"
    "parties trust (mtc landmark subtrees).\n",
    run};

const struct cli_command command_landmark_subtrees = {
    "landmark",
    "subtrees",
    "mtc landmark subtrees [--socket PATH]",
    "print the subtrees that relying parties trust",
    "A line per subtree of an active landmark: CA-ID LOG START END base64(SHA-256). That file and "
    "the\n"
    "published landmarks file are what `mtc verify` reads with --subtrees and --landmarks.\n",
    run};

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes answer = {0};
  struct mtc_error error = {""};
  const char *socket = NULL;
  bool json = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 's')
      socket = optarg;
    else if (option == 'j')
      json = true;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind != argc) return cli_usage(command, "there are no arguments beside the options");
  enum mtc_rpc_method method = command == &command_landmark_allocate ? MTC_RPC_LANDMARK_ALLOCATE
                               : command == &command_landmark_list   ? MTC_RPC_LANDMARK_LIST
                                                                     : MTC_RPC_TRUSTED_SUBTREES;
  const struct mtc_span request =
      method == MTC_RPC_TRUSTED_SUBTREES ? mtc_span_of("", 1) : mtc_span_of(NULL, 0);
  mtc_status status = cli_connect(socket, &client, &error);
  if (!status) status = mtc_rpc_call(client, method, request, &answer, &error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && method == MTC_RPC_LANDMARK_ALLOCATE)
    status = show_allocated(&reader, json, &error);
  else if (!status && method == MTC_RPC_LANDMARK_LIST)
    status = show_list(&reader, json, &error);
  else if (!status)
    status = show_subtrees(&reader, &error);
  mtc_bytes_free(&answer);
  mtc_rpc_close(client);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}
