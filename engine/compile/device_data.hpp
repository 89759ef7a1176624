// What a Device holds, and parameters on it.
#pragma once

#include <volute/device.hpp>

#include "engine/graph/node.hpp"
#include "engine/kernels/dispatch.hpp"
#include "engine/vulkan/buffer.hpp"
#include "engine/vulkan/pipeline.hpp"

namespace volute {

class Tuner;

struct Device::Data {
  std::shared_ptr<vk::Context> context;
  std::unique_ptr<vk::PipelineCache> pipelines;
  KernelTarget target;
  std::unique_ptr<Tuner> tuner;
  bool tune = false;  ///< whether programs use it unless they say otherwise
  std::vector<std::weak_ptr<ParameterData>> parameters;  ///< that live here

  explicit Data(std::shared_ptr<vk::Context> own);
  ~Data();
};

/// Rows of `shape` between host order and the padded device layout.
void pack(const Shape& shape, const void* source, void* target);
void unpack(const Shape& shape, const void* source, void* target);
std::uint64_t padded_bytes(const Shape& shape);

/// A parameter's or state's values on a device.
class DeviceArray : public DeviceCopy {
 public:
  DeviceArray(std::shared_ptr<Device::Data> device, Shape shape, std::shared_ptr<vk::Buffer> buffer,
              std::uint64_t offset);
  void read(std::span<float> values) override;
  void write(std::span<const float> values) override;
  bool lost() const override { return device_->context->lost(); }
  void fill(double value, DType dtype);
  vk::BufferRange range() const { return {buffer_.get(), offset_, padded_bytes(shape_)}; }

 private:
  std::shared_ptr<Device::Data> device_;
  Shape shape_;
  std::shared_ptr<vk::Buffer> buffer_;
  std::uint64_t offset_;
};

}  // namespace volute
