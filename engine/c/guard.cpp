// Statuses and texts of errors, and the checks every function of volute.h shares.
// Invariant: reporting an error allocates nothing, so running out of memory can be reported too.
#include "engine/c/guard.hpp"

#include <algorithm>
#include <cstdio>
#include <new>
#include <stdexcept>

namespace volute::c {
namespace {

thread_local char last_error[1024] = "";

volute_status say(volute_status status, const char* function, const char* text) noexcept {
  std::snprintf(last_error, sizeof last_error, "%s: %s", function, text);
  return status;
}

}  // namespace

volute_status caught(const char* function) noexcept {
  try {
    throw;
  } catch (const InvalidArgument& error) {
    return say(VOLUTE_INVALID_ARGUMENT, function, error.what());
  } catch (const Aborted& error) {
    return say(error.status(), function, error.what());
  } catch (const InvalidGraph& error) {
    return say(VOLUTE_INVALID_GRAPH, function, error.what());
  } catch (const Unsupported& error) {
    return say(VOLUTE_UNSUPPORTED, function, error.what());
  } catch (const OutOfMemory& error) {
    return say(VOLUTE_OUT_OF_MEMORY, function, error.what());
  } catch (const DeviceLost& error) {
    return say(VOLUTE_DEVICE_LOST, function, error.what());
  } catch (const BadFile& error) {
    return say(VOLUTE_BAD_FILE, function, error.what());
  } catch (const Timeout& error) {
    return say(VOLUTE_TIMEOUT, function, error.what());
  } catch (const NotFinite& error) {
    return say(VOLUTE_NOT_FINITE, function, error.what());
  } catch (const std::bad_alloc&) {
    return say(VOLUTE_OUT_OF_MEMORY, function, "out of host memory");
  } catch (const std::length_error&) {  // what containers throw for sizes no memory could hold
    return say(VOLUTE_OUT_OF_MEMORY, function, "out of host memory: a size beyond any");
  } catch (const std::exception& error) {
    return say(VOLUTE_ERROR, function, error.what());
  } catch (...) {
    return say(VOLUTE_ERROR, function, "an exception of unknown type");
  }
}

void forget_error() noexcept { last_error[0] = '\0'; }

void refuse(const std::string& argument, const std::string& why) { throw InvalidArgument(argument + " " + why); }

Tensor need_tensor(volute_tensor tensor, const char* name) {
  if (!tensor.node) refuse(name, "is an empty tensor");
  return to_cpp(tensor);
}

std::vector<Tensor> need_tensors(const volute_tensor* tensors, std::uint32_t count, const char* name) {
  need_array(tensors, count, name);
  std::vector<Tensor> all;
  for (std::uint32_t i = 0; i < count; ++i)
    all.push_back(need_tensor(tensors[i], (std::string(name) + "[" + std::to_string(i) + "]").c_str()));
  return all;
}

volute_tensor to_c(Tensor tensor) { return {reinterpret_cast<volute_node*>(tensor.node())}; }

Shape need_shape(std::uint32_t rank, const std::int64_t* dims) {
  need_array(dims, rank, "dims");
  return Shape(std::vector<std::int64_t>(dims, dims + rank));
}

void give_shape(const Shape& shape, std::uint32_t capacity, std::int64_t* dims, std::uint32_t* rank) {
  need(rank, "rank");
  if (dims && shape.dims().size() > capacity)
    refuse("dims", "has room for " + std::to_string(capacity) + " of the " + std::to_string(shape.rank()) +
                       " extents of " + shape.str());
  if (dims) std::copy(shape.dims().begin(), shape.dims().end(), dims);
  *rank = static_cast<std::uint32_t>(shape.rank());
}

void check_count(const std::string& what, std::size_t has, std::uint64_t count) {
  if (has != count)
    throw InvalidGraph(what + " has " + std::to_string(has) + " values; there is room for " + std::to_string(count));
}

void check_options(const void* options, std::uint32_t size, std::size_t known, const char* name) {
  if (size < sizeof size)
    refuse(name, "has struct_size " + std::to_string(size) + "; it must be the size of the structure");
  const auto* bytes = static_cast<const unsigned char*>(options);
  for (std::size_t i = known; i < size; ++i)
    if (bytes[i])
      refuse(name, "has " + std::to_string(size) + " bytes, of which this library knows " + std::to_string(known) +
                       "; something beyond them is not 0");
}

void check_result(const void* result, std::uint32_t size, const char* name) {
  need(static_cast<const char*>(result), name);
  if (size < sizeof size)
    refuse(name, "has struct_size " + std::to_string(size) + "; set it to the size of the structure");
}

}  // namespace volute::c

extern "C" {

std::uint32_t volute_abi_version(void) { return VOLUTE_ABI_VERSION; }
const char* volute_version(void) { return VOLUTE_VERSION; }
const char* volute_last_error(void) { return volute::c::last_error; }

const char* volute_status_name(volute_status status) {
  static const char* const names[] = {"OK",          "ERROR",         "INVALID_ARGUMENT", "INVALID_GRAPH",
                                      "UNSUPPORTED", "OUT_OF_MEMORY", "DEVICE_LOST",      "BAD_FILE",
                                      "TIMEOUT",     "NOT_FINITE"};
  return status >= VOLUTE_OK && status <= VOLUTE_NOT_FINITE ? names[status] : "UNKNOWN";
}

}  // extern "C"
