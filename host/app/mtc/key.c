/* mtc key generate: a key pair on a token. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/mtc/cli.h"
#include "mtc/proof.h"
#include "mtc/sign.h"

/* The public key's file is made before the key: nothing that is there is replaced, and a key whose
 * public half cannot be kept does not come to be. */
static mtc_status reserve_out(const char *out, struct mtc_error *error) {
  int fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0 && errno == EEXIST)
    return mtc_fail(error, MTC_INPUT, "--out: %s exists; choose another, or remove it", out);
  if (fd < 0) return mtc_fail(error, MTC_IO, "--out: cannot create %s: %s", out, strerror(errno));
  (void)close(fd);
  return MTC_OK;
}

/* Both are there now if they are the same. */
static bool is_same_file(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static mtc_status generate(const struct mtc_key_request *request, const char *out,
                           struct mtc_bytes *out_pem, struct mtc_error *error) {
  struct mtc_bytes key = {0};
  mtc_status status = out ? reserve_out(out, error) : MTC_OK;
  if (status) return status;
  if (out && !mtc_key_is_uri(request->uri) && is_same_file(request->uri, out))
    status = mtc_fail(error, MTC_INPUT, "--uri and --out name the same file");
  if (!status) status = mtc_key_generate(request, &key, error);
  if (!status) mtc_pem_append("PUBLIC KEY", mtc_span_of_bytes(&key), out_pem);
  mtc_bytes_free(&key);
  if (status && out) (void)unlink(out);
  return status ? status : mtc_bytes_status(out_pem);
}

/* The key is there from here on: its public half is shown, whatever happens to the file. */
static mtc_status deliver(const char *out, struct mtc_span pem, struct mtc_error *error) {
  mtc_status status = out ? mtc_file_write_atomic(out, pem, 0644, error) : MTC_OK;
  if (status || !out) (void)fwrite(pem.data, 1, pem.len, stdout);
  if (!status) return MTC_OK;
  (void)unlink(out);
  return mtc_fail_within(
      error, status, "the key is made, and its public key on standard output, but --out failed");
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"uri", required_argument, NULL, 'u'},
                                          {"algorithm", required_argument, NULL, 'g'},
                                          {"module", required_argument, NULL, 'm'},
                                          {"module-args", required_argument, NULL, 'a'},
                                          {"pin-source", required_argument, NULL, 'p'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_key_request request = {0};
  const char *algorithm = "ml-dsa-44", *out = NULL;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'u':
        request.uri = optarg;
        break;
      case 'g':
        algorithm = optarg;
        break;
      case 'm':
        request.module = optarg;
        break;
      case 'a':
        request.module_args = optarg;
        break;
      case 'p':
        request.pin_source = optarg;
        break;
      case 'o':
        out = optarg;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  request.algorithm = mtc_algorithm_find(algorithm);
  if (optind != argc || !request.uri)
    return cli_usage(command, "--uri is needed, and nothing else");
  if (request.algorithm == MTC_ALGORITHM_NONE) return cli_usage(command, "--algorithm is unknown");
  struct mtc_bytes pem = {0};
  mtc_status status = mtc_key_check(request.uri, request.module, request.pin_source, &error);
  if (!status) status = generate(&request, out, &pem, &error);
  if (!status) status = deliver(out, mtc_span_of_bytes(&pem), &error);
  mtc_bytes_free(&pem);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_key_generate = {
    "key",
    "generate",
    "mtc key generate --uri PKCS11-URI|FILE [--algorithm ml-dsa-44] [--module PATH]\n"
    "         [--module-args TEXT] [--pin-source file:PATH] [--out PUBLIC-KEY-FILE]",
    "make a key pair on a token; never overwrites one",
    "Makes a key pair, test-signs with it, and prints the public key in PEM.\n"
    "\n"
    "  --uri        token and object of the key to be, as pkcs11:token=ca;object=mtc-ca; or the "
    "path\n"
    "               of a PEM file (development only: a CA's key belongs into an HSM)\n"
    "  --algorithm  ml-dsa-44, ml-dsa-65, ml-dsa-87, ecdsa-p256, ecdsa-p384, ed25519\n"
    "  --module     the PKCS#11 module, unless the URI has ?module-path=/PATH; --module-args: its\n"
    "               initialisation string\n"
    "  --pin-source file:PATH of a file that holds the PIN; else it is asked for on the terminal\n"
    "  --out        a file for the public key, which must not be there yet\n",
    run};
