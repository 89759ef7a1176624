// A compute shader of the application's that writes an input's values on the device.
#include "tests/e2e/ramp_writer.hpp"

#include "ramp_comp.h"

namespace volute::test {

RampWriter::RampWriter(VulkanApplication& application, const ApplicationBuffer& target, std::uint32_t count,
                       std::uint32_t row)
    : application_(application), count_(count), row_(row), commands_(application) {
  const ApplicationFunctions& fn = application_.fn;
  const VkDevice device = application_.device;
  const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT};
  const VkDescriptorSetLayoutCreateInfo bindings{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, nullptr, 0, 1,
                                                 &binding};
  require(fn.vkCreateDescriptorSetLayout(device, &bindings, nullptr, &set_layout_), "vkCreateDescriptorSetLayout");
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1};
  const VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, nullptr, 0, 1, 1, &size};
  require(fn.vkCreateDescriptorPool(device, &pool, nullptr, &pool_), "vkCreateDescriptorPool");
  const VkDescriptorSetAllocateInfo sets{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, nullptr, pool_, 1,
                                         &set_layout_};
  require(fn.vkAllocateDescriptorSets(device, &sets, &set_), "vkAllocateDescriptorSets");
  const VkDescriptorBufferInfo buffer{target.buffer, 0, VK_WHOLE_SIZE};
  VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, nullptr, set_, 0, 0, 1};
  write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
  write.pBufferInfo = &buffer;
  fn.vkUpdateDescriptorSets(device, 1, &write, 0, nullptr);
  const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, 12};
  const VkPipelineLayoutCreateInfo layout{
      VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, nullptr, 0, 1, &set_layout_, 1, &push};
  require(fn.vkCreatePipelineLayout(device, &layout, nullptr, &layout_), "vkCreatePipelineLayout");
  const VkShaderModuleCreateInfo words{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, nullptr, 0, sizeof ramp_comp,
                                       ramp_comp};
  VkShaderModule module_ = VK_NULL_HANDLE;
  require(fn.vkCreateShaderModule(device, &words, nullptr, &module_), "vkCreateShaderModule");
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, nullptr, 0, VK_SHADER_STAGE_COMPUTE_BIT, module_,
                "main"};
  info.layout = layout_;
  require(fn.vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline_),
          "vkCreateComputePipelines");
  fn.vkDestroyShaderModule(device, module_, nullptr);
}

RampWriter::~RampWriter() {
  const ApplicationFunctions& fn = application_.fn;
  fn.vkDestroyPipeline(application_.device, pipeline_, nullptr);
  fn.vkDestroyPipelineLayout(application_.device, layout_, nullptr);
  fn.vkDestroyDescriptorPool(application_.device, pool_, nullptr);
  fn.vkDestroyDescriptorSetLayout(application_.device, set_layout_, nullptr);
}

std::vector<float> RampWriter::values(int step, std::uint32_t count) {
  std::vector<float> values(count);
  for (std::uint32_t i = 0; i < count; ++i)
    values[i] = static_cast<float>((7 * i + 3 * static_cast<std::uint32_t>(step)) % 32) / 32.0f - 0.5f;
  return values;
}

void RampWriter::record(VkCommandBuffer commands, int step) const {
  const ApplicationFunctions& fn = application_.fn;
  const std::uint32_t push[] = {static_cast<std::uint32_t>(step), count_, row_};
  fn.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_);
  fn.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &set_, 0, nullptr);
  fn.vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, push);
  fn.vkCmdDispatch(commands, (count_ + 63) / 64, 1, 1);
}

void RampWriter::write(int step, const interop::Sync& sync) {
  record(commands_.begin(), step);
  commands_.end();
  commands_.submit(sync);
}

}  // namespace volute::test
