// Swapchain set-up, acquire and present, with the usual care for windows that change size.
#include "samples/live_sketch/swapchain.hpp"

#include <algorithm>

namespace live_sketch {
namespace {

VkSemaphore create_semaphore(Context& context) {
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  check(context.fn.vkCreateSemaphore(context.device, &info, nullptr, &semaphore), "vkCreateSemaphore");
  return semaphore;
}

}  // namespace

Swapchain::Swapchain(Context& context, std::function<VkExtent2D()> extent)
    : Target(context), window_extent_(std::move(extent)) {
  choose_format();
  create_render_pass(surface_format_.format, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
  for (VkSemaphore& semaphore : ready_) semaphore = create_semaphore(context);
}

Swapchain::~Swapchain() {
  context_.fn.vkDeviceWaitIdle(context_.device);
  destroy_images();
  context_.fn.vkDestroySwapchainKHR(context_.device, swapchain_, nullptr);
  for (VkSemaphore semaphore : ready_) context_.fn.vkDestroySemaphore(context_.device, semaphore, nullptr);
}

void Swapchain::choose_format() {
  std::uint32_t count = 0;
  context_.fn.vkGetPhysicalDeviceSurfaceFormatsKHR(context_.physical, context_.surface, &count, nullptr);
  std::vector<VkSurfaceFormatKHR> formats(count);
  context_.fn.vkGetPhysicalDeviceSurfaceFormatsKHR(context_.physical, context_.surface, &count, formats.data());
  if (formats.empty()) throw std::runtime_error("the window's surface has no format");
  // Colours here and in Dear ImGui are meant as they are shown: no conversion by the image.
  const auto plain = std::find_if(formats.begin(), formats.end(), [](const VkSurfaceFormatKHR& f) {
    return f.format == VK_FORMAT_B8G8R8A8_UNORM || f.format == VK_FORMAT_R8G8B8A8_UNORM;
  });
  surface_format_ = plain == formats.end() ? formats.front() : *plain;
}

bool Swapchain::recreate() {
  VkSurfaceCapabilitiesKHR capabilities{};
  check(context_.fn.vkGetPhysicalDeviceSurfaceCapabilitiesKHR(context_.physical, context_.surface, &capabilities),
        "vkGetPhysicalDeviceSurfaceCapabilitiesKHR");
  extent_ = capabilities.currentExtent;
  if (extent_.width == UINT32_MAX) extent_ = window_extent_();
  if (extent_.width == 0 || extent_.height == 0) return false;
  check(context_.fn.vkDeviceWaitIdle(context_.device), "vkDeviceWaitIdle");
  destroy_images();
  create(capabilities);
  stale_ = false;
  return true;
}

void Swapchain::create(const VkSurfaceCapabilitiesKHR& capabilities) {
  readable_ = (capabilities.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_SRC_BIT) != 0;
  VkSwapchainCreateInfoKHR info{VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR};
  info.surface = context_.surface;
  info.minImageCount = std::max(capabilities.minImageCount, frames_in_flight + 1);
  if (capabilities.maxImageCount > 0) info.minImageCount = std::min(info.minImageCount, capabilities.maxImageCount);
  info.imageFormat = surface_format_.format;
  info.imageColorSpace = surface_format_.colorSpace;
  info.imageExtent = extent_;
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
  if (readable_) info.imageUsage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  info.preTransform = capabilities.currentTransform;
  info.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  info.presentMode = VK_PRESENT_MODE_FIFO_KHR;
  info.clipped = VK_TRUE;
  info.oldSwapchain = swapchain_;
  const VkSwapchainKHR old = swapchain_;
  check(context_.fn.vkCreateSwapchainKHR(context_.device, &info, nullptr, &swapchain_), "vkCreateSwapchainKHR");
  context_.fn.vkDestroySwapchainKHR(context_.device, old, nullptr);

  std::uint32_t count = 0;
  context_.fn.vkGetSwapchainImagesKHR(context_.device, swapchain_, &count, nullptr);
  std::vector<VkImage> images(count);
  check(context_.fn.vkGetSwapchainImagesKHR(context_.device, swapchain_, &count, images.data()),
        "vkGetSwapchainImagesKHR");
  for (VkImage image : images) images_.push_back({image, create_view(image, extent_), create_semaphore(context_)});
}

void Swapchain::destroy_images() {
  for (const Image& image : images_) {
    destroy_view(image.view);
    context_.fn.vkDestroySemaphore(context_.device, image.drawn, nullptr);
  }
  images_.clear();
}

std::optional<TargetImage> Swapchain::acquire(std::uint32_t slot) {
  const VkExtent2D now = window_extent_();
  if (now.width != extent_.width || now.height != extent_.height) stale_ = true;
  if (stale_ && !recreate()) return std::nullopt;
  std::uint32_t index = 0;
  const VkResult result = context_.fn.vkAcquireNextImageKHR(context_.device, swapchain_, UINT64_MAX, ready_[slot],
                                                            VK_NULL_HANDLE, &index);
  if (result == VK_ERROR_OUT_OF_DATE_KHR) {
    stale_ = true;
    return std::nullopt;
  }
  if (result != VK_SUBOPTIMAL_KHR) check(result, "vkAcquireNextImageKHR");
  const Image& image = images_[index];
  return TargetImage{image.image, image.view.framebuffer, extent_, index, ready_[slot], image.drawn};
}

void Swapchain::present(const TargetImage& image) {
  VkPresentInfoKHR info{VK_STRUCTURE_TYPE_PRESENT_INFO_KHR};
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &image.drawn;
  info.swapchainCount = 1;
  info.pSwapchains = &swapchain_;
  info.pImageIndices = &image.index;
  const VkResult result = context_.fn.vkQueuePresentKHR(context_.queue, &info);
  if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR)
    stale_ = true;
  else
    check(result, "vkQueuePresentKHR");
}

}  // namespace live_sketch
