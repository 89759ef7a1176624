// The public Device, and values that live on it outside of programs' arenas.

#include "engine/compile/device_data.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <thread>

#include "engine/compile/tune.hpp"
#include "engine/environment.hpp"

namespace volute {

namespace {

/// In s. Drivers for CPUs compile a kernel when it first runs, inside the submission: Mesa 25 takes a minute for some.
constexpr double kCpuTimeout = 600;

/// What kernels need to know, from what the device tells and the environment pins.
KernelTarget target_of(const vk::Context& context) {
  const auto& limits = context.properties.limits;
  KernelTarget target;
  target.texel_loads = context.is_cpu;
  target.matmul = context.is_cpu ? "texel" : "shared";
  if (!environment().matmul.empty()) target.matmul = environment().matmul;
  if (context.info.subgroup_shuffle) target.shuffle_lanes = context.info.subgroup_size;
  if (context.is_cpu) target.max_iterations = 40000;  // of 65,535, with room for how loops are counted
  target.scans = environment().scans == "unrolled"     ? Scans::unrolled
                 : environment().scans == "persistent" ? Scans::persistent
                                                       : Scans::automatic;
  target.cooperative = context.abilities.cooperative;
  target.subgroup_size = context.info.subgroup_size;
  target.cores = context.is_cpu ? std::max(1u, std::thread::hardware_concurrency()) : context.compute_units;
  target.max_shared_bytes = limits.maxComputeSharedMemorySize;
  target.max_workgroup = std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  target.max_storage_range = context.info.max_storage_range;
  // GPU-assisted checks add buffers of the layer's to every kernel without taking them off the limit; beyond it lavapipe
  // reads what is not a buffer.
  const std::uint32_t added = environment().gpu_assisted ? 3 : 0;
  target.max_buffers = std::min(64u, limits.maxPerStageDescriptorStorageBuffers - added);
  target.max_images = std::min(64u, limits.maxPerStageDescriptorStorageImages);
  target.max_bindings = std::min(128u, limits.maxPerStageResources);
  target.max_groups = std::min({limits.maxComputeWorkGroupCount[0], limits.maxComputeWorkGroupCount[1],
                                limits.maxComputeWorkGroupCount[2], 65535u});
  return target;
}

}  // namespace

Device::Data::Data(std::shared_ptr<vk::Context> own)
    : context(std::move(own)), pipelines(std::make_unique<vk::PipelineCache>(context)), target(target_of(*context)),
      tuner(std::make_unique<Tuner>(context, *pipelines)) {
  if (context->is_cpu) context->set_timeout(kCpuTimeout);
  // On CPU Vulkan the table is measured, and compiling pipelines to time them takes longer than they could save.
  const std::string& asked = environment().tune;
  tune = asked == "on" || (asked != "off" && !context->is_cpu);
}

Device::Data::~Data() = default;

Device::Device(const std::string& selector) : data_(std::make_shared<Data>(vk::Context::create(selector))) {}

std::string Device::name() const { return data_->context->info.name; }
const DeviceInfo& Device::info() const { return data_->context->info; }
bool Device::lost() const { return data_->context->lost(); }

void Device::set_timeout(double seconds) {
  if (!(seconds >= 0)) throw InvalidGraph("set_timeout: must be 0 or more seconds, got " + std::to_string(seconds));
  data_->context->set_timeout(seconds);
}

std::uint64_t padded_bytes(const Shape& shape) { return static_cast<std::uint64_t>(padded_elements(shape)) * 4; }

void pack(const Shape& shape, const void* source, void* target) {
  const std::size_t width = shape.rank() ? static_cast<std::size_t>(shape[-1]) : 1;
  const std::size_t pitch = static_cast<std::size_t>(pad4(static_cast<std::int64_t>(width)));
  const std::size_t rows = static_cast<std::size_t>(shape.elements()) / width;
  const auto* from = static_cast<const std::uint32_t*>(source);
  auto* to = static_cast<std::uint32_t*>(target);
  for (std::size_t r = 0; r < rows; ++r) {
    std::memcpy(to + r * pitch, from + r * width, width * 4);
    std::memset(to + r * pitch + width, 0, (pitch - width) * 4);
  }
}

void unpack(const Shape& shape, const void* source, void* target) {
  const std::size_t width = shape.rank() ? static_cast<std::size_t>(shape[-1]) : 1;
  const std::size_t pitch = static_cast<std::size_t>(pad4(static_cast<std::int64_t>(width)));
  const std::size_t rows = static_cast<std::size_t>(shape.elements()) / width;
  const auto* from = static_cast<const std::uint32_t*>(source);
  auto* to = static_cast<std::uint32_t*>(target);
  for (std::size_t r = 0; r < rows; ++r) std::memcpy(to + r * width, from + r * pitch, width * 4);
}

DeviceArray::DeviceArray(std::shared_ptr<Device::Data> device, Shape shape, std::shared_ptr<vk::Buffer> buffer,
                         std::uint64_t offset)
    : device_(std::move(device)), shape_(std::move(shape)), buffer_(std::move(buffer)), offset_(offset) {}

void DeviceArray::read(std::span<float> values) {
  std::vector<std::byte> bytes(padded_bytes(shape_));
  vk::download(device_->context, range(), bytes.data());
  unpack(shape_, bytes.data(), values.data());
}

void DeviceArray::write(std::span<const float> values) {
  std::vector<std::byte> bytes(padded_bytes(shape_));
  pack(shape_, values.data(), bytes.data());
  vk::upload(device_->context, range(), bytes.data());
}

void DeviceArray::fill(double value, DType dtype) {
  const auto word =
      dtype == DType::u32 ? static_cast<std::uint32_t>(value) : std::bit_cast<std::uint32_t>(static_cast<float>(value));
  const std::vector<std::uint32_t> dense(shape_.elements(), word);
  std::vector<std::byte> bytes(padded_bytes(shape_));
  pack(shape_, dense.data(), bytes.data());
  vk::upload(device_->context, range(), bytes.data());
}

}  // namespace volute
