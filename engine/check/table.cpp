// Joins the groups of rows.
#include "engine/check/table.hpp"

namespace volute::check {

const std::vector<Row>& operations_table() {
  static const std::vector<Row> all = [] {
    std::vector<Row> rows;
    for (const auto group :
         {pointwise_rows, reduction_rows, shape_rows, product_rows, lookup_rows, scan_rows, composition_rows})
      for (Row& row : group()) rows.push_back(std::move(row));
    return rows;
  }();
  return all;
}

}  // namespace volute::check
