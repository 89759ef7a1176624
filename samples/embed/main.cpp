// The smallest application with a Vulkan device of its own that trains on it between its frames: a GRU learns to
// draw a flower, and the application's shader draws what it has learned straight from the tensor's buffer.
#define VULKAN_HPP_NO_STRUCT_CONSTRUCTORS
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numbers>
#include <thread>
#include <vulkan/vulkan_raii.hpp>

#include <volute/interop.hpp>
#include <volute/volute.hpp>

#include "draw_comp.h"

using namespace volute;

constexpr std::uint32_t size = 320, pixel_bytes = size * size * 16, points = 80;  // a side, bytes; of the curve
constexpr auto compute = vk::ShaderStageFlagBits::eCompute;

/// The application's own drawing: a picture in mapped memory, and a shader that adds the curve to it.
class Painter {
 public:
  Painter(const vk::raii::PhysicalDevice& physical, const vk::raii::Device& device, const interop::Slice& curve)
      : device_(device) {
    picture_ = device.createBuffer({.size = pixel_bytes, .usage = vk::BufferUsageFlagBits::eStorageBuffer});
    const vk::MemoryRequirements needs = picture_.getMemoryRequirements();
    const auto types = physical.getMemoryProperties().memoryTypes;
    const auto host = vk::MemoryPropertyFlagBits::eHostVisible | vk::MemoryPropertyFlagBits::eHostCoherent;
    std::uint32_t type = 0;
    while (!(needs.memoryTypeBits >> type & 1) || (types[type].propertyFlags & host) != host) ++type;
    memory_ = device.allocateMemory({.allocationSize = needs.size, .memoryTypeIndex = type});
    picture_.bindMemory(*memory_, 0);
    pixels = static_cast<const float*>(memory_.mapMemory(0, VK_WHOLE_SIZE));
    const auto storage = vk::DescriptorType::eStorageBuffer;
    const vk::DescriptorSetLayoutBinding slots[] = {{0, storage, 1, compute}, {1, storage, 1, compute}};
    set_layout_ = device.createDescriptorSetLayout({.bindingCount = 2, .pBindings = slots});
    const vk::DescriptorPoolSize room{storage, 2};
    descriptors_ = device.createDescriptorPool({.flags = vk::DescriptorPoolCreateFlagBits::eFreeDescriptorSet,
                                                .maxSets = 1, .poolSizeCount = 1, .pPoolSizes = &room});
    set_ = std::move(device.allocateDescriptorSets({.descriptorPool = *descriptors_, .descriptorSetCount = 1,
                                                    .pSetLayouts = &*set_layout_})[0]);
    const vk::DescriptorBufferInfo buffers[] = {{curve.buffer, curve.offset, curve.bytes}, {*picture_, 0, pixel_bytes}};
    device.updateDescriptorSets(vk::WriteDescriptorSet{.dstSet = *set_, .descriptorCount = 2, .descriptorType = storage,
                                                       .pBufferInfo = buffers}, {});

    const vk::PushConstantRange push{compute, 0, sizeof(Push)};
    layout_ = device.createPipelineLayout({.setLayoutCount = 1, .pSetLayouts = &*set_layout_,
                                           .pushConstantRangeCount = 1, .pPushConstantRanges = &push});
    const vk::raii::ShaderModule code(device, {.codeSize = sizeof draw_comp, .pCode = draw_comp});
    pipeline_ = device.createComputePipeline(nullptr, {.stage = {.stage = compute, .module = *code, .pName = "main"},
                                                       .layout = *layout_});
    pool_ = device.createCommandPool({.flags = vk::CommandPoolCreateFlagBits::eResetCommandBuffer});
    commands_ = std::move(device.allocateCommandBuffers({.commandPool = *pool_, .commandBufferCount = 1})[0]);
    drawn_ = device.createFence({.flags = vk::FenceCreateFlagBits::eSignaled});
  }

  /// Draws the curve once `trained` is reached. `age` goes from 0 in the first frame to 1 in the last.
  void draw(const interop::SemaphorePoint& trained, float age) {
    const vk::PipelineStageFlags stages = vk::PipelineStageFlagBits::eComputeShader;
    finish();
    device_.resetFences(*drawn_);
    commands_.begin({});
    commands_.bindPipeline(vk::PipelineBindPoint::eCompute, *pipeline_);
    commands_.bindDescriptorSets(vk::PipelineBindPoint::eCompute, *layout_, 0, *set_, {});
    commands_.pushConstants<Push>(*layout_, compute, 0, Push{size, points, age});
    commands_.dispatch(size / 8, size / 8, 1);
    const vk::MemoryBarrier drawn{.srcAccessMask = vk::AccessFlagBits::eShaderWrite,  // for the next frame and save()
                                  .dstAccessMask = vk::AccessFlagBits::eMemoryRead | vk::AccessFlagBits::eMemoryWrite};
    commands_.pipelineBarrier(stages, stages | vk::PipelineStageFlagBits::eHost, {}, drawn, {}, {});
    commands_.end();
    const vk::TimelineSemaphoreSubmitInfo value{.waitSemaphoreValueCount = 1, .pWaitSemaphoreValues = &trained.value};
    const vk::Semaphore semaphore = trained.semaphore;
    const vk::SubmitInfo frame{.pNext = &value, .waitSemaphoreCount = 1, .pWaitSemaphores = &semaphore,
                               .pWaitDstStageMask = &stages, .commandBufferCount = 1, .pCommandBuffers = &*commands_};
    device_.getQueue(0, 0).submit(frame, *drawn_);
  }
  void finish() { (void)device_.waitForFences(*drawn_, true, UINT64_MAX); }

  const float* pixels = nullptr;

 private:
  struct Push { std::uint32_t size, points; float age; };
  const vk::raii::Device& device_;
  vk::raii::DeviceMemory memory_ = nullptr;  // freed after what is bound to it
  vk::raii::Buffer picture_ = nullptr;
  vk::raii::DescriptorSetLayout set_layout_ = nullptr;
  vk::raii::DescriptorPool descriptors_ = nullptr;
  vk::raii::DescriptorSet set_ = nullptr;
  vk::raii::PipelineLayout layout_ = nullptr;
  vk::raii::Pipeline pipeline_ = nullptr;
  vk::raii::CommandPool pool_ = nullptr;
  vk::raii::CommandBuffer commands_ = nullptr;
  vk::raii::Fence drawn_ = nullptr;
};

void save(const char* path, const float* pixels) {
  std::ofstream file(path, std::ios::binary);
  file << "P6 " << size << ' ' << size << " 255\n";
  for (std::uint32_t i = 0; i < size * size * 4; ++i)
    if (i % 4 < 3) file.put(static_cast<char>(255 * std::min(pixels[i], 1.0f)));
  if (!file) throw BadFile(std::string("cannot write ") + path);
}

int main(int argc, char** argv) {
  const int frames = argc > 1 ? std::atoi(argv[1]) : 250;  // embed [frames [picture.ppm]]
  const vk::raii::Context context;
  const vk::ApplicationInfo application{.apiVersion = VK_API_VERSION_1_2};
  const vk::raii::Instance instance(context, {.pApplicationInfo = &application});
  const vk::raii::PhysicalDevice physical = instance.enumeratePhysicalDevices().at(0);

  interop::Wishes wishes(*instance, *physical);  // what to enable for Volute
  if (!wishes.rejected().empty()) return std::puts(wishes.rejected().c_str()), 1;
  const float priority = 1;
  const vk::DeviceQueueCreateInfo queue{.queueFamilyIndex = 0, .queueCount = 1, .pQueuePriorities = &priority};
  const vk::DeviceCreateInfo info{.pNext = wishes.add_features(nullptr),  // an application's own chain goes in here
                                  .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue,
                                  .enabledExtensionCount = static_cast<std::uint32_t>(wishes.extensions().size()),
                                  .ppEnabledExtensionNames = wishes.extensions().data()};
  const vk::raii::Device own = physical.createDevice(info);  // goes after all that Volute has made of it
  Device device = interop::adopt({.instance = *instance, .physical = *physical, .device = *own, .queue_family = 0,
                                  .queue = *own.getQueue(0, 0),
                                  .created_with = &static_cast<const VkDeviceCreateInfo&>(info)});

  std::vector<float> turn, shape;  // [points, 1, 2]: the angle as a point on the circle, and where the flower is there
  for (std::uint32_t i = 0; i < points; ++i) {
    const double angle = 2 * std::numbers::pi * i / points, radius = 0.7 + 0.3 * std::cos(5 * angle);
    for (const double c : {std::cos(angle), std::sin(angle)})
      turn.push_back(static_cast<float>(c)), shape.push_back(static_cast<float>(radius * c));
  }
  nn::GRU gru(2, 48);
  nn::Linear head(48, 2);
  Graph g;
  const Tensor x = g.input("x", {points, 1, 2}), y = g.input("y", {points, 1, 2});
  const Tensor curve = head(gru(x)), loss = mean((curve - y) * (curve - y));
  const Targets learn = minimize(loss, Adam{.lr = 1.5e-2f}, {.clip_norm = 1.0f});
  Program train = device.compile(g, merge({learn, curve}));
  train.begin({{x, turn}, {y, shape}});

  Painter painter(physical, own, interop::slice(train, curve));
  for (int frame = 0; frame < frames; ++frame) {
    const Progress progress = train.advance(std::chrono::milliseconds(8));  // as much of a step as fits
    if (progress.finished) painter.draw(interop::completion(train), static_cast<float>(frame) / frames);
    std::this_thread::sleep_for(std::chrono::milliseconds(16));  // where others present, at a display's pace
  }
  painter.finish();
  if (argc > 2) save(argv[2], painter.pixels);
  std::printf("loss %.5f\n", train.value(loss));
}
