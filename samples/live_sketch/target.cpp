// The render pass all targets share, and the off-screen target.
#include "samples/live_sketch/target.hpp"

#include <array>

namespace live_sketch {
namespace {

constexpr VkFormat offscreen_format = VK_FORMAT_R8G8B8A8_UNORM;

/// The image is free again, then drawn to, then copied or presented.
std::array<VkSubpassDependency, 2> dependencies() {
  std::array<VkSubpassDependency, 2> both{};
  both[0].srcSubpass = VK_SUBPASS_EXTERNAL;
  both[0].srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  both[0].dstStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
  both[0].srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
  both[0].dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
  both[1].dstSubpass = VK_SUBPASS_EXTERNAL;
  both[1].srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
  both[1].dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT;
  both[1].srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
  both[1].dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
  return both;
}

}  // namespace

Target::~Target() { context_.fn.vkDestroyRenderPass(context_.device, render_pass_, nullptr); }

void Target::create_render_pass(VkFormat format, VkImageLayout layout) {
  format_ = format;
  layout_ = layout;
  VkAttachmentDescription colour{};
  colour.format = format;
  colour.samples = VK_SAMPLE_COUNT_1_BIT;
  colour.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
  colour.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  colour.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
  colour.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  colour.finalLayout = layout;
  const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  const auto order = dependencies();
  VkRenderPassCreateInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO};
  info.attachmentCount = 1;
  info.pAttachments = &colour;
  info.subpassCount = 1;
  info.pSubpasses = &subpass;
  info.dependencyCount = static_cast<std::uint32_t>(order.size());
  info.pDependencies = order.data();
  check(context_.fn.vkCreateRenderPass(context_.device, &info, nullptr, &render_pass_), "vkCreateRenderPass");
}

Target::View Target::create_view(VkImage image, VkExtent2D extent) {
  View made;
  VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
  view.image = image;
  view.viewType = VK_IMAGE_VIEW_TYPE_2D;
  view.format = format_;
  view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  check(context_.fn.vkCreateImageView(context_.device, &view, nullptr, &made.view), "vkCreateImageView");
  VkFramebufferCreateInfo framebuffer{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO};
  framebuffer.renderPass = render_pass_;
  framebuffer.attachmentCount = 1;
  framebuffer.pAttachments = &made.view;
  framebuffer.width = extent.width;
  framebuffer.height = extent.height;
  framebuffer.layers = 1;
  check(context_.fn.vkCreateFramebuffer(context_.device, &framebuffer, nullptr, &made.framebuffer),
        "vkCreateFramebuffer");
  return made;
}

void Target::destroy_view(const View& view) {
  context_.fn.vkDestroyFramebuffer(context_.device, view.framebuffer, nullptr);
  context_.fn.vkDestroyImageView(context_.device, view.view, nullptr);
}

OffscreenTarget::OffscreenTarget(Context& context, VkExtent2D extent)
    : Target(context), extent_(extent), image_(context, extent, offscreen_format) {
  create_render_pass(offscreen_format, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
  view_ = create_view(image_.handle(), extent);
}

OffscreenTarget::~OffscreenTarget() { destroy_view(view_); }

std::optional<TargetImage> OffscreenTarget::acquire(std::uint32_t) {
  return TargetImage{image_.handle(), view_.framebuffer, extent_};
}

}  // namespace live_sketch
