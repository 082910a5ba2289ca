// The registers as hw/regs/mtc_regs.json describes them: the description, not what is made from it.
#pragma once
#include <jansson.h>

#include <cstdint>
#include <map>
#include <string>

#include "check.hpp"

struct Register {
  bool host_owned;
  std::map<std::string, std::pair<unsigned, unsigned>> fields;  // lowest bit, width
  std::string constant;                                         // its name where it always has it
};

struct Registers {
  std::map<std::string, uint32_t> offsets;  // by name
  std::map<uint32_t, Register> at;          // by offset
  std::map<std::string, uint32_t> constants;

  explicit Registers(const char *path) {
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error), *one, *inner;
    CHECK(root, "%s:%d: %s", path, error.line, error.text);
    size_t i, k;
    json_array_foreach(json_object_get(root, "registers"), i, one) {
      Register entry = {text(one, "owner") == "host", {}, ""};
      if (json_object_get(one, "constant")) entry.constant = text(one, "constant");
      json_array_foreach(json_object_get(one, "fields"), k, inner) {
        entry.fields[text(inner, "name")] = {number(inner, "lsb"), number(inner, "width")};
      }
      offsets[text(one, "name")] = number(one, "offset");
      at[number(one, "offset")] = entry;
    }
    json_array_foreach(json_object_get(root, "constants"), i, one) {
      json_array_foreach(json_object_get(one, "items"), k, inner) {
        constants[text(inner, "name")] = number(inner, "value");
      }
    }
    json_decref(root);
    CHECK(offsets.size() == at.size() && !at.empty(), "%s: two registers at an offset", path);
  }

  uint32_t offset(const std::string &name) const {
    CHECK(offsets.count(name), "no register %s", name.c_str());
    return offsets.at(name);
  }
  bool host_owned(uint32_t offset) const { return at.count(offset) && at.at(offset).host_owned; }

  // A value of a register from those of its fields, every one of which must be given.
  uint32_t pack(const std::string &name, const std::map<std::string, uint32_t> &values) const {
    const Register &entry = at.at(offset(name));
    uint32_t word = 0;
    for (const auto &[field, where] : entry.fields) {
      CHECK(values.count(field), "%s.%s is not known here", name.c_str(), field.c_str());
      word |= values.at(field) << where.first;
    }
    CHECK(values.size() == entry.fields.size(), "%s has other fields", name.c_str());
    return word;
  }

 private:
  static std::string text(json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    CHECK(value, "no %s", key);
    return value;
  }
  static uint32_t number(json_t *object, const char *key) {
    CHECK(json_is_integer(json_object_get(object, key)), "no %s", key);
    return static_cast<uint32_t>(json_integer_value(json_object_get(object, key)));
  }
};
