/* mtc certificate get: either certificate of a serial number. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "mtc/proof.h"

struct get {
  const char *socket, *out;
  uint64_t serial;
  bool landmark, properties;
};

static mtc_status fetch(const struct get *get, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes request = {0}, answer = {0};
  struct mtc_span der, list;
  uint64_t number;
  mtc_bytes_append_uint(&request, get->serial, 8);
  mtc_bytes_append_uint(&request, get->landmark, 1);
  mtc_status status = mtc_bytes_status(&request);
  if (!status) status = cli_connect(get->socket, &client, error);
  if (!status)
    status = mtc_rpc_call(client, MTC_RPC_CERTIFICATE, mtc_span_of_bytes(&request), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_uint(&reader, 8, &number) || !mtc_read_prefixed(&reader, 3, &der) ||
                  !mtc_read_prefixed(&reader, 2, &list) || reader.len))
    status = mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  if (!status) {
    if (get->properties) mtc_pem_append("CERTIFICATE PROPERTIES", list, out);
    mtc_pem_append("CERTIFICATE", der, out);
    status = mtc_bytes_status(out);
  }
  mtc_bytes_free(&request);
  mtc_bytes_free(&answer);
  mtc_rpc_close(client);
  return status;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"serial", required_argument, NULL, 'n'},
                                          {"kind", required_argument, NULL, 'k'},
                                          {"properties", no_argument, NULL, 'p'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct get get = {0};
  const char *kind = NULL;
  bool has_serial = false;
  struct mtc_error error = {""};
  struct mtc_bytes pem = {0};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'n':
        has_serial = cli_parse_serial(optarg, &get.serial);
        if (!has_serial) return cli_usage(command, "--serial is neither a number nor LOG:INDEX");
        break;
      case 'k':
        kind = optarg;
        break;
      case 'p':
        get.properties = true;
        break;
      case 'o':
        get.out = optarg;
        break;
      case 's':
        get.socket = optarg;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (!has_serial || !kind || optind != argc)
    return cli_usage(command, "--serial and --kind are needed");
  get.landmark = strcmp(kind, "landmark") == 0;
  if (!get.landmark && strcmp(kind, "standalone") != 0)
    return cli_usage(command, "--kind is neither standalone nor landmark");
  mtc_status status = get.out ? cli_check_replaceable(get.out, &error) : MTC_OK;
  if (!status) status = fetch(&get, &pem, &error);
  if (!status && get.out)
    status = mtc_file_write_atomic(get.out, mtc_span_of_bytes(&pem), 0644, &error);
  if (!status && !get.out) (void)fwrite(pem.data, 1, pem.len, stdout);
  mtc_bytes_free(&pem);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_certificate_get = {
    "certificate",
    "get",
    "mtc certificate get --serial N|LOG:INDEX --kind standalone|landmark [--properties]\n"
    "         [--out FILE] [--socket PATH]",
    "fetch either certificate of an entry",
    "Prints the certificate in PEM. A landmark-relative one exists once a landmark covers the "
    "entry;\n"
    "until then the command fails and says so.\n"
    "\n"
    "  --properties  the CERTIFICATE PROPERTIES block first: what a TLS server selects by\n"
    "  --out         a new file, or one that holds only certificates\n",
    run};
