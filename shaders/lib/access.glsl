// Loads and stores of texels (vec4) and single elements. VOLUTE_TEXEL reads through texel images, which
// software Vulkan inlines; otherwise through storage buffers. Results go to storage buffers, or to images
// (WRITE_IMAGE, STORE_IMAGE) where a tensor is longer than a storage buffer may be. ACCESS is a qualifier for the
// declarations that follow: coherent where a kernel reads what other invocations of it have written.
#define ACCESS
#ifdef VOLUTE_TEXEL
#define READ_F32(slot, name) layout(set = 0, binding = slot, rgba32f) ACCESS uniform readonly imageBuffer name
#define READ_U32(slot, name) layout(set = 0, binding = slot, rgba32ui) ACCESS uniform readonly uimageBuffer name
#define LOAD(name, texel) imageLoad(name, int(texel))
#else
#define READ_F32(slot, name) layout(set = 0, binding = slot, std430) ACCESS readonly buffer name##_block { vec4 data[]; } name
#define READ_U32(slot, name) layout(set = 0, binding = slot, std430) ACCESS readonly buffer name##_block { uvec4 data[]; } name
#define LOAD(name, texel) name.data[texel]
#endif
#define WRITE(slot, type, name) layout(set = 0, binding = slot, std430) ACCESS writeonly buffer name##_block { type data[]; } name
#define STORE(name, index, value) name.data[index] = value
#define WRITE_IMAGE(slot, format, type, name) layout(set = 0, binding = slot, format) ACCESS uniform writeonly type name
#define STORE_IMAGE(name, index, value) imageStore(name, int(index), value)

float pick(vec4 v, uint k) { return k < 2u ? (k == 0u ? v.x : v.y) : (k == 2u ? v.z : v.w); }
uint pick(uvec4 v, uint k) { return k < 2u ? (k == 0u ? v.x : v.y) : (k == 2u ? v.z : v.w); }
#define LOAD1(name, element) pick(LOAD(name, (element) >> 2u), (element) & 3u)

// Number of this invocation over a two-dimensional grid of workgroups of 64.
#define FLAT_ID ((gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x)
