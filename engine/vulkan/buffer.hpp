// A VkBuffer with its own memory. Host-visible buffers stay mapped.
// Invariant: `mapped` is non-null exactly for HostVisible buffers.
#pragma once

#include <span>

#include "engine/vulkan/resource.hpp"

namespace volute::vk {

enum class Residency {
  device,        ///< device-local (host-visible too where the device has only such memory; still not mapped)
  host_upload,   ///< host-visible, coherent; the device reads
  host_readback,  ///< host-visible, coherent, cached if possible; the host reads
  shared          ///< device-local and mapped: where Context::shares_memory
};

class Buffer : public Resource {
 public:
  /// Usage: whatever kernels, copies and an application's shaders and draws may want. Throws OutOfMemory naming `bytes`.
  Buffer(std::shared_ptr<Context> context, std::uint64_t bytes, Residency residency);
  ~Buffer() { destroy_once(); }

  VkBuffer handle() const { return buffer_; }
  std::uint64_t bytes() const { return bytes_; }
  std::byte* mapped() const { return mapped_; }

 private:
  void create(Residency residency);
  void allocate(Residency residency);
  void destroy() noexcept override;

  VkBuffer buffer_ = VK_NULL_HANDLE;
  interop::Memory memory_;
  std::uint64_t bytes_ = 0;
  std::byte* mapped_ = nullptr;
};

/// A range of a buffer in bytes.
struct BufferRange {
  const Buffer* buffer = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  interop::Slice slice() const { return {buffer->handle(), offset, bytes}; }
};

/// Blocking copies through a temporary staging buffer; for set-up and inspection, never in steady state.
void upload(const std::shared_ptr<Context>& context, BufferRange target, const void* source);
void download(const std::shared_ptr<Context>& context, BufferRange source, void* target);
/// Fills the range with a repeated 32-bit word; offset and bytes are multiples of 4. Blocking.
void fill(const std::shared_ptr<Context>& context, BufferRange target, std::uint32_t word);

}  // namespace volute::vk
