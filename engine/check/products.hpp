// Matrix products by one variant at a time: operands as stored and transposed, both ways of reading and writing,
// extents around the variant's tile; gates with an epilogue; sums in parts. Invariant: see matmul_case.hpp; what
// surrounds the operands is NaN, and C lies between guard words.
#pragma once

#include "engine/check/matmul_case.hpp"

namespace volute::check {

/// What the device lacks to run the variant; empty if nothing.
std::string lacks(const Device& device, const MatmulVariant& variant);

/// One product of the variant's against sums in float64.
void multiply(const Device& device, const MatmulVariant& variant, const Extents& e, bool a_t, bool b_t,
              const Access& access, DType dtype, Findings& findings);
/// Odd extents, and one less, one more and exactly what a workgroup of the variant computes.
std::vector<Extents> extents_for(const MatmulVariant& variant);
/// Every extent and transposition in the variant's own way of reading, some in the others.
void check_every_size(const Device& device, const MatmulVariant& variant, Findings& findings);
/// 16-bit operands differ in how a texel is loaded alone: each transposition and each way of reading, one size each.
/// Matrix units take nothing else: there, every size.
void check_sixteen_bits(const Device& device, const MatmulVariant& variant, DType dtype, Findings& findings);
/// All variants but those of matrix units give the same bits.
void check_same_bits(const Device& device, Findings& findings);

/// Products whose epilogue takes 1, 3 or 4 gates of a unit together, by every variant that can.
void check_epilogues(const Device& device, Findings& findings);
/// GLSL of an epilogue that sums the gates, each times its number, to a place given by two words.
std::string weighted_sum(int gates);
/// Sums over K in parts, in order.
void check_split_sums(const Device& device, Findings& findings);
/// Sums longer than the loops of Mesa's CPU drivers: in as many parts as they need.
void check_long_products(const Device& device, Findings& findings);

}  // namespace volute::check
