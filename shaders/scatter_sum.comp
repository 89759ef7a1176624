// Second half of scatter_add, block by block: one invocation per texel of the result walks the list of its row.
layout(local_size_x = 64) in;
READ_U32(0, head);
READ_U32(1, next);
READ_F32(2, values);
WRITE(3, vec4, result);
READ_F32(4, before);  // the result of the blocks before this one
layout(push_constant) uniform Push {
  uint head_at, values_at, result_at, rows, row_texels, more;  // head_at in elements; more: not the first block
} pc;

void main() {
  const uint i = FLAT_ID;
  if (i >= pc.rows * pc.row_texels) return;
  const uint row = i / pc.row_texels, c = i % pc.row_texels;
  vec4 sum = vec4(0.0);
  if (pc.more != 0u) sum = LOAD(before, pc.result_at + i);
  uint list = LOAD1(head, pc.head_at + row);
  while (list != 0u) {
    sum += LOAD(values, pc.values_at + (list - 1u) * pc.row_texels + c);
    list = LOAD1(next, list - 1u);
  }
  STORE(result, pc.result_at + i, sum);
}
