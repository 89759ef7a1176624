// Volute for C and for languages that call C: devices, graphs, recurrent layers, training, files, over the same engine
// as the C++ headers, whose texts say more about each operation. C99; nothing is thrown and nothing of C++ is seen.
//
// Results. A function that can fail returns a volute_status and gives its result through its last parameters, which it
// leaves alone when it fails. volute_last_error() says what was wrong, with the shapes. Wrong arguments are errors, not
// crashes: NULL where something is needed, an empty tensor, an enum value that does not exist.
//
// Handles. volute_device, volute_graph and the others are opaque; each is given back with its volute_X_destroy, in any
// order, since they share what they need: a module that was destroyed goes on training in the programs made of it.
// destroy takes NULL. Text a function returns belongs to the handle it was asked of.
// A volute_tensor is a value, not to be destroyed: one result in a graph. It is valid as long as its graph or some
// targets or program made of the graph.
//
// Options. NULL means defaults. A structure of options starts with its struct_size; a field that is 0 takes its
// default, which stands beside it. So in C: VOLUTE_OPTIONS(volute_recurrent_options, .layers = 2, .dropout = 0.2f),
// and elsewhere: clear the structure, set struct_size to its size, set what differs.
//
// Threads. Objects that share a device, a graph or parameters are used by one thread at a time; last_error is each
// thread's own.
//
// What may change. As long as VOLUTE_ABI_VERSION stays the same there may come new functions, new values of enums, and
// new fields at the end of structures that have a struct_size; nothing else changes. A library refuses options longer
// than it knows unless what it does not know is 0; of results it fills what both know. Structures without struct_size
// stay as they are.
#ifndef VOLUTE_VOLUTE_H
#define VOLUTE_VOLUTE_H

#include <stdint.h>
/// Of this header.
#define VOLUTE_ABI_VERSION 1u

/// What a shared library exports. On Windows, define VOLUTE_STATIC to use the static library; CMake's targets do.
#if defined(_WIN32) && !defined(VOLUTE_STATIC)
#ifdef VOLUTE_BUILDING  ///< of this header
#define VOLUTE_C_API __declspec(dllexport)
#else
#define VOLUTE_C_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define VOLUTE_C_API __attribute__((visibility("default")))
#else
#define VOLUTE_C_API
#endif
#ifndef __cplusplus
/// A pointer to options of that type, the rest of their fields 0.
#define VOLUTE_OPTIONS(type, ...) (&(const type){.struct_size = (uint32_t)sizeof(type), __VA_ARGS__})
/// Two arguments: the rank and the extents.
#define VOLUTE_SHAPE(...) \
  (uint32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}
#endif
#ifdef __cplusplus
extern "C" {
#endif
// Status. ---------------------------------------------------------------------------------------------------------
typedef int32_t volute_status;  ///< one of the values below
enum {
  VOLUTE_OK = 0,
  VOLUTE_ERROR = 1,             ///< none of the others
  VOLUTE_INVALID_ARGUMENT = 2,  ///< a call that cannot be right: NULL, an empty tensor, an unknown enum or option
  VOLUTE_INVALID_GRAPH = 3,     ///< a mistake in how a graph is built or fed; the text names operation and shapes
  VOLUTE_UNSUPPORTED = 4,       ///< the graph is right but this device or this version cannot run it; no device
  VOLUTE_OUT_OF_MEMORY = 5,     ///< of the host or the device
  VOLUTE_DEVICE_LOST = 6,       ///< the device stopped answering; what was made from it is unusable
  VOLUTE_BAD_FILE = 7,          ///< a file is missing, unreadable or not what it should be
  VOLUTE_TIMEOUT = 8,           ///< the device made no progress for too long; the call may be repeated
  VOLUTE_NOT_FINITE = 9         ///< infinity or NaN where there must be none; the text says where
};

/// VOLUTE_ABI_VERSION of the library, to be compared with the header's.
VOLUTE_C_API uint32_t volute_abi_version(void);
/// "0.1.0"
VOLUTE_C_API const char* volute_version(void);
/// "INVALID_GRAPH"; "UNKNOWN" for a number that is no status.
VOLUTE_C_API const char* volute_status_name(volute_status status);
/// What the last failed call of this thread has to say (at most 1023 bytes); "" before the first. Valid until the
/// thread's next failure or volute_scan.
VOLUTE_C_API const char* volute_last_error(void);

// Types. ----------------------------------------------------------------------------------------------------------
typedef struct volute_device volute_device;            ///< a Vulkan device
typedef struct volute_device_list volute_device_list;  ///< what the machine has
typedef struct volute_graph volute_graph;              ///< operations, built once
typedef struct volute_parameter volute_parameter;      ///< a trainable f32 array, shared by programs
typedef struct volute_module volute_module;            ///< a layer with its parameters
typedef struct volute_targets volute_targets;          ///< what a program computes: outputs and updates
typedef struct volute_program volute_program;          ///< a recorded step with its memory
typedef struct volute_metadata volute_metadata;        ///< texts of a file
typedef struct volute_checkpoint volute_checkpoint;    ///< what a training consists of
typedef struct volute_autosave volute_autosave;        ///< a checkpoint saved every so often

/// A result in a graph. Empty if node is NULL.
typedef struct volute_tensor {
  struct volute_node* node;  ///< the engine's
} volute_tensor;

typedef int32_t volute_dtype;  ///< element type of a tensor
enum { VOLUTE_F32 = 0, VOLUTE_U32 = 1 };

typedef int32_t volute_mode;  ///< whether a graph trains or only computes
enum { VOLUTE_TRAINING = 0, VOLUTE_INFERENCE = 1 };

/// How matrix products are taken: f32, or operands rounded to 16 bits with sums in f32.
typedef int32_t volute_precision;
enum { VOLUTE_PRECISION_F32 = 0, VOLUTE_PRECISION_F16 = 1, VOLUTE_PRECISION_BF16 = 2 };
typedef int32_t volute_non_finite;  ///< what a run with infinity or NaN does: see NonFinite in graph.hpp
enum { VOLUTE_NON_FINITE_OFF = 0, VOLUTE_NON_FINITE_WARN = 1, VOLUTE_NON_FINITE_SKIP = 2, VOLUTE_NON_FINITE_STOP = 3 };

// Devices. --------------------------------------------------------------------------------------------------------
/// A device and why it cannot be used, if it cannot.
typedef struct volute_device_info {
  uint32_t struct_size;   ///< set before the call
  int32_t index;          ///< in the loader's order; also a selector
  const char* name;       ///< as the driver names it
  const char* type;       ///< discrete, integrated, virtual, cpu, other
  const char* driver;     ///< name and version
  const char* api;        ///< Vulkan version, "1.3.230"
  const char* rejected;   ///< why it cannot be used; "" if it can
  uint64_t memory_bytes;  ///< of its largest device-local heap
} volute_device_info;

/// Every device of the machine; none without a Vulkan loader or driver, which is no error.
VOLUTE_C_API volute_status volute_device_list_create(volute_device_list** list);
VOLUTE_C_API void volute_device_list_destroy(volute_device_list* list);  ///< NULL is nothing to do
VOLUTE_C_API volute_status volute_device_list_count(const volute_device_list* list, uint32_t* count);  ///< how many
/// The texts are the list's.
VOLUTE_C_API volute_status volute_device_list_get(const volute_device_list* list, uint32_t index,
                                                  volute_device_info* info);

/// The best device, or the one `selector` names: an index or part of a name. NULL or "": what the environment's
/// VOLUTE_DEVICE says. UNSUPPORTED lists every device with the reason it was rejected.
VOLUTE_C_API volute_status volute_device_create(const char* selector, volute_device** device);
VOLUTE_C_API void volute_device_destroy(volute_device* device);  ///< programs made of it keep what they need
/// "" for NULL.
VOLUTE_C_API const char* volute_device_name(const volute_device* device);

// Graphs. ---------------------------------------------------------------------------------------------------------
// Extents go outermost first, all positive; rank 0 is a scalar and needs no dims.
VOLUTE_C_API volute_status volute_graph_create(volute_mode mode, volute_graph** graph);  ///< empty
VOLUTE_C_API void volute_graph_destroy(volute_graph* graph);  ///< programs made of it keep what they need
/// A tensor fed before each run. INVALID_GRAPH if the name is taken.
VOLUTE_C_API volute_status volute_graph_input(volute_graph* graph, const char* name, volute_dtype dtype, uint32_t rank,
                                              const int64_t* dims, volute_tensor* out);
/// A f32 scalar with a default, changed between runs by volute_program_set.
VOLUTE_C_API volute_status volute_graph_scalar(volute_graph* graph, const char* name, float value, volute_tensor* out);
/// Values that persist between runs of one program, `initial` at first.
VOLUTE_C_API volute_status volute_graph_state(volute_graph* graph, const char* name, volute_dtype dtype, uint32_t rank,
                                              const int64_t* dims, float initial, volute_tensor* out);
/// After each run of a program that reads `target` (a state or a parameter's tensor), it holds `value`.
VOLUTE_C_API volute_status volute_graph_carry(volute_graph* graph, volute_tensor target, volute_tensor value);
/// The parameter as a tensor; the same one each time it is asked for.
VOLUTE_C_API volute_status volute_graph_parameter(volute_graph* graph, const volute_parameter* parameter,
                                                  volute_tensor* out);
/// One value everywhere; f32.
VOLUTE_C_API volute_status volute_graph_full(volute_graph* graph, float value, uint32_t rank, const int64_t* dims,
                                             volute_tensor* out);
VOLUTE_C_API volute_status volute_tensor_dtype(volute_tensor tensor, volute_dtype* dtype);  ///< of its elements
/// The rank and, unless dims is NULL, the extents; INVALID_ARGUMENT if there are more than `capacity`.
VOLUTE_C_API volute_status volute_tensor_shape(volute_tensor tensor, uint32_t capacity, int64_t* dims, uint32_t* rank);

// Parameters. -----------------------------------------------------------------------------------------------------
/// values: as many as the extents multiply to, row-major.
VOLUTE_C_API volute_status volute_parameter_create(const char* name, uint32_t rank, const int64_t* dims,
                                                   const float* values, uint64_t count, volute_parameter** parameter);
VOLUTE_C_API void volute_parameter_destroy(volute_parameter* parameter);  ///< programs that use it keep the values
/// "" for NULL.
VOLUTE_C_API const char* volute_parameter_name(const volute_parameter* parameter);
VOLUTE_C_API volute_status volute_parameter_shape(const volute_parameter* parameter, uint32_t capacity, int64_t* dims,
                                                  uint32_t* rank);  ///< as of a tensor
/// All values, row-major; count must be their number. Waits for programs that are running.
VOLUTE_C_API volute_status volute_parameter_read(const volute_parameter* parameter, float* values, uint64_t count);
/// As many, row-major.
VOLUTE_C_API volute_status volute_parameter_write(volute_parameter* parameter, const float* values, uint64_t count);

// Operations. Pointwise ones broadcast as NumPy's. Negative axes count from the end. --------------------------------
VOLUTE_C_API volute_status volute_add(volute_tensor a, volute_tensor b, volute_tensor* out);      ///< a + b
VOLUTE_C_API volute_status volute_sub(volute_tensor a, volute_tensor b, volute_tensor* out);      ///< a - b
VOLUTE_C_API volute_status volute_mul(volute_tensor a, volute_tensor b, volute_tensor* out);      ///< a b
VOLUTE_C_API volute_status volute_div(volute_tensor a, volute_tensor b, volute_tensor* out);      ///< a / b
VOLUTE_C_API volute_status volute_maximum(volute_tensor a, volute_tensor b, volute_tensor* out);  ///< the larger
VOLUTE_C_API volute_status volute_minimum(volute_tensor a, volute_tensor b, volute_tensor* out);  ///< the smaller
/// a * factor + offset
VOLUTE_C_API volute_status volute_affine(volute_tensor a, float factor, float offset, volute_tensor* out);
/// 1 where a < b or a == b, else 0; f32, no gradient.
VOLUTE_C_API volute_status volute_less(volute_tensor a, volute_tensor b, volute_tensor* out);
VOLUTE_C_API volute_status volute_equal(volute_tensor a, volute_tensor b, volute_tensor* out);  ///< 1 or 0, f32
/// a where condition is not 0, else b.
VOLUTE_C_API volute_status volute_where(volute_tensor condition, volute_tensor a, volute_tensor b, volute_tensor* out);

VOLUTE_C_API volute_status volute_neg(volute_tensor a, volute_tensor* out);      ///< -a
VOLUTE_C_API volute_status volute_exp(volute_tensor a, volute_tensor* out);      ///< e^a
VOLUTE_C_API volute_status volute_expm1(volute_tensor a, volute_tensor* out);    ///< e^a - 1
VOLUTE_C_API volute_status volute_log(volute_tensor a, volute_tensor* out);      ///< logarithm
VOLUTE_C_API volute_status volute_sqrt(volute_tensor a, volute_tensor* out);     ///< square root
VOLUTE_C_API volute_status volute_abs(volute_tensor a, volute_tensor* out);      ///< absolute value
VOLUTE_C_API volute_status volute_tanh(volute_tensor a, volute_tensor* out);     ///< tanh
VOLUTE_C_API volute_status volute_sigmoid(volute_tensor a, volute_tensor* out);  ///< 1 / (1 + e^-a)
VOLUTE_C_API volute_status volute_relu(volute_tensor a, volute_tensor* out);     ///< max(a, 0)
VOLUTE_C_API volute_status volute_to_f32(volute_tensor a, volute_tensor* out);   ///< u32 to f32
/// Towards zero; the values must be in [0, 2^32).
VOLUTE_C_API volute_status volute_to_u32(volute_tensor a, volute_tensor* out);
/// The value of a; its gradient is 0.
VOLUTE_C_API volute_status volute_stop_gradient(volute_tensor a, volute_tensor* out);
/// Zeroes elements with probability p in [0, 1) and scales the rest by 1/(1-p); the identity in VOLUTE_INFERENCE.
VOLUTE_C_API volute_status volute_dropout(volute_tensor a, float p, volute_tensor* out);

/// Over the given axes, all of them if there are none. keepdims: not 0 leaves extents of 1.
VOLUTE_C_API volute_status volute_sum(volute_tensor a, uint32_t count, const int32_t* axes, int32_t keepdims,
                                      volute_tensor* out);
VOLUTE_C_API volute_status volute_mean(volute_tensor a, uint32_t count, const int32_t* axes, int32_t keepdims,
                                       volute_tensor* out);  ///< mean
VOLUTE_C_API volute_status volute_max(volute_tensor a, uint32_t count, const int32_t* axes, int32_t keepdims,
                                      volute_tensor* out);  ///< largest; equals share the gradient
VOLUTE_C_API volute_status volute_softmax(volute_tensor a, int32_t axis, volute_tensor* out);  ///< over one axis
VOLUTE_C_API volute_status volute_log_softmax(volute_tensor a, int32_t axis, volute_tensor* out);  ///< its logarithm
/// Index of the largest element of the last axis: [..., V] -> [...] u32.
VOLUTE_C_API volute_status volute_argmax(volute_tensor a, volute_tensor* out);
/// Same elements in row-major order; one extent may be -1.
VOLUTE_C_API volute_status volute_reshape(volute_tensor a, uint32_t rank, const int64_t* dims, volute_tensor* out);
/// Axes in the given order; without one, the last two are swapped.
VOLUTE_C_API volute_status volute_transpose(volute_tensor a, uint32_t count, const int32_t* order, volute_tensor* out);
/// Elements begin..end-1 of one axis. Negative bounds count from the end.
VOLUTE_C_API volute_status volute_slice(volute_tensor a, int32_t axis, int64_t begin, int64_t end, volute_tensor* out);
/// Side by side along one axis.
VOLUTE_C_API volute_status volute_concat(const volute_tensor* parts, uint32_t count, int32_t axis, volute_tensor* out);
/// NumPy's rules.
VOLUTE_C_API volute_status volute_broadcast_to(volute_tensor a, uint32_t rank, const int64_t* dims, volute_tensor* out);

/// a [..., M, K] (K, M if transpose_a) times b [..., K, N] (N, K if transpose_b) -> [..., M, N].
VOLUTE_C_API volute_status volute_matmul(volute_tensor a, volute_tensor b, int32_t transpose_a, int32_t transpose_b,
                                         volute_tensor* out);
/// Rows of table [V, E] for indices [...] u32 -> [..., E]. Indices beyond V-1 read row V-1.
VOLUTE_C_API volute_status volute_embedding(volute_tensor table, volute_tensor indices, volute_tensor* out);
/// d loss / d wrt[i] into out[i]. loss is a f32 scalar; what it does not depend on gets zeros.
VOLUTE_C_API volute_status volute_gradients(volute_tensor loss, const volute_tensor* wrt, uint32_t count,
                                            volute_tensor* out);

// Losses. ---------------------------------------------------------------------------------------------------------
typedef int32_t volute_reduction;  ///< of a loss: over what counts
enum { VOLUTE_REDUCE_MEAN = 0, VOLUTE_REDUCE_SUM = 1, VOLUTE_REDUCE_NONE = 2 };
/// How classes are weighed.
typedef struct volute_class_options {
  uint32_t struct_size;         ///< sizeof
  volute_reduction reduction;   ///< MEAN
  int32_t has_ignore_index;     ///< 0: targets 0xFFFFFF9C (PyTorch's -100) count for nothing; else ignore_index do
  uint32_t ignore_index;        ///< if has_ignore_index
  volute_tensor class_weights;  ///< [V]; empty: all 1
  float label_smoothing;        ///< e: the target distribution is (1 - e) onehot + e / V
  uint32_t reserved;            ///< 0
} volute_class_options;
/// How binary targets are weighed.
typedef struct volute_binary_options {
  uint32_t struct_size;        ///< sizeof
  volute_reduction reduction;  ///< MEAN
  volute_tensor weight;        ///< broadcast to the logits; empty: 1
  volute_tensor pos_weight;    ///< of the positive term, broadcast to the logits; empty: 1
} volute_binary_options;

/// -log softmax(logits)[target] in nats. logits [..., V], targets [...] u32.
VOLUTE_C_API volute_status volute_cross_entropy(volute_tensor logits, volute_tensor targets,
                                                const volute_class_options* options, volute_tensor* out);
/// The same from log-probabilities [..., V].
VOLUTE_C_API volute_status volute_nll_loss(volute_tensor log_probabilities, volute_tensor targets,
                                           const volute_class_options* options, volute_tensor* out);
VOLUTE_C_API volute_status volute_mse_loss(volute_tensor prediction, volute_tensor target, volute_reduction reduction,
                                           volute_tensor* out);  ///< (prediction - target)^2
VOLUTE_C_API volute_status volute_l1_loss(volute_tensor prediction, volute_tensor target, volute_reduction reduction,
                                          volute_tensor* out);  ///< |prediction - target|
/// d^2 / 2 where |d| < delta, else delta (|d| - delta / 2).
VOLUTE_C_API volute_status volute_huber_loss(volute_tensor prediction, volute_tensor target, float delta,
                                             volute_reduction reduction, volute_tensor* out);
/// Binary cross-entropy of sigmoid(logits), finite for every finite logit. Targets f32 in [0, 1].
VOLUTE_C_API volute_status volute_bce_with_logits(volute_tensor logits, volute_tensor targets,
                                                  const volute_binary_options* options, volute_tensor* out);

// Loops over time. ------------------------------------------------------------------------------------------------
/// How a scan walks.
typedef struct volute_scan_options {
  uint32_t struct_size;  ///< sizeof
  int32_t reverse;       ///< not 0: from T-1 down to 0; outputs keep the index of their step
  int64_t length;        ///< T, needed only without xs
} volute_scan_options;

/// One step: writes the next states, of the shapes of `states`, and the outputs. Called once, to build the graph.
/// Another result than VOLUTE_OK ends volute_scan, which returns it.
typedef volute_status (*volute_scan_body)(void* user, const volute_tensor* xs, const volute_tensor* states,
                                          volute_tensor* next_states, volute_tensor* outputs);

/// Unrolls `body` over the leading axis T of every sequence in xs, from the initial states. outputs[i] is [T, ...],
/// in the order of time, last[i] the state after the last step; last may be NULL. Tensors from outside may be used in
/// the body, tensors of the body nowhere else. INVALID_GRAPH if a state changes its shape or type.
VOLUTE_C_API volute_status volute_scan(const volute_tensor* xs, uint32_t x_count, const volute_tensor* initial,
                                       uint32_t state_count, uint32_t output_count, volute_scan_body body, void* user,
                                       const volute_scan_options* options, volute_tensor* outputs, volute_tensor* last);

// Layers. Parameters have PyTorch's names, shapes and initial distributions. ----------------------------------------
typedef int32_t volute_cell;  ///< a built-in cell
enum {
  VOLUTE_LSTM = 0,
  VOLUTE_GRU = 1,
  VOLUTE_RNN = 2,
  VOLUTE_INDRNN = 3,
  VOLUTE_MINGRU = 4,
  VOLUTE_MINLSTM = 5
};

/// STANDARD: what the cell uses by itself.
typedef int32_t volute_activation;
enum {
  VOLUTE_ACTIVATION_STANDARD = 0,
  VOLUTE_ACTIVATION_IDENTITY = 1,
  VOLUTE_ACTIVATION_TANH = 2,
  VOLUTE_ACTIVATION_SIGMOID = 3,
  VOLUTE_ACTIVATION_RELU = 4,
  VOLUTE_ACTIVATION_LEAKY_RELU = 5,
  VOLUTE_ACTIVATION_ELU = 6,
  VOLUTE_ACTIVATION_SILU = 7,
  VOLUTE_ACTIVATION_SOFTPLUS = 8,
  VOLUTE_ACTIVATION_SOFTSIGN = 9,
  VOLUTE_ACTIVATION_HARD_SIGMOID = 10
};

typedef int32_t volute_merge;  ///< how both directions become one output
enum { VOLUTE_MERGE_CONCAT = 0, VOLUTE_MERGE_SUM = 1, VOLUTE_MERGE_MUL = 2, VOLUTE_MERGE_AVERAGE = 3 };

typedef int32_t volute_bias;  ///< how many biases
enum { VOLUTE_BIAS_BOTH = 0, VOLUTE_BIAS_SINGLE = 1, VOLUTE_BIAS_NONE = 2 };
/// What an embedding can be told.
typedef struct volute_embedding_options {
  uint32_t struct_size;  ///< sizeof
  int32_t frozen;        ///< not 0: not trained
  int32_t has_padding;   ///< not 0: row `padding` starts at zero and gets no gradient from lookups
  uint32_t padding;      ///< if has_padding
} volute_embedding_options;
/// What a linear layer can be told.
typedef struct volute_linear_options {
  uint32_t struct_size;  ///< sizeof
  int32_t no_bias;       ///< 0: with a bias
} volute_linear_options;

/// See nn::RecurrentOptions. Options a cell has no maths for are INVALID_GRAPH. 0 is off, unless said otherwise.
typedef struct volute_recurrent_options {
  uint32_t struct_size;                 ///< sizeof
  int32_t layers;                       ///< 0: 1
  float dropout;                        ///< between layers, in [0, 1)
  int32_t variational;                  ///< one mask of dropout for all steps
  int32_t bidirectional;                ///< 0
  volute_merge merge;                   ///< of the two directions
  int32_t reverse;                      ///< 0
  int32_t batch_first;                  ///< x [N, T, I], mask [N, T], outputs [N, T, H]; states stay [L, N, H]
  int32_t repeat_masked;                ///< a masked step gives the last output again, not 0
  int32_t learned_states;               ///< initial states are parameters
  volute_bias bias;                     ///< BOTH: bias_ih and bias_hh
  int32_t peepholes;                    ///< LSTM
  int32_t coupled;                      ///< LSTM: f = 1 - i
  int32_t reset_before;                 ///< GRU: U (r h) + b (Cho et al. 2014); 0: r (U h + b) (PyTorch, cuDNN)
  int64_t projection;                   ///< LSTM, RNN: size of h', below hidden
  volute_activation activation;         ///< of the candidate
  volute_activation gate_activation;    ///< sigmoid
  volute_activation output_activation;  ///< LSTM
  int32_t layer_norm;                   ///< 0
  float clip_cell;                      ///< c' into [-clip_cell, clip_cell]; 0: not
  float clip_state;                     ///< h' likewise
  float zoneout;                        ///< in training: an element of h' keeps its old value
  float zoneout_cell;                   ///< the same for c'
  float drop_connect;                   ///< of weight_hh, one mask a run
  float recurrent_dropout;              ///< of h where the recurrent product reads it
  int32_t recurrent_variational;        ///< one mask of recurrent_dropout for all steps
  int32_t has_forget_bias;              ///< LSTM, MINLSTM: bias_ih of f starts at forget_bias
  float forget_bias;                    ///< if has_forget_bias
  uint32_t reserved;                    ///< 0
} volute_recurrent_options;

/// What a run of a recurrent module may be given besides x. D is 2 if bidirectional, else 1.
typedef struct volute_recurrent_inputs {
  uint32_t struct_size;          ///< sizeof
  int32_t carried;               ///< not 0: from where the last run stopped (states "gru.h", ...), gradient cut there
  const volute_tensor* initial;  ///< one a state (h; h and c of LSTM), each [layers D, N, size]
  uint32_t initial_count;        ///< 0: zeros
  uint32_t reserved;             ///< 0
  volute_tensor lengths;         ///< [N] u32: steps from lengths[n] on are masked
  volute_tensor mask;            ///< [T, N] u32 or f32: steps where it is 0 are masked
} volute_recurrent_inputs;

/// What such a run gives. Unused parts cost nothing.
typedef struct volute_recurrent_result {
  uint32_t struct_size;       ///< set before the call
  uint32_t last_count;        ///< of states
  volute_tensor outputs;      ///< of the last layer, [T, N, D H] ([T, N, H] unless merged by concat)
  volute_tensor last_output;  ///< the last valid one of each sequence and direction, [N, D H]
  volute_tensor last[2];      ///< last valid states, each [layers D, N, size]
} volute_recurrent_result;

/// Seeds the initial values of layers made from here on in this process.
VOLUTE_C_API void volute_manual_seed(uint64_t seed);
/// indices [...] u32 -> [..., size]
VOLUTE_C_API volute_status volute_embedding_create(int64_t vocabulary, int64_t size,
                                                   const volute_embedding_options* options, volute_module** module);
/// [..., inputs] -> [..., outputs]
VOLUTE_C_API volute_status volute_linear_create(int64_t inputs, int64_t outputs, const volute_linear_options* options,
                                                volute_module** module);
/// [..., size] -> [..., vocabulary] on the weight of an embedding module, which both then train.
VOLUTE_C_API volute_status volute_linear_create_tied(const volute_module* embedding,
                                                     const volute_linear_options* options, volute_module** module);
/// Over the last axis, of this size, with weight and bias; eps 1e-5.
VOLUTE_C_API volute_status volute_layer_norm_create(int64_t size, volute_module** module);
/// p in [0, 1). over_time: not 0 takes one mask for every step of x [T, ...].
VOLUTE_C_API volute_status volute_dropout_create(float p, int32_t over_time, volute_module** module);
/// x [T, N, inputs] -> [T, N, D hidden]
VOLUTE_C_API volute_status volute_recurrent_create(volute_cell cell, int64_t inputs, int64_t hidden,
                                                   const volute_recurrent_options* options, volute_module** module);
/// Parameters under one name, to be saved and loaded; it cannot be applied.
VOLUTE_C_API volute_status volute_module_create(const volute_parameter* const* parameters, uint32_t count,
                                                volute_module** module);
VOLUTE_C_API void volute_module_destroy(volute_module* module);  ///< programs made of it keep its parameters
/// The layer's result in the graph of x; of a recurrent one the outputs from zero states.
VOLUTE_C_API volute_status volute_module_apply(const volute_module* module, volute_tensor x, volute_tensor* out);
/// A recurrent module with states, lengths or masks, and all it gives. inputs may be NULL.
VOLUTE_C_API volute_status volute_recurrent_run(const volute_module* module, volute_tensor x,
                                                const volute_recurrent_inputs* inputs,
                                                volute_recurrent_result* result);
VOLUTE_C_API volute_status volute_module_parameter_count(const volute_module* module, uint32_t* count);  ///< how many
/// A handle of its own to the same values; to be destroyed.
VOLUTE_C_API volute_status volute_module_parameter(const volute_module* module, uint32_t index,
                                                   volute_parameter** parameter);

// Training. -------------------------------------------------------------------------------------------------------
typedef int32_t volute_optimizer_kind;  ///< which optimiser
enum { VOLUTE_ADAM = 0, VOLUTE_ADAMW = 1, VOLUTE_SGD = 2, VOLUTE_RMSPROP = 3, VOLUTE_ADAGRAD = 4 };

/// In fields whose default is not 0: zero itself.
#define VOLUTE_ZERO (-1.0f)

/// Formulas are PyTorch's. A field the optimiser does not have must be 0.
typedef struct volute_optimizer {
  uint32_t struct_size;        ///< sizeof
  volute_optimizer_kind kind;  ///< SGD
  float lr;                    ///< 0: 1e-3 (ADAM, ADAMW), 1e-2 (the others)
  float weight_decay;          ///< 0: 1e-2 (ADAMW), none (the others)
  float beta1;                 ///< ADAM, ADAMW; 0: 0.9
  float beta2;                 ///< ADAM, ADAMW; 0: 0.999
  float eps;                   ///< all but SGD; 0: 1e-8, 1e-10 (ADAGRAD)
  float momentum;              ///< SGD, RMSPROP
  float dampening;             ///< SGD
  int32_t nesterov;            ///< SGD
  float alpha;                 ///< RMSPROP; 0: 0.99
  int32_t centered;            ///< RMSPROP
  float lr_decay;              ///< ADAGRAD
  float initial_accumulator;   ///< ADAGRAD
} volute_optimizer;
/// How gradients are treated.
typedef struct volute_minimize_options {
  uint32_t struct_size;          ///< sizeof
  int32_t accumulate;            ///< runs per update; 0: 1
  float clip_norm;               ///< bound on the gradients' global norm; 0: none
  float clip_value;              ///< bound on every element; 0: none
  const char* name;              ///< begins the names of scalars and states; needed by a second minimize of a graph
  volute_precision precision;    ///< F16 brings a dynamic loss scale
  volute_non_finite non_finite;  ///< OFF
} volute_minimize_options;

/// A program that only computes these tensors.
VOLUTE_C_API volute_status volute_targets_create(const volute_tensor* outputs, uint32_t count,
                                                 volute_targets** targets);
/// A program that trains every parameter the loss (f32 scalar) depends on; optimizer NULL: Adam. It has the scalars
/// "lr" and, if asked for, "clip_norm" and "clip_value". The loss can be read.
VOLUTE_C_API volute_status volute_minimize(volute_tensor loss, const volute_optimizer* optimizer,
                                           const volute_minimize_options* options, volute_targets** targets);
/// One more tensor to read after a run.
VOLUTE_C_API volute_status volute_targets_add_output(volute_targets* targets, volute_tensor output);
/// Also what `other` computes and updates.
VOLUTE_C_API volute_status volute_targets_merge(volute_targets* targets, const volute_targets* other);
/// For targets made by volute_targets_create; minimize has it among its options.
VOLUTE_C_API volute_status volute_targets_set_precision(volute_targets* targets, volute_precision precision);
VOLUTE_C_API void volute_targets_destroy(volute_targets* targets);  ///< programs made of them stay

// Programs. -------------------------------------------------------------------------------------------------------
/// What a program may take.
typedef struct volute_compile_limits {
  uint32_t struct_size;       ///< sizeof
  uint32_t reserved;          ///< 0
  uint64_t memory_bytes;      ///< of the program's memory; long scans recompute to keep it. 0: no bound
  double submission_seconds;  ///< of device time, by measurement; 0: 0.1
} volute_compile_limits;

/// Values for one input, row-major: exactly one of f32 and u32, as the input's type says.
typedef struct volute_feed {
  volute_tensor input;  ///< of volute_graph_input
  const float* f32;     ///< this or u32
  const uint32_t* u32;  ///< this or f32
  uint64_t count;       ///< elements; must be the input's
} volute_feed;

/// How far a step has come.
typedef struct volute_progress {
  uint32_t struct_size;  ///< set before the call
  int32_t finished;      ///< not 0: the step ends with the work submitted so far
  double fraction;       ///< of the step's cost that has been submitted, 0 to 1
  double seconds;        ///< device time of what this call submitted, by the times measured so far
  int32_t submissions;   ///< made by this call
  uint32_t reserved;     ///< 0
} volute_progress;

/// Records the targets for the device. UNSUPPORTED if the device or the limits cannot hold them, OUT_OF_MEMORY.
VOLUTE_C_API volute_status volute_compile(volute_device* device, const volute_targets* targets,
                                          const volute_compile_limits* limits, volute_program** program);
/// Waits for its last run.
VOLUTE_C_API void volute_program_destroy(volute_program* program);
/// Feeds and starts one run; returns before the device has finished. An input not fed keeps its last values.
/// INVALID_GRAPH on a wrong or missing feed; nothing is run then.
VOLUTE_C_API volute_status volute_program_run(volute_program* program, const volute_feed* feeds, uint32_t count);
/// Feeds a step without starting it; volute_program_advance then runs it in parts. INVALID_GRAPH during a step.
VOLUTE_C_API volute_status volute_program_begin(volute_program* program, const volute_feed* feeds, uint32_t count);
/// Submits as much of the step as fits into `seconds` of device time, without waiting; the next call goes on there.
/// Results are the same bits however a step is cut. progress may be NULL.
VOLUTE_C_API volute_status volute_program_advance(volute_program* program, double seconds, volute_progress* progress);
/// Submits the rest of a step in progress; nothing otherwise.
VOLUTE_C_API volute_status volute_program_finish(volute_program* program);
/// Blocks until the last run has finished.
VOLUTE_C_API volute_status volute_program_wait(volute_program* program);
/// All values of an output after the last run, row-major; count must be their number. They wait for the run.
VOLUTE_C_API volute_status volute_program_read_f32(volute_program* program, volute_tensor output, float* values,
                                                   uint64_t count);
VOLUTE_C_API volute_status volute_program_read_u32(volute_program* program, volute_tensor output, uint32_t* values,
                                                   uint64_t count);  ///< of a u32 output
/// The one value of a f32 scalar.
VOLUTE_C_API volute_status volute_program_value(volute_program* program, volute_tensor output, float* value);
/// Sets a scalar ("lr") from the next run on.
VOLUTE_C_API volute_status volute_program_set(volute_program* program, const char* scalar, float value);
/// Seed of the random numbers from the next run on.
VOLUTE_C_API volute_status volute_program_seed(volute_program* program, uint32_t seed);
/// States back to their initial values: all, or those whose names start with `prefix` (NULL: all).
VOLUTE_C_API volute_status volute_program_reset(volute_program* program, const char* prefix);
/// A f32 state by name; count must be the number of its values.
VOLUTE_C_API volute_status volute_program_read_state(volute_program* program, const char* name, float* values,
                                                     uint64_t count);
VOLUTE_C_API volute_status volute_program_write_state(volute_program* program, const char* name, const float* values,
                                                      uint64_t count);  ///< row-major
/// Steps submitted whole since compile, reset or those of what was loaded.
VOLUTE_C_API volute_status volute_program_steps(volute_program* program, int64_t* steps);
/// Keeps on the host, every so many steps, all that is needed to go on should the device be lost; 0: no longer.
VOLUTE_C_API volute_status volute_program_keep(volute_program* program, int64_t every_steps);
/// Puts what `lost` has kept into a program of the same graph, on another device. INVALID_GRAPH if there is nothing.
VOLUTE_C_API volute_status volute_program_restore_kept(volute_program* program, const volute_program* lost);
/// The compiled plan in words; the text is the program's.
VOLUTE_C_API volute_status volute_program_explain(volute_program* program, const char** text);

// Files (safetensors). --------------------------------------------------------------------------------------------
/// A module under its name in the file; parameters are "prefix.parameter".
typedef struct volute_entry {
  const char* prefix;           ///< before the dot
  const volute_module* module;  ///< lives during the call
} volute_entry;
/// A text of a file.
typedef struct volute_metadata_entry {
  const char* key;    ///< "volute." begins Volute's own
  const char* value;  ///< UTF-8
} volute_metadata_entry;

/// Writes atomically, by a temporary file beside `path`. NOT_FINITE if a parameter holds infinity or NaN.
VOLUTE_C_API volute_status volute_save(const char* path, const volute_entry* entries, uint32_t count,
                                       const volute_metadata_entry* metadata, uint32_t metadata_count);
/// BAD_FILE changes nothing: no safetensors file, damaged, a tensor missing, of another shape or not finite.
VOLUTE_C_API volute_status volute_load(const char* path, const volute_entry* entries, uint32_t count);
/// The texts of a file, in the order of their keys.
VOLUTE_C_API volute_status volute_metadata_read(const char* path, volute_metadata** metadata);
VOLUTE_C_API volute_status volute_metadata_count(const volute_metadata* metadata, uint32_t* count);  ///< how many texts
VOLUTE_C_API volute_status volute_metadata_get(const volute_metadata* metadata, uint32_t index,
                                               volute_metadata_entry* entry);  ///< in the order of keys
VOLUTE_C_API void volute_metadata_destroy(volute_metadata* metadata);          ///< NULL is nothing to do

// Checkpoints: all a training consists of, under names, in one file. A run that loads goes on with the bits of one that
// never stopped. The file is safetensors too: volute_load reads the modules alone from it. ---------------------------
VOLUTE_C_API volute_status volute_checkpoint_create(volute_checkpoint** checkpoint);  ///< empty
VOLUTE_C_API void volute_checkpoint_destroy(volute_checkpoint* checkpoint);           ///< NULL is nothing to do
/// What is added is shared. INVALID_GRAPH if the name is empty, taken or begins with "volute.".
VOLUTE_C_API volute_status volute_checkpoint_add_module(volute_checkpoint* checkpoint, const char* name,
                                                        const volute_module* module);
/// States, scalars, seed, steps, and those of its parameters that no module added has.
VOLUTE_C_API volute_status volute_checkpoint_add_program(volute_checkpoint* checkpoint, const char* name,
                                                         volute_program* program);
/// A number of the caller's, which must outlive the checkpoint and autosaves of it.
VOLUTE_C_API volute_status volute_checkpoint_add_int64(volute_checkpoint* checkpoint, const char* name, int64_t* value);
/// Replaces `path` atomically; what was there is "run.previous.safetensors" then. Errors leave both, but "is written".
VOLUTE_C_API volute_status volute_checkpoint_save(const volute_checkpoint* checkpoint, const char* path,
                                                  const volute_metadata_entry* metadata, uint32_t metadata_count);
/// From `path`, or the previous file if that is missing or broken. BAD_FILE (neither can be read, or what was added
/// differs) changes nothing; other errors of the device may leave a part loaded: load again. metadata may be NULL.
VOLUTE_C_API volute_status volute_checkpoint_load(const volute_checkpoint* checkpoint, const char* path,
                                                  volute_metadata** metadata);
/// Saves every so many steps or seconds (0: not by those). A save that fails is a warning on stderr.
VOLUTE_C_API volute_status volute_autosave_create(const char* path, const volute_checkpoint* checkpoint, int64_t steps,
                                                  double seconds, volute_autosave** autosave);
VOLUTE_C_API void volute_autosave_destroy(volute_autosave* autosave);  ///< NULL is nothing to do; nothing is saved
/// To be called after each step. saved (may be NULL): 1 if it saved.
VOLUTE_C_API volute_status volute_autosave_step(volute_autosave* autosave, int32_t* saved);

#ifdef __cplusplus
}
#endif
#endif
