// A C program on Volute: trains a GRU to repeat each symbol two steps late, saves it, loads the file into a second
// model and compares what both say. What a program in C has to write, and nothing else.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <volute/volute.h>

enum { T = 12, N = 16, SYMBOLS = 8, DELAY = 2, STEPS = 300 };

typedef struct {
  volute_module *embed, *gru, *head;
} model;

static void check(volute_status status) {
  if (status == VOLUTE_OK) return;
  fprintf(stderr, "%s: %s\n", volute_status_name(status), volute_last_error());
  exit(1);
}

static model model_create(void) {
  model m;
  check(volute_embedding_create(SYMBOLS, 16, NULL, &m.embed));
  check(volute_recurrent_create(VOLUTE_GRU, 16, 32, VOLUTE_OPTIONS(volute_recurrent_options, .layers = 2), &m.gru));
  check(volute_linear_create(32, SYMBOLS, NULL, &m.head));
  return m;
}

static void model_destroy(model m) {
  volute_module_destroy(m.embed);
  volute_module_destroy(m.gru);
  volute_module_destroy(m.head);
}

// x [T, N] -> logits [T, N, SYMBOLS]
static volute_tensor model_apply(model m, volute_tensor x) {
  volute_tensor y;
  check(volute_module_apply(m.embed, x, &y));
  check(volute_module_apply(m.gru, y, &y));
  check(volute_module_apply(m.head, y, &y));
  return y;
}

// Random symbols, and the same ones DELAY steps later (0 before the first).
static void make_batch(uint32_t xs[T][N], uint32_t ys[T][N]) {
  for (int t = 0; t < T; ++t)
    for (int n = 0; n < N; ++n) {
      xs[t][n] = (uint32_t)rand() / 7 % SYMBOLS;
      ys[t][n] = t < DELAY ? 0 : xs[t - DELAY][n];
    }
}

static void train(volute_device* device, model m) {
  volute_graph* graph;
  volute_tensor x, y, loss;
  check(volute_graph_create(VOLUTE_TRAINING, &graph));
  check(volute_graph_input(graph, "x", VOLUTE_U32, VOLUTE_SHAPE(T, N), &x));
  check(volute_graph_input(graph, "y", VOLUTE_U32, VOLUTE_SHAPE(T, N), &y));
  check(volute_cross_entropy(model_apply(m, x), y, NULL, &loss));

  volute_targets* targets;
  volute_program* program;
  check(volute_minimize(loss, VOLUTE_OPTIONS(volute_optimizer, .kind = VOLUTE_ADAM, .lr = 1e-2f),
                        VOLUTE_OPTIONS(volute_minimize_options, .clip_norm = 1.0f), &targets));
  check(volute_compile(device, targets, NULL, &program));

  uint32_t xs[T][N], ys[T][N];
  const volute_feed feeds[] = {{.input = x, .u32 = &xs[0][0], .count = T * N},
                               {.input = y, .u32 = &ys[0][0], .count = T * N}};
  for (int step = 0; step <= STEPS; ++step) {
    float value;
    make_batch(xs, ys);
    check(volute_program_run(program, feeds, 2));
    if (step % 50) continue;
    check(volute_program_value(program, loss, &value));
    printf("step %d  loss %f\n", step, value);
  }
  volute_program_destroy(program);
  volute_targets_destroy(targets);
  volute_graph_destroy(graph);
}

// Fills logits and returns how many of the symbols that can be known are right.
static int infer(volute_device* device, model m, uint32_t xs[T][N], uint32_t ys[T][N], float logits[T][N][SYMBOLS]) {
  volute_graph* graph;
  volute_targets* targets;
  volute_program* program;
  volute_tensor x, outputs[2];  // logits, and the most likely symbols
  uint32_t best[T][N];
  int right = 0;
  check(volute_graph_create(VOLUTE_INFERENCE, &graph));
  check(volute_graph_input(graph, "x", VOLUTE_U32, VOLUTE_SHAPE(T, N), &x));
  outputs[0] = model_apply(m, x);
  check(volute_argmax(outputs[0], &outputs[1]));
  check(volute_targets_create(outputs, 2, &targets));
  check(volute_compile(device, targets, NULL, &program));

  const volute_feed feed = {.input = x, .u32 = &xs[0][0], .count = T * N};
  check(volute_program_run(program, &feed, 1));
  check(volute_program_read_f32(program, outputs[0], &logits[0][0][0], T * N * SYMBOLS));
  check(volute_program_read_u32(program, outputs[1], &best[0][0], T * N));
  for (int t = DELAY; t < T; ++t)
    for (int n = 0; n < N; ++n) right += best[t][n] == ys[t][n];
  volute_program_destroy(program);
  volute_targets_destroy(targets);
  volute_graph_destroy(graph);
  return right;
}

int main(int argc, char** argv) {
  const char* path = argc > 1 ? argv[1] : "consumer_c.safetensors";
  if (volute_abi_version() != VOLUTE_ABI_VERSION) return fprintf(stderr, "another volute than compiled for\n"), 1;
  volute_device* device;
  check(volute_device_create(NULL, &device));
  printf("volute %s on %s\n", volute_version(), volute_device_name(device));

  model first = model_create(), second = model_create();
  train(device, first);
  const volute_entry saved[] = {{"embed", first.embed}, {"gru", first.gru}, {"head", first.head}};
  const volute_entry loaded[] = {{"embed", second.embed}, {"gru", second.gru}, {"head", second.head}};
  check(volute_save(path, saved, 3, NULL, 0));
  check(volute_load(path, loaded, 3));

  static uint32_t xs[T][N], ys[T][N];
  static float ours[T][N][SYMBOLS], theirs[T][N][SYMBOLS];
  make_batch(xs, ys);
  const int right = infer(device, first, xs, ys, ours);
  infer(device, second, xs, ys, theirs);
  const int same = memcmp(ours, theirs, sizeof ours) == 0;
  printf("%d of %d right, the loaded model says %s\n", right, (T - DELAY) * N, same ? "the same" : "something else");

  model_destroy(first);
  model_destroy(second);
  volute_device_destroy(device);
  return same && right > (T - DELAY) * N * 9 / 10 ? 0 : 1;
}
