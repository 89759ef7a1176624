// mpi_world(): bytes arrive, and ranks that are processes train as one device does that accumulates their batches.
// Every rank runs every test (mpirun ... mpi_world).
#include <gtest/gtest.h>

#include <volute/device.hpp>

#include "tests/support/rank_model.hpp"

namespace volute {
namespace {

Communicator& world() {
  static const std::shared_ptr<Communicator> all = mpi_world();
  return *all;
}

std::byte content(int from, int to, std::size_t i) { return static_cast<std::byte>(7 * from + 31 * to + 3 * i); }

TEST(MpiWorld, IsThereOnce) {
  EXPECT_EQ(mpi_world().get(), &world());
  EXPECT_GE(world().rank(), 0);
  EXPECT_LT(world().rank(), world().size());
  EXPECT_GE(world().local_rank(), 0);
  EXPECT_FALSE(device_of(world()).empty());
}

TEST(MpiWorld, CarriesBytesOfEverySize) {
  const int rank = world().rank(), size = world().size();
  for (const std::size_t unit : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{300000}}) {
    const auto bytes = [&](int r) { return unit * static_cast<std::size_t>(r); };  // rank r receives so many from each
    std::vector<std::vector<std::byte>> out, in, blocks;
    for (int r = 0; r < size; ++r) {
      out.emplace_back(bytes(r));
      in.emplace_back(bytes(rank));
      blocks.emplace_back(bytes(r));
      for (std::size_t i = 0; i < out.back().size(); ++i) out.back()[i] = content(rank, r, i);
      if (r == rank)
        for (std::size_t i = 0; i < blocks.back().size(); ++i) blocks.back()[i] = content(rank, 0, i);
    }
    const std::vector<std::span<const std::byte>> send(out.begin(), out.end());
    const std::vector<std::span<std::byte>> receive(in.begin(), in.end()), all(blocks.begin(), blocks.end());
    world().all_to_all(send, receive);
    world().all_gather(all);
    for (int r = 0; r < size; ++r) {
      for (std::size_t i = 0; r != rank && i < in[static_cast<std::size_t>(r)].size(); ++i)
        ASSERT_EQ(in[static_cast<std::size_t>(r)][i], content(r, rank, i)) << r << " " << i;
      for (std::size_t i = 0; i < blocks[static_cast<std::size_t>(r)].size(); ++i)
        ASSERT_EQ(blocks[static_cast<std::size_t>(r)][i], content(r, 0, i)) << r << " " << i;
    }
  }
  std::vector<std::uint32_t> words(5, static_cast<std::uint32_t>(rank));
  world().broadcast(std::as_writable_bytes(std::span(words)), size - 1);
  EXPECT_EQ(words, std::vector<std::uint32_t>(5, static_cast<std::uint32_t>(size - 1)));
  std::vector<double> sums{1.0, static_cast<double>(rank)};
  world().sum(sums);
  EXPECT_EQ(sums, (std::vector<double>{static_cast<double>(size), size * (size - 1) / 2.0}));
}

TEST(MpiWorld, TrainsAsOneDeviceThatAccumulates) {
  for (const bool ragged : {false, true}) {
    test::Way way;
    way.ragged = ragged;
    if (ragged) way.minimize.weight = test::some_weight();
    way.compile.exchange.bucket_bytes = ragged ? 1 : 1 << 20;
    test::RankModel model(2, way.minimize);
    const auto trained = test::train_rank(model, mpi_world(), way);
    EXPECT_EQ(trained.weights, test::accumulate(world().size(), 2, way));
    EXPECT_NE(trained.losses.front(), trained.losses.back());
  }
}

}  // namespace
}  // namespace volute
