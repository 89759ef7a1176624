// The one graphics pipeline: segments of strips, expanded to quads by the vertex shader.
#include "samples/live_sketch/renderer.hpp"

#include <cstdint>

#include "line_frag.h"
#include "line_vert.h"

namespace live_sketch {
namespace {

constexpr std::uint32_t vertex_bytes = 16;
constexpr std::array<float, 4> background = {0.047f, 0.059f, 0.086f, 1.0f};

/// As in shaders/line.vert.
struct Push {
  std::array<float, 2> centre, scale, viewport;
  float width, reach;
  Colour young, old;
};

VkShaderModule create_module(Context& context, const std::uint32_t* words, std::size_t bytes) {
  VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  info.codeSize = bytes;
  info.pCode = words;
  VkShaderModule module = VK_NULL_HANDLE;
  check(context.fn.vkCreateShaderModule(context.device, &info, nullptr, &module), "vkCreateShaderModule");
  return module;
}

/// Brighter of what is there and what is drawn.
VkPipelineColorBlendAttachmentState blend_by_maximum() {
  VkPipelineColorBlendAttachmentState blend{};
  blend.blendEnable = VK_TRUE;
  blend.srcColorBlendFactor = blend.dstColorBlendFactor = VK_BLEND_FACTOR_ONE;
  blend.srcAlphaBlendFactor = blend.dstAlphaBlendFactor = VK_BLEND_FACTOR_ONE;
  blend.colorBlendOp = blend.alphaBlendOp = VK_BLEND_OP_MAX;
  blend.colorWriteMask =
      VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT | VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT;
  return blend;
}

/// Two bindings, each a vertex per instance: the start and the end of a segment.
constexpr std::array<VkVertexInputBindingDescription, 2> bindings = {
    {{0, vertex_bytes, VK_VERTEX_INPUT_RATE_INSTANCE}, {1, vertex_bytes, VK_VERTEX_INPUT_RATE_INSTANCE}}};
constexpr std::array<VkVertexInputAttributeDescription, 2> attributes = {
    {{0, 0, VK_FORMAT_R32G32B32A32_SFLOAT, 0}, {1, 1, VK_FORMAT_R32G32B32A32_SFLOAT, 0}}};

/// Fixed state of the pipeline; the structures point at each other, so it stays where it is made.
struct FixedState {
  VkPipelineVertexInputStateCreateInfo vertices{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
  VkPipelineViewportStateCreateInfo viewport{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
  VkPipelineRasterizationStateCreateInfo raster{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
  VkPipelineMultisampleStateCreateInfo samples{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
  VkPipelineColorBlendAttachmentState attachment = blend_by_maximum();
  VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
  std::array<VkDynamicState, 2> names = {VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
  VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO};

  FixedState() {
    vertices.vertexBindingDescriptionCount = static_cast<std::uint32_t>(bindings.size());
    vertices.pVertexBindingDescriptions = bindings.data();
    vertices.vertexAttributeDescriptionCount = static_cast<std::uint32_t>(attributes.size());
    vertices.pVertexAttributeDescriptions = attributes.data();
    assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    viewport.viewportCount = viewport.scissorCount = 1;
    raster.polygonMode = VK_POLYGON_MODE_FILL;
    raster.cullMode = VK_CULL_MODE_NONE;
    raster.lineWidth = 1;
    samples.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
    blend.attachmentCount = 1;
    blend.pAttachments = &attachment;
    dynamic.dynamicStateCount = static_cast<std::uint32_t>(names.size());
    dynamic.pDynamicStates = names.data();
  }
  FixedState(const FixedState&) = delete;
};

}  // namespace

Renderer::Renderer(Context& context, const Target& target) : context_(context), render_pass_(target.render_pass()) {
  constexpr VkShaderStageFlags stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
  const VkPushConstantRange range{stages, 0, sizeof(Push)};
  VkPipelineLayoutCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  info.pushConstantRangeCount = 1;
  info.pPushConstantRanges = &range;
  check(context.fn.vkCreatePipelineLayout(context.device, &info, nullptr, &layout_), "vkCreatePipelineLayout");
  create_pipeline(target);
}

Renderer::~Renderer() {
  context_.fn.vkDestroyPipeline(context_.device, pipeline_, nullptr);
  context_.fn.vkDestroyPipelineLayout(context_.device, layout_, nullptr);
}

void Renderer::create_pipeline(const Target& target) {
  const VkShaderModule vertex = create_module(context_, line_vert, sizeof line_vert);
  const VkShaderModule fragment = create_module(context_, line_frag, sizeof line_frag);
  std::array<VkPipelineShaderStageCreateInfo, 2> stages{};
  for (VkPipelineShaderStageCreateInfo& stage : stages) {
    stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    stage.pName = "main";
  }
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = vertex;
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  stages[1].module = fragment;
  const FixedState fixed;
  VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
  info.stageCount = static_cast<std::uint32_t>(stages.size());
  info.pStages = stages.data();
  info.pVertexInputState = &fixed.vertices;
  info.pInputAssemblyState = &fixed.assembly;
  info.pViewportState = &fixed.viewport;
  info.pRasterizationState = &fixed.raster;
  info.pMultisampleState = &fixed.samples;
  info.pColorBlendState = &fixed.blend;
  info.pDynamicState = &fixed.dynamic;
  info.layout = layout_;
  info.renderPass = target.render_pass();
  const VkResult result =
      context_.fn.vkCreateGraphicsPipelines(context_.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline_);
  context_.fn.vkDestroyShaderModule(context_.device, vertex, nullptr);
  context_.fn.vkDestroyShaderModule(context_.device, fragment, nullptr);
  check(result, "vkCreateGraphicsPipelines");
}

void Renderer::begin(VkCommandBuffer commands, const TargetImage& image, const View& view) {
  commands_ = commands;
  view_ = view;
  extent_ = image.extent;
  VkClearValue clear{};
  for (std::size_t i = 0; i < background.size(); ++i) clear.color.float32[i] = background[i];
  VkRenderPassBeginInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
  info.renderPass = render_pass_;
  info.framebuffer = image.framebuffer;
  info.renderArea.extent = extent_;
  info.clearValueCount = 1;
  info.pClearValues = &clear;
  context_.fn.vkCmdBeginRenderPass(commands, &info, VK_SUBPASS_CONTENTS_INLINE);
  const VkViewport viewport{0, 0, static_cast<float>(extent_.width), static_cast<float>(extent_.height), 0, 1};
  const VkRect2D scissor{{0, 0}, extent_};
  context_.fn.vkCmdSetViewport(commands, 0, 1, &viewport);
  context_.fn.vkCmdSetScissor(commands, 0, 1, &scissor);
  context_.fn.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
}

void Renderer::draw(const Strip& strip, const Look& look) {
  if (strip.count < 2) return;
  const Push push{view_.centre,
                  view_.scale,
                  {static_cast<float>(extent_.width), static_cast<float>(extent_.height)},
                  look.width,
                  look.reach,
                  look.young,
                  look.old};
  context_.fn.vkCmdPushConstants(commands_, layout_, VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                                 sizeof push, &push);
  const VkDeviceSize start = strip.offset + VkDeviceSize{strip.first} * vertex_bytes;
  const std::array<VkBuffer, 2> buffers = {strip.buffer, strip.buffer};
  const std::array<VkDeviceSize, 2> offsets = {start, start + vertex_bytes};
  context_.fn.vkCmdBindVertexBuffers(commands_, 0, 2, buffers.data(), offsets.data());
  context_.fn.vkCmdDraw(commands_, 4, strip.count - 1, 0, 0);
}

void Renderer::end() { context_.fn.vkCmdEndRenderPass(commands_); }

}  // namespace live_sketch
