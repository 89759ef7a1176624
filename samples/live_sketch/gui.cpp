// Dear ImGui's start, style and frames.
#include "samples/live_sketch/gui.hpp"

#include <backends/imgui_impl_glfw.h>
#include <backends/imgui_impl_vulkan.h>
#include <imgui.h>

#include <algorithm>
#include <filesystem>

namespace live_sketch {
namespace {

/// Debian's and Ubuntu's default; Dear ImGui's own bitmap font where it is not installed.
constexpr const char* font_path = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
constexpr float font_pixels = 15;

void check_backend(VkResult result) { check(result, "Dear ImGui's Vulkan backend"); }

void set_style() {
  ImGui::StyleColorsDark();
  ImGuiStyle& style = ImGui::GetStyle();
  style.WindowRounding = 0;
  style.FrameRounding = style.GrabRounding = 4;
  style.WindowBorderSize = 0;
  style.ScrollbarSize = 10;
  style.WindowPadding = {18, 16};
  style.FramePadding = {8, 5};
  style.ItemSpacing = {8, 8};
  style.Colors[ImGuiCol_WindowBg] = {0.082f, 0.098f, 0.137f, 1};
  style.Colors[ImGuiCol_FrameBg] = {0.137f, 0.161f, 0.220f, 1};
  style.Colors[ImGuiCol_FrameBgHovered] = {0.176f, 0.208f, 0.282f, 1};
  style.Colors[ImGuiCol_FrameBgActive] = {0.204f, 0.243f, 0.329f, 1};
  style.Colors[ImGuiCol_Button] = {0.165f, 0.208f, 0.302f, 1};
  style.Colors[ImGuiCol_ButtonHovered] = {0.212f, 0.290f, 0.443f, 1};
  style.Colors[ImGuiCol_ButtonActive] = {0.251f, 0.357f, 0.561f, 1};
  style.Colors[ImGuiCol_PlotHistogram] = {0.314f, 0.431f, 0.639f, 1};
  style.Colors[ImGuiCol_SliderGrab] = style.Colors[ImGuiCol_CheckMark] = {0.431f, 0.659f, 1.0f, 1};
  style.Colors[ImGuiCol_SliderGrabActive] = {0.573f, 0.745f, 1.0f, 1};
  style.Colors[ImGuiCol_Text] = {0.878f, 0.902f, 0.945f, 1};
  style.Colors[ImGuiCol_TextDisabled] = {0.533f, 0.576f, 0.659f, 1};
  style.Colors[ImGuiCol_PopupBg] = {0.098f, 0.118f, 0.165f, 1};
}

VkDescriptorPool create_pool(Context& context) {
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1};
  VkDescriptorPoolCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  info.flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT;
  info.maxSets = 1;
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  check(context.fn.vkCreateDescriptorPool(context.device, &info, nullptr, &pool), "vkCreateDescriptorPool");
  return pool;
}

}  // namespace

Gui::Gui(Context& context, const Target& target, const Window* window) : context_(context), windowed_(window) {
  ImGui::CreateContext();
  ImGui::GetIO().IniFilename = nullptr;
  if (std::filesystem::exists(font_path)) ImGui::GetIO().Fonts->AddFontFromFileTTF(font_path, font_pixels);
  set_style();
  if (window) ImGui_ImplGlfw_InitForVulkan(window->handle(), true);
  pool_ = create_pool(context);
  ImGui_ImplVulkan_InitInfo info{};
  info.Instance = context.instance;
  info.PhysicalDevice = context.physical;
  info.Device = context.device;
  info.QueueFamily = context.family;
  info.Queue = context.queue;
  info.DescriptorPool = pool_;
  // One set of vertex buffers a frame in flight, and one to spare.
  info.MinImageCount = info.ImageCount = frames_in_flight + 1;
  info.MSAASamples = VK_SAMPLE_COUNT_1_BIT;
  info.CheckVkResultFn = check_backend;
  ImGui_ImplVulkan_Init(&info, target.render_pass());
  upload_fonts();
}

Gui::~Gui() {
  context_.fn.vkDeviceWaitIdle(context_.device);
  ImGui_ImplVulkan_Shutdown();
  if (windowed_) ImGui_ImplGlfw_Shutdown();
  ImGui::DestroyContext();
  context_.fn.vkDestroyDescriptorPool(context_.device, pool_, nullptr);
}

void Gui::upload_fonts() {
  const auto& fn = context_.fn;
  VkCommandPoolCreateInfo pool_info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool_info.queueFamilyIndex = context_.family;
  VkCommandPool pool = VK_NULL_HANDLE;
  check(fn.vkCreateCommandPool(context_.device, &pool_info, nullptr, &pool), "vkCreateCommandPool");
  VkCommandBufferAllocateInfo allocation{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  allocation.commandPool = pool;
  allocation.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  check(fn.vkAllocateCommandBuffers(context_.device, &allocation, &commands), "vkAllocateCommandBuffers");
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  check(fn.vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer");
  ImGui_ImplVulkan_CreateFontsTexture(commands);
  check(fn.vkEndCommandBuffer(commands), "vkEndCommandBuffer");
  VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands;
  check(fn.vkQueueSubmit(context_.queue, 1, &submit, VK_NULL_HANDLE), "vkQueueSubmit");
  check(fn.vkDeviceWaitIdle(context_.device), "vkDeviceWaitIdle");
  ImGui_ImplVulkan_DestroyFontUploadObjects();
  fn.vkDestroyCommandPool(context_.device, pool, nullptr);
}

void Gui::begin(VkExtent2D extent, double seconds) {
  ImGui_ImplVulkan_NewFrame();
  if (windowed_) {
    ImGui_ImplGlfw_NewFrame();
  } else {
    ImGui::GetIO().DisplaySize = {static_cast<float>(extent.width), static_cast<float>(extent.height)};
    ImGui::GetIO().DeltaTime = static_cast<float>(std::max(seconds, 1e-4));
  }
  ImGui::NewFrame();
}

void Gui::draw(VkCommandBuffer commands) {
  ImGui::Render();
  ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), commands);
}

}  // namespace live_sketch
