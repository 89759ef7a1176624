// Parts about kernels: the table of operations in each way of reading memory, every matmul variant, row kernels.
#include "engine/check/case.hpp"
#include "engine/check/parts.hpp"
#include "engine/check/products.hpp"
#include "engine/check/row_functions.hpp"

namespace volute::check {
namespace {

struct Family {
  const char* name;
  std::vector<Row> (*rows)();
};

constexpr Family families[] = {{"pointwise", pointwise_rows}, {"reductions", reduction_rows}, {"shapes", shape_rows},
                               {"products", product_rows},    {"lookups", lookup_rows},       {"scans", scan_rows},
                               {"compositions", composition_rows}};

/// One way in which kernels reach memory.
struct Way {
  const char* name;
  CompileOptions options;
};

Way texel_way() { return {"texel loads", {.matmul = "texel", .texel_loads = true}}; }
Way storage_way() { return {"storage loads", {.matmul = "shared", .texel_loads = false}}; }
Way image_way() { return {"image stores", {.texel_loads = true, .max_storage_range = 1}}; }

void check_shapes(const Scene& scene, const Row& row, std::size_t variant, const Way& way) {
  const Case c(row.build, row.variants[variant], static_cast<std::uint32_t>(1000 * (variant + 1)));
  const auto scope = scene.findings.begin(row.name + " of " + c.shapes());
  c.check_device(scene.device, way.options, row.tolerance, scene.findings);
  if (scene.thorough) c.check_gradients(scene.findings);
}

/// Every row at all of its shapes; or every `stride`th at those in the middle of its list.
void check_rows(const Scene& scene, const std::vector<Row>& rows, const Way& way, std::size_t stride) {
  for (std::size_t i = 0; i < rows.size(); i += scene.thorough ? 1 : stride)
    for (std::size_t v = 0; v < rows[i].variants.size(); ++v)
      if (scene.thorough || v == rows[i].variants.size() / 2) check_shapes(scene, rows[i], v, way);
}

/// Odd extents around the tile, every transposition; thorough: those of the tests.
void check_variant(const Scene& scene, const MatmulVariant& v) {
  const bool matrix_units = v.family == std::string("cooperative");
  const auto& units = scene.device.data()->target.cooperative;
  if (scene.thorough && !matrix_units) check_every_size(scene.device, v, scene.findings);
  const Extents odd{v.rows + 1, v.columns + 1, 7, 2, true}, deep{3, 7, 127};
  const Access access{"own loads", v.family == std::string("texel"), false};
  if (!scene.thorough && !matrix_units)
    for (const bool a_t : {false, true})
      for (const bool b_t : {false, true})
        for (const Extents& e : {odd, deep}) multiply(scene.device, v, e, a_t, b_t, access, DType::f32, scene.findings);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    if (matrix_units && !(dtype == DType::f16 ? units.f16 : units.bf16)) continue;
    if (scene.thorough || matrix_units) check_sixteen_bits(scene.device, v, dtype, scene.findings);
    else multiply(scene.device, v, odd, dtype == DType::f16, true, access, dtype, scene.findings);
  }
}

void check_row_functions(const Scene& scene) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> all = {{7, 1}, {1, 3}, {65, 5}, {6, 33}, {3, 257}, {1, 517}};
  for (const RowFunction& f : row_functions())
    for (const auto& [R, V] : all) {
      if (!scene.thorough && V != 33) continue;
      const Case c(f.build, row_leaves(R, V), 17);
      const auto scope = scene.findings.begin(f.name + (" of " + c.shapes()));
      c.check_device(scene.device, {.texel_loads = true}, 1e-5, scene.findings);
      c.check_device(scene.device, {.texel_loads = false}, 1e-5, scene.findings);
    }
}

void check_bits_of_rows(const Scene& scene) {
  for (const RowFunction& f : row_functions()) {
    const auto scope = scene.findings.begin(f.name);
    check_row_bits(scene.device, f, scene.findings);
  }
}

std::string name_of_variant(const MatmulVariant& v) {
  const bool several = v.tile_texels > 1 && v.family == std::string("texel");
  return "products: " + name_of(v) + (several ? ", " + std::to_string(v.tile_texels) + " texels" : "") +
         (v.shuffle_lanes ? ", shuffles" : "");
}

}  // namespace

std::vector<Part> operation_parts(const Device& device) {
  const bool texel_first = device.data()->target.texel_loads;
  std::vector<Part> parts;
  const Way own = texel_first ? texel_way() : storage_way(), other = texel_first ? storage_way() : texel_way();
  for (const auto& [way, stride] : {std::pair(own, 1u), {other, 2u}})
    for (const Family& family : families)
      parts.push_back({std::string("operations: ") + family.name + ", " + way.name,
                       [=, way = way, stride = stride](const Scene& s) { check_rows(s, family.rows(), way, stride); }});
  // Each at its first shapes, as results too long for a storage buffer are rare.
  parts.push_back({"operations: image stores", [](const Scene& s) {
                     for (std::size_t i = 0; i < operations_table().size(); i += s.thorough ? 1 : 4)
                       check_shapes({s.device, false, s.findings}, operations_table()[i], 0, image_way());
                   }});
  return parts;
}

std::vector<Part> product_parts(const Device& device) {
  std::vector<Part> parts;
  for (const MatmulVariant& v : matmul_variants())
    parts.push_back({name_of_variant(v), [&v](const Scene& s) { check_variant(s, v); }, lacks(device, v)});
  parts.push_back({"products: same bits of all", [](const Scene& s) { check_same_bits(s.device, s.findings); }});
  parts.push_back({"products: gates and epilogues", [](const Scene& s) { check_epilogues(s.device, s.findings); }});
  parts.push_back({"products: sums in parts", [](const Scene& s) {
                     check_split_sums(s.device, s.findings);
                     if (s.thorough) check_long_products(s.device, s.findings);
                   }});
  return parts;
}

std::vector<Part> row_parts() {
  return {{"rows: against the reference", check_row_functions}, {"rows: bits of their parts", check_bits_of_rows}};
}

}  // namespace volute::check
