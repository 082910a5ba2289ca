#include "faults.h"

#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "names.h"

static const char *const actions[SHIM_NUM_ACTIONS] = {
    [SHIM_DELAY] = "delay",
    [SHIM_HANG] = "hang",
    [SHIM_ABORT] = "abort",
    [SHIM_SEGFAULT] = "segfault",
    [SHIM_TERMINATE] = "terminate",
    [SHIM_EXECUTE] = "execute",
    [SHIM_CONNECT] = "connect",
    [SHIM_RETURN] = "return",
    [SHIM_CLOSE_SESSIONS] = "close-sessions",
    [SHIM_LOG_OUT] = "log-out",
    [SHIM_FLIP] = "flip",
};

static bool parse_delay(const char *text, unsigned long *out_us) {
  char *end = NULL;
  unsigned long value = strtoul(text, &end, 10);
  if (end == text) return false;
  unsigned long unit = strcmp(end, "us") == 0   ? 1
                       : strcmp(end, "ms") == 0 ? 1000
                       : strcmp(end, "s") == 0  ? 1000000
                                                : 0;
  *out_us = value * unit;
  return unit != 0;
}

static bool parse_when(const char *text, struct shim_rule *rule) {
  char *end = NULL;
  rule->first = 1;
  rule->num_calls = UINT64_MAX;
  if (!text) return true;
  if (*text != '@') return false;
  rule->first = strtoull(text + 1, &end, 10);
  if (end == text + 1 || rule->first == 0) return false;
  if (strcmp(end, "-") == 0) return true;
  rule->num_calls = 1;
  if (!*end) return true;
  const char *count = end + 1;
  rule->num_calls = strtoull(count, &end, 10);
  return count[-1] == '+' && end != count && !*end;
}

static bool parse_rule(char *function, char **rest, struct shim_rule *rule) {
  char *name = strtok_r(NULL, " \t", rest);
  rule->function = SHIM_NUM_FUNCTIONS;
  if (strcmp(function, "*") != 0 && !shim_function_of(function, &rule->function)) return false;
  if (!name) return false;
  size_t action = 0;
  while (action < SHIM_NUM_ACTIONS && strcmp(actions[action], name) != 0)
    action++;
  if (action == SHIM_NUM_ACTIONS) return false;
  rule->action = (enum shim_action)action;
  if (rule->action == SHIM_DELAY || rule->action == SHIM_RETURN) {
    char *value = strtok_r(NULL, " \t", rest);
    if (!value || !(rule->action == SHIM_DELAY ? parse_delay(value, &rule->value)
                                               : shim_result_of(value, &rule->value)))
      return false;
  }
  return parse_when(strtok_r(NULL, " \t", rest), rule) && !strtok_r(NULL, " \t", rest);
}

static bool parse_lie(char *text, struct shim_token *token) {
  static const char *const hows[] = {
      [SHIM_FALSE] = "false", [SHIM_TRUE] = "true", [SHIM_CHANGED] = "changed"};
  char *value = strchr(text, '=');
  size_t how = 0;
  if (!value || token->num_lies == SHIM_MAX_LIES) return false;
  *value++ = 0;
  while (how < sizeof hows / sizeof *hows && strcmp(hows[how], value) != 0)
    how++;
  struct shim_lie *lie = &token->lies[token->num_lies++];
  lie->how = (enum shim_how)how;
  return how < sizeof hows / sizeof *hows && shim_attribute_of(text, &lie->type);
}

static bool parse_token(char **rest, struct shim_token *token) {
  char *property = strtok_r(NULL, " \t", rest);
  char *value = strtok_r(NULL, " \t", rest);
  unsigned long flag = 0;
  if (!property || strtok_r(NULL, " \t", rest)) return false;
  if (strcmp(property, "removed") == 0) {
    token->is_removed = true;
    token->removed_rv = CKR_TOKEN_NOT_PRESENT;
    return !value || shim_result_of(value, &token->removed_rv);
  }
  if (strcmp(property, "always-authenticate") == 0) {
    char attribute[] = "CKA_ALWAYS_AUTHENTICATE=true";
    token->always_authenticate = true;
    return !value && parse_lie(attribute, token);
  }
  if (!value) return false;
  if (strcmp(property, "protected-path") == 0) {
    token->has_protected_path = true;
    token->set_flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    if (strlen(value) > SHIM_MAX_PIN_LEN) return false;
    strcpy(token->pin, value);
    return true;
  }
  if (strcmp(property, "says") == 0) return parse_lie(value, token);
  if (!shim_flag_of(value, &flag)) return false;
  if (strcmp(property, "set") == 0)
    token->set_flags |= flag;
  else if (strcmp(property, "clear") == 0)
    token->clear_flags |= flag;
  else
    return false;
  return true;
}

bool shim_faults_parse(char *text, struct shim_faults *out, const char **out_line) {
  char *lines = NULL;
  memset(out, 0, sizeof *out);
  for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
    char *rest = NULL;
    char *first = strtok_r(line, " \t", &rest);
    if (!first) continue;
    *out_line = line;
    if (strcmp(first, "token") == 0) {
      if (!parse_token(&rest, &out->token)) return false;
      continue;
    }
    if (out->num_rules == SHIM_MAX_RULES) return false;
    if (!parse_rule(first, &rest, &out->rules[out->num_rules])) return false;
    out->num_rules++;
  }
  return true;
}

bool shim_faults_find(const struct shim_faults *faults, size_t function, uint64_t call,
                      enum shim_action action, unsigned long *out_value) {
  bool found = false;
  *out_value = 0;
  for (size_t i = 0; i < faults->num_rules; i++) {
    const struct shim_rule *rule = &faults->rules[i];
    if (rule->function != function && rule->function != SHIM_NUM_FUNCTIONS) continue;
    if (rule->action != action || call < rule->first || call - rule->first >= rule->num_calls)
      continue;
    *out_value = action == SHIM_DELAY ? *out_value + rule->value : rule->value;
    found = true;
  }
  return found;
}
