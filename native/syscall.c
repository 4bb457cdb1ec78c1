// A Node-API addon with one idea: make a system call, return its result or -errno.
//
//   call(number, a0 … a5)      on the calling thread
//   callAsync(number, a0 … a5) on the thread pool; a promise of the same result
//   addressOf(bytes)           where a Uint8Array lies, for structures that point at others
//
// An argument is a number, a bigint, a string (passed as NUL-terminated UTF-8), a Uint8Array
// (its address), or null/undefined (0). The caller keeps every array alive until the result is
// there: callAsync holds references to its own arguments only.
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <sys/syscall.h>

enum { ARGUMENTS = 7 };

struct invocation {
  long value[ARGUMENTS];
  char *text[ARGUMENTS];
  long result;
  napi_ref held;
  napi_deferred deferred;
  napi_async_work work;
};

static napi_value fail(napi_env env, const char *why) {
  napi_throw_type_error(env, NULL, why);
  return NULL;
}

static bool read_argument(napi_env env, napi_value value, struct invocation *to, size_t at) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  switch (type) {
  case napi_undefined: case napi_null: return true;
  case napi_number: {
    double number;
    napi_get_value_double(env, value, &number);
    // Not a number, a fraction, or beyond the precision of a double: it would stand for another descriptor or length.
    if (!(number >= -9007199254740992.0 && number <= 9007199254740992.0) || number != (double)(long)number) return false;
    to->value[at] = (long)number;
    return true;
  }
  case napi_bigint: {
    uint64_t number;
    bool lossless;
    napi_get_value_bigint_uint64(env, value, &number, &lossless);
    if (!lossless) {
      int64_t negative;
      napi_get_value_bigint_int64(env, value, &negative, &lossless);
      if (!lossless) return false;
      number = (uint64_t)negative;
    }
    to->value[at] = (long)number;
    return true;
  }
  case napi_string: {
    size_t length, written;
    napi_get_value_string_utf8(env, value, NULL, 0, &length);
    char *text = malloc(length + 1);
    if (!text) return false;
    to->text[at] = text;
    napi_get_value_string_utf8(env, value, text, length + 1, &written);
    to->value[at] = (long)text;
    return memchr(text, 0, written) == NULL; // a hidden NUL would cut a path short
  }
  case napi_object: {
    bool is = false;
    if (napi_is_typedarray(env, value, &is) != napi_ok || !is) return false;
    void *data;
    size_t length;
    if (napi_get_typedarray_info(env, value, NULL, &length, &data, NULL, NULL) != napi_ok) return false;
    to->value[at] = (long)data;
    return true;
  }
  default:
    return false;
  }
}

static void free_text(struct invocation *of) {
  for (size_t i = 0; i < ARGUMENTS; i++) free(of->text[i]);
}

static void invoke(struct invocation *of) {
  const long *v = of->value;
  long result = syscall(v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
  of->result = result == -1 ? -errno : result;
}

// Throws where it gives false; nothing is to be freed then.
static bool read_arguments(napi_env env, napi_callback_info info, struct invocation *to, napi_value values[ARGUMENTS], size_t *count) {
  *count = ARGUMENTS;
  bool good = napi_get_cb_info(env, info, count, values, NULL, NULL) == napi_ok && *count >= 1 && *count <= ARGUMENTS;
  for (size_t i = 0; good && i < *count; i++) good = read_argument(env, values[i], to, i);
  if (good) return true;
  free_text(to);
  fail(env, "a system call takes its number and up to six of: whole number, bigint of 64 bits, string without NUL, Uint8Array, null");
  return false;
}

static napi_value call(napi_env env, napi_callback_info info) {
  struct invocation of = {0};
  napi_value values[ARGUMENTS];
  size_t count;
  if (!read_arguments(env, info, &of, values, &count)) return NULL;
  invoke(&of);
  free_text(&of);
  napi_value out;
  napi_create_int64(env, of.result, &out);
  return out;
}

static void execute(napi_env env, void *data) {
  (void)env;
  invoke(data);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct invocation *of = data;
  napi_value out;
  napi_create_int64(env, status == napi_ok ? of->result : -ECANCELED, &out);
  napi_resolve_deferred(env, of->deferred, out);
  napi_delete_reference(env, of->held);
  napi_delete_async_work(env, of->work);
  free_text(of);
  free(of);
}

static napi_value call_async(napi_env env, napi_callback_info info) {
  struct invocation *of = calloc(1, sizeof *of);
  if (!of) return fail(env, "out of memory");
  napi_value values[ARGUMENTS], promise, keep, name;
  size_t count;
  if (!read_arguments(env, info, of, values, &count)) {
    free(of);
    return NULL;
  }
  napi_create_array_with_length(env, count, &keep);
  for (size_t i = 0; i < count; i++) napi_set_element(env, keep, (uint32_t)i, values[i]);
  napi_create_reference(env, keep, 1, &of->held);
  napi_create_promise(env, &of->deferred, &promise);
  napi_create_string_utf8(env, "syscall", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, execute, complete, of, &of->work);
  napi_queue_async_work(env, of->work);
  return promise;
}

static napi_value address_of(napi_env env, napi_callback_info info) {
  struct invocation of = {0};
  napi_value values[ARGUMENTS], out;
  size_t count;
  if (!read_arguments(env, info, &of, values, &count)) return NULL;
  free_text(&of);
  napi_create_bigint_uint64(env, (uint64_t)of.value[0], &out);
  return out;
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback function; } exported[] = {{"call", call}, {"callAsync", call_async}, {"addressOf", address_of}};
  for (size_t i = 0; i < sizeof exported / sizeof *exported; i++) {
    napi_value function;
    napi_create_function(env, exported[i].name, NAPI_AUTO_LENGTH, exported[i].function, NULL, &function);
    napi_set_named_property(env, exports, exported[i].name, function);
  }
  return exports;
}
