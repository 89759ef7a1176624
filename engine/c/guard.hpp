// Where C++ ends: every function of volute.h that can fail runs its body in guard, which turns what is thrown into a
// status and a text. Invariant: nothing is thrown past guard, and a body stores results only when nothing can fail
// any more.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <volute/graph.hpp>
#include <volute/volute.h>

namespace volute::c {

/// A call that cannot be right, whatever the graph.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// A body of the caller's that gave up, with the status it gave.
class Aborted : public Error {
 public:
  Aborted(volute_status status, const std::string& text) : Error(text), status_(status) {}
  volute_status status() const { return status_; }

 private:
  volute_status status_;
};

/// Inside a handler: the status of the exception being handled, whose text becomes volute_last_error().
volute_status caught(const char* function) noexcept;
/// Makes volute_last_error() "", to tell a failure from those before it.
void forget_error() noexcept;

template <class Body>
volute_status guard(const char* function, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return VOLUTE_OK;
  } catch (...) {
    return caught(function);
  }
}

/// Throws InvalidArgument naming the argument.
[[noreturn]] void refuse(const std::string& argument, const std::string& why);

template <class T>
T& need(T* pointer, const char* name) {
  if (!pointer) refuse(name, "is NULL");
  return *pointer;
}

/// An array that may be NULL only if it is empty.
template <class T>
T* need_array(T* pointer, std::uint64_t count, const char* name) {
  if (!pointer && count) refuse(name, "is NULL");
  return pointer;
}

Tensor need_tensor(volute_tensor tensor, const char* name);
std::vector<Tensor> need_tensors(const volute_tensor* tensors, std::uint32_t count, const char* name);
volute_tensor to_c(Tensor tensor);
/// The same, but it may be empty.
inline Tensor to_cpp(volute_tensor tensor) { return Tensor(reinterpret_cast<Node*>(tensor.node)); }

Shape need_shape(std::uint32_t rank, const std::int64_t* dims);
void give_shape(const Shape& shape, std::uint32_t capacity, std::int64_t* dims, std::uint32_t* rank);

/// Throws InvalidGraph unless the caller's array has as many elements as `what` has.
void check_count(const std::string& what, std::size_t has, std::uint64_t count);
inline void check_count(const std::string& what, const Shape& shape, std::uint64_t count) {
  check_count(what + " " + shape.str(), static_cast<std::size_t>(shape.elements()), count);
}

/// An enum of C++ whose values are 0..last, as those of C.
template <class Enum>
Enum need_enum(std::int32_t value, Enum last, const char* name) {
  if (value < 0 || value > static_cast<std::int32_t>(last)) refuse(name, "has no value " + std::to_string(value));
  return static_cast<Enum>(value);
}

/// Throws unless struct_size is one and what lies beyond `known` is 0.
void check_options(const void* options, std::uint32_t size, std::size_t known, const char* name);

/// The caller's options as far as both know them, 0 (the defaults) beyond; all 0 for NULL.
template <class T>
T need_options(const T* options, const char* name) {
  static_assert(std::is_trivially_copyable_v<T>);
  T copy{};
  if (!options) return copy;
  check_options(options, options->struct_size, sizeof(T), name);
  std::memcpy(&copy, options, std::min<std::size_t>(options->struct_size, sizeof(T)));
  return copy;
}

/// Throws unless struct_size is one.
void check_result(const void* result, std::uint32_t size, const char* name);

/// Writes what the caller's structure has room for, and 0 into what this library does not know.
template <class T>
void give_result(T values, T* result) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::uint32_t size = result->struct_size;
  values.struct_size = size;
  std::memcpy(static_cast<void*>(result), &values, std::min<std::size_t>(size, sizeof(T)));
  if (size > sizeof(T)) std::memset(reinterpret_cast<char*>(result) + sizeof(T), 0, size - sizeof(T));
}

inline void check_reserved(std::uint32_t reserved, const char* name) {
  if (reserved) refuse(name, "has a reserved field that is not 0");
}

}  // namespace volute::c
