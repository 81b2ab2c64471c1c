/* An external delegate for the tests. Its kernel copies the first bytes of the input to the output.
 *
 * Options: take=none leaves every node to the runtime, take=last all but the last; move=each puts the output into another buffer in each run;
 * operators=unknown says that operators which the runtime does not know can be taken, as the Edge TPU's does;
 * fail=TEXT refuses to start, with TEXT and all options in the report; abort=yes brings the process down;
 * hang=FILE lets each run last for as long as FILE is there; lost=FILE refuses each run for as long.
 *
 * A model whose output is named "fault: ends" or "fault: stalls" does so in its 61st run: the process ends by
 * abort(), or the run does not return. All other models run as they should.
 *
 * The structures are the beginnings of those in TFLite's core/c/common.h, which only ever grow at their ends.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
  int type;
  char *data;
  IntArray *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  Delegate *delegate;
  int buffer_handle;
  _Bool data_is_stale, is_variable;
  struct { int type; void *params; } quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;

typedef struct { IntArray *inputs, *outputs, *intermediates, *temporaries; void *user_data; } Node;
typedef struct { Delegate *delegate; IntArray *nodes_to_replace, *input_tensors, *output_tensors; } Params;

typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external;
  void *(*async_kernel)(Context *, Node *);
  uint64_t inplace_operator;
} Registration;

struct Context {
  size_t tensors_size;
  int (*GetExecutionPlan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl_;
  int (*ResizeTensor)(Context *, Tensor *, IntArray *);
  void (*ReportError)(Context *, const char *, ...);
  int (*AddTensors)(Context *, int, int *);
  int (*GetNodeAndRegistration)(Context *, int, Node **, Registration **);
  int (*ReplaceNodeSubsetsWithDelegateKernels)(Context *, Registration, const IntArray *, Delegate *);
};

struct Delegate {
  void *data_;
  int (*Prepare)(Context *, Delegate *);
  int (*CopyFromBufferHandle)(Context *, Delegate *, int, Tensor *);
  int (*CopyToBufferHandle)(Context *, Delegate *, int, Tensor *);
  void (*FreeBufferHandle)(Context *, Delegate *, int *);
  int64_t flags;
  void *opaque_delegate_builder;
};

typedef struct { Delegate base; int take, move; char hang[256], lost[256]; } Mine;
enum { TAKE_NONE, TAKE_LAST, TAKE_ALL };
enum { HARMLESS_RUNS = 60 };
typedef struct { Mine *mine; int input, output, runs; char buffers[2][256]; } Kernel;

static void *init(Context *context, const char *buffer, size_t length) {
  const Params *params = (const Params *)buffer;
  Kernel *kernel = calloc(1, sizeof *kernel);
  (void)length;
  kernel->mine = params->delegate->data_;
  kernel->output = params->output_tensors->data[0];
  /* Weights are inputs, too; they are mapped read-only (1). The last node has a scalar beside the scores. */
  for (int i = 0; i < params->input_tensors->size; i++) {
    int tensor = params->input_tensors->data[i];
    if (context->tensors[tensor].allocation_type == 1) continue;
    if (kernel->mine->take == TAKE_LAST && context->tensors[tensor].bytes < context->tensors[kernel->output].bytes) continue;
    kernel->input = tensor;
  }
  return kernel;
}

static void release(Context *context, void *kernel) { (void)context; free(kernel); }

static int prepare(Context *context, Node *node) { (void)context; (void)node; return 0; }

static void go_wrong(const char *output) {
  if (!strncmp(output, "fault: ends", 11)) abort();
  while (!strncmp(output, "fault: stalls", 13)) pause();
}

static int invoke(Context *context, Node *node) {
  Kernel *kernel = node->user_data;
  Tensor *input = &context->tensors[kernel->input], *output = &context->tensors[kernel->output];
  while (kernel->mine->hang[0] && !access(kernel->mine->hang, F_OK)) sleep(1);
  if (kernel->mine->lost[0] && !access(kernel->mine->lost, F_OK)) return 1;
  if (kernel->runs++ >= HARMLESS_RUNS) go_wrong(output->name);
  if (kernel->mine->move) output->data = kernel->buffers[kernel->runs % 2];
  memcpy(output->data, input->data, output->bytes < 256 ? output->bytes : 256);
  return 0;
}

static int take_nodes(Context *context, Delegate *delegate) {
  Registration registration = {init, release, prepare, invoke, NULL, 0, "TestDelegate", 1, NULL, NULL, 0};
  IntArray *plan, *nodes;
  int take = ((Mine *)delegate->data_)->take;
  if (take == TAKE_NONE) return 0;
  if (context->GetExecutionPlan(context, &plan)) return 1;
  if (take == TAKE_LAST) {
    Node *last;
    Registration *unused;
    if (context->GetNodeAndRegistration(context, plan->data[plan->size - 1], &last, &unused)) return 1;
    if (!last->outputs->size) return 0; /* a graph that only sets variables up */
  }
  nodes = malloc(sizeof(int) * (size_t)(plan->size + 1));
  nodes->size = take == TAKE_LAST ? 1 : plan->size;
  memcpy(nodes->data, plan->data + (plan->size - nodes->size), sizeof(int) * (size_t)nodes->size);
  int status = context->ReplaceNodeSubsetsWithDelegateKernels(context, registration, nodes, delegate);
  free(nodes);
  return status;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  Mine *mine = calloc(1, sizeof *mine);
  char said[512] = "";
  int failing = 0;
  mine->base.data_ = mine;
  mine->base.Prepare = take_nodes;
  mine->take = TAKE_ALL;
  for (size_t i = 0; i < count; i++) {
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s=%s", i ? ", " : "", keys[i], values[i]);
    if (!strcmp(keys[i], "take")) mine->take = strcmp(values[i], "last") ? TAKE_NONE : TAKE_LAST;
    if (!strcmp(keys[i], "move")) mine->move = 1;
    /* kTfLiteDelegateFlagsAllowDynamicTensors: the runtime does not prepare the operators itself before. */
    if (!strcmp(keys[i], "operators") || mine->take == TAKE_LAST) mine->base.flags = 1;
    if (!strcmp(keys[i], "abort")) abort();
    if (!strcmp(keys[i], "fail")) failing = 1;
    if (!strcmp(keys[i], "hang")) snprintf(mine->hang, sizeof mine->hang, "%s", values[i]);
    if (!strcmp(keys[i], "lost")) snprintf(mine->lost, sizeof mine->lost, "%s", values[i]);
  }
  if (!failing) return &mine->base;
  report(said);
  free(mine);
  return NULL;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (delegate) free(delegate->data_);
}
