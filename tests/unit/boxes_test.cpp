// Dispatches in boxes of workgroups: together they are the dispatch, and kernels see the workgroups' own numbers.
#include <gtest/gtest.h>

#include "engine/compile/device_data.hpp"
#include "engine/compile/schedule.hpp"
#include "tests/support/device.hpp"

namespace volute {
namespace {

std::int64_t count_of(const vk::Groups& box) { return std::int64_t{box.count[0]} * box.count[1] * box.count[2]; }

TEST(Boxes, CoverADispatchOnce) {
  const std::uint32_t grids[][3] = {{1, 1, 1}, {7, 1, 1}, {64, 1, 1}, {3, 9, 1}, {5, 4, 6}, {1, 16, 1}, {2, 1, 8}, {1, 1, 3}};
  for (const auto& grid : grids)
    for (const std::int64_t pieces : {1, 2, 3, 5, 8, 100, 100000})
      for (const std::uint32_t at_once : {1u, 2u, 8u}) {
        std::vector<int> seen(std::size_t{grid[0]} * grid[1] * grid[2]);
        const auto found = boxes(grid, pieces, at_once);
        for (const vk::Groups& box : found)
          for (std::uint32_t z = 0; z < box.count[2]; ++z)
            for (std::uint32_t y = 0; y < box.count[1]; ++y)
              for (std::uint32_t x = 0; x < box.count[0]; ++x)
                ++seen.at(((box.first[2] + z) * grid[1] + box.first[1] + y) * grid[0] + box.first[0] + x);
        EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
        EXPECT_LE(found.size(), static_cast<std::size_t>(2 * pieces));
        for (const vk::Groups& box : found)
          EXPECT_TRUE(grid[1] == 1 || box.count[0] == grid[0]) << "FLAT_ID counts along x";
      }
}

TEST(Boxes, HaveWorkForEveryProcessor) {
  const std::uint32_t column[3] = {1, 17, 1};
  const auto found = boxes(column, 100, 4);
  EXPECT_EQ(found.size(), 5u);
  for (std::size_t i = 0; i + 1 < found.size(); ++i) EXPECT_EQ(count_of(found[i]), 4);
  const std::uint32_t few[3] = {3, 1, 1};
  EXPECT_EQ(boxes(few, 100, 4).size(), 1u);
}

// Each invocation writes its number, and the workgroups' own coordinates, where the number says.
TEST(Boxes, KernelsSeeTheirWorkgroupsNumbers) {
  const char* source = R"(#version 450
layout(local_size_x = 4) in;
layout(set = 0, binding = 0) buffer B { uvec4 b[]; };
layout(push_constant) uniform Push { uint width, height; };
void main() {
  uint flat_group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint i = ((gl_WorkGroupID.z * height * width) + flat_group) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  b[i] = uvec4(gl_WorkGroupID, b[i].w + 1u);
})";
  const auto& data = *test::device().data();
  const std::uint32_t grids[][3] = {{24, 1, 1}, {6, 12, 1}, {3, 5, 4}};
  for (const auto& grid : grids) {
    const std::uint32_t invocations = 4 * grid[0] * grid[1] * grid[2];
    const vk::Buffer buffer(data.context, std::uint64_t{16} * invocations, vk::Residency::device);
    const vk::BufferRange range{&buffer, 0, std::uint64_t{16} * invocations};
    vk::fill(data.context, range, 0);
    vk::Descriptors descriptors(data.context);
    const vk::Pipeline& pipeline = data.pipelines->get(source, {vk::BindingKind::storage}, 8, {}, true);
    vk::CommandList list(data.context);
    const std::uint32_t push[] = {grid[0], grid[1]};
    const auto found = boxes(grid, 40, 2);
    EXPECT_GT(found.size(), 2u);
    list.begin();
    for (const vk::Groups& box : found) {
      list.dispatch(pipeline, descriptors.get(pipeline, {range}), push, box);
      list.barrier();
    }
    list.end();
    data.context->wait(data.context->submit_batch(list.buffers()));
    std::vector<std::uint32_t> words(std::size_t{4} * invocations);
    vk::download(data.context, range, words.data());
    for (std::uint32_t i = 0; i < invocations; ++i) {
      const std::uint32_t group = i / 4, x = group % grid[0], y = group / grid[0] % grid[1], z = group / grid[0] / grid[1];
      const std::vector<std::uint32_t> got(words.begin() + 4 * i, words.begin() + 4 * i + 4);
      ASSERT_EQ(got, (std::vector<std::uint32_t>{x, y, z, 1})) << "invocation " << i;
    }
  }
}

}  // namespace
}  // namespace volute
