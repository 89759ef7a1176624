// A render pass with one pipeline into one image, copied to a mapped buffer.
#include "tests/e2e/render_loop.hpp"

#include <cmath>
#include <cstring>

#include "picture_frag.h"
#include "picture_vert.h"

namespace volute::test {
namespace {

constexpr VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;

VkShaderModule make_module(VulkanApplication& application, const std::uint32_t* words, std::size_t bytes) {
  const VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, nullptr, 0, bytes, words};
  VkShaderModule made = VK_NULL_HANDLE;
  require(application.fn.vkCreateShaderModule(application.device, &info, nullptr, &made), "vkCreateShaderModule");
  return made;
}

}  // namespace

RenderLoop::RenderLoop(VulkanApplication& application)
    : application_(application),
      own_(application, vertices * 16, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT),
      picture_(application, width * height * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT),
      commands_(application) {
  make_image();
  make_pass();
  make_pipeline();
}

RenderLoop::~RenderLoop() {
  const ApplicationFunctions& fn = application_.fn;
  fn.vkDestroyPipeline(application_.device, pipeline_, nullptr);
  fn.vkDestroyPipelineLayout(application_.device, layout_, nullptr);
  fn.vkDestroyFramebuffer(application_.device, framebuffer_, nullptr);
  fn.vkDestroyRenderPass(application_.device, pass_, nullptr);
  fn.vkDestroyImageView(application_.device, view_, nullptr);
  fn.vkDestroyImage(application_.device, image_, nullptr);
  fn.vkFreeMemory(application_.device, image_memory_, nullptr);
}

void RenderLoop::make_image() {
  const ApplicationFunctions& fn = application_.fn;
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = format;
  info.extent = {width, height, 1};
  info.mipLevels = info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  require(fn.vkCreateImage(application_.device, &info, nullptr, &image_), "vkCreateImage");
  VkMemoryRequirements needs{};
  fn.vkGetImageMemoryRequirements(application_.device, image_, &needs);
  VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size};
  allocation.memoryTypeIndex = application_.memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  require(fn.vkAllocateMemory(application_.device, &allocation, nullptr, &image_memory_), "vkAllocateMemory");
  require(fn.vkBindImageMemory(application_.device, image_, image_memory_, 0), "vkBindImageMemory");
  VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
  view.image = image_;
  view.viewType = VK_IMAGE_VIEW_TYPE_2D;
  view.format = format;
  view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  require(fn.vkCreateImageView(application_.device, &view, nullptr, &view_), "vkCreateImageView");
}

void RenderLoop::make_pass() {
  const ApplicationFunctions& fn = application_.fn;
  VkAttachmentDescription colour{};
  colour.format = format;
  colour.samples = VK_SAMPLE_COUNT_1_BIT;
  colour.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
  colour.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  colour.finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  const VkSubpassDependency dependencies[] = {
      {VK_SUBPASS_EXTERNAL, 0, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
       VK_ACCESS_TRANSFER_READ_BIT, VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, 0},
      {0, VK_SUBPASS_EXTERNAL, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT,
       VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT, 0}};
  const VkRenderPassCreateInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO, nullptr, 0, 1, &colour, 1, &subpass, 2,
                                    dependencies};
  require(fn.vkCreateRenderPass(application_.device, &info, nullptr, &pass_), "vkCreateRenderPass");
  VkFramebufferCreateInfo framebuffer{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO};
  framebuffer.renderPass = pass_;
  framebuffer.attachmentCount = 1;
  framebuffer.pAttachments = &view_;
  framebuffer.width = width;
  framebuffer.height = height;
  framebuffer.layers = 1;
  require(fn.vkCreateFramebuffer(application_.device, &framebuffer, nullptr, &framebuffer_), "vkCreateFramebuffer");
}

void RenderLoop::make_pipeline() {
  const ApplicationFunctions& fn = application_.fn;
  const VkPushConstantRange push{VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(float)};
  const VkPipelineLayoutCreateInfo layout{
      VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, nullptr, 0, 0, nullptr, 1, &push};
  require(fn.vkCreatePipelineLayout(application_.device, &layout, nullptr, &layout_), "vkCreatePipelineLayout");
  const VkShaderModule modules[] = {make_module(application_, picture_vert, sizeof picture_vert),
                                    make_module(application_, picture_frag, sizeof picture_frag)};
  const VkPipelineShaderStageCreateInfo stages[] = {{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, nullptr, 0,
                                                     VK_SHADER_STAGE_VERTEX_BIT, modules[0], "main"},
                                                    {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, nullptr, 0,
                                                     VK_SHADER_STAGE_FRAGMENT_BIT, modules[1], "main"}};
  const VkVertexInputBindingDescription binding{0, 16, VK_VERTEX_INPUT_RATE_VERTEX};
  const VkVertexInputAttributeDescription attribute{0, 0, VK_FORMAT_R32G32_SFLOAT, 0};
  const VkPipelineVertexInputStateCreateInfo input{
      VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO, nullptr, 0, 1, &binding, 1, &attribute};
  const VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
                                                        nullptr, 0, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP};
  const VkViewport viewport{0, 0, width, height, 0, 1};
  const VkRect2D scissor{{0, 0}, {width, height}};
  const VkPipelineViewportStateCreateInfo viewports{
      VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO, nullptr, 0, 1, &viewport, 1, &scissor};
  VkPipelineRasterizationStateCreateInfo rasterization{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
  rasterization.lineWidth = 1;
  VkPipelineMultisampleStateCreateInfo multisample{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
  multisample.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
  VkPipelineColorBlendAttachmentState attachment{};
  attachment.colorWriteMask = 0xf;
  VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
  blend.attachmentCount = 1;
  blend.pAttachments = &attachment;
  VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
  info.stageCount = 2;
  info.pStages = stages;
  info.pVertexInputState = &input;
  info.pInputAssemblyState = &assembly;
  info.pViewportState = &viewports;
  info.pRasterizationState = &rasterization;
  info.pMultisampleState = &multisample;
  info.pColorBlendState = &blend;
  info.layout = layout_;
  info.renderPass = pass_;
  require(fn.vkCreateGraphicsPipelines(application_.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline_),
          "vkCreateGraphicsPipelines");
  for (VkShaderModule made : modules) fn.vkDestroyShaderModule(application_.device, made, nullptr);
}

std::vector<float> RenderLoop::positions(int number) {
  std::vector<float> values(vertices * 4, 0.0f);
  for (std::uint32_t i = 0; i < vertices; ++i) {
    const double radius = i % 2 ? 0.9 : 0.4 + 0.2 * std::sin(0.05 * number), angle = 6.2831853 * i / (vertices - 2);
    values[4 * i] = static_cast<float>(radius * std::cos(angle));
    values[4 * i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return values;
}

void RenderLoop::record(VkCommandBuffer commands, int number, const interop::Slice& source) {
  const ApplicationFunctions& fn = application_.fn;
  const VkClearValue clear{{{0.02f, 0.02f, 0.05f, 1.0f}}};
  const VkRenderPassBeginInfo pass{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,  nullptr, pass_, framebuffer_,
                                   {{0, 0}, {width, height}}, 1, &clear};
  const float turn = 0.02f * static_cast<float>(number);
  fn.vkCmdBeginRenderPass(commands, &pass, VK_SUBPASS_CONTENTS_INLINE);
  fn.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
  fn.vkCmdBindVertexBuffers(commands, 0, 1, &source.buffer, &source.offset);
  fn.vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof turn, &turn);
  fn.vkCmdDraw(commands, vertices, 1, 0, 0);
  fn.vkCmdEndRenderPass(commands);
  VkBufferImageCopy region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  region.imageExtent = {width, height, 1};
  fn.vkCmdCopyImageToBuffer(commands, image_, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, picture_.buffer, 1, &region);
  const VkMemoryBarrier to_host{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                                VK_ACCESS_HOST_READ_BIT};
  fn.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0,
                          nullptr, 0, nullptr);
}

Picture RenderLoop::frame(int number, const interop::Slice* source, const interop::Sync& sync) {
  const std::vector<float> values = positions(number);
  std::memcpy(own_.mapped, values.data(), values.size() * sizeof values[0]);
  record(commands_.begin(), number, source ? *source : own_.slice());
  commands_.end();
  if (lock) lock();
  commands_.submit(sync);
  if (unlock) unlock();
  commands_.wait();
  const auto* bytes = static_cast<const std::uint8_t*>(picture_.mapped);
  return {bytes, bytes + picture_.bytes};
}

}  // namespace volute::test
