#include "app/commands.h"

#include <string.h>

static const jup_command_t commands[] = {
    {"run", "answer a prompt with a model spread over the ranks", jup_cmd_run, true,
     "Every rank holds some layers of the model. The prompt flows through them in chunks, then the "
     "answer comes token by token on standard output; figures follow on standard error.\n\n"
     "The answer does not depend on the number of ranks, on how layers and prompt are divided, or "
     "on guesses made ahead; the strategies that change it say so.\n\n"
     "Ctrl-C stops at the next token, keeps what was printed and writes the trace.",
     "mpirun -n 4 jupiter run -m model.gguf -p \"The capital of France is\" -n 64\n"
     "mpirun -n 4 jupiter run -m model.gguf -p \"How do I repot a plant?\" --outline=auto\n"
     "mpirun -n 4 jupiter run -m model.gguf --auto -f prompt.txt --trace run.h5\n"
     "mpirun -n 4 jupiter run -m model.gguf --questions ask.jsonl --results answers.jsonl"},
    {"chat", "hold a conversation, likewise", jup_cmd_chat, true,
     "Reads what you type and answers it, until Ctrl-D or /quit. The conversation keeps its cache: "
     "every turn computes its own tokens only. An answer ends at its end of turn, or where the "
     "context is full.\n\n"
     "A line that ends with a backslash goes on in the next one; between lines of three quotation "
     "marks there may be any. Ctrl-C stops an answer; while none comes, it ends the conversation. "
     "/system TEXT begins anew with another system text, /reset forgets what was said, /save FILE "
     "writes the conversation as JSON, /help says all this.",
     "mpirun -n 4 jupiter chat -m model.gguf"},
    {"serve", "answer questions over HTTP, many at a time", jup_cmd_serve, true,
     "Rank 0 listens for requests in the form of OpenAI's API (/v1/chat/completions, "
     "/v1/completions) and shows a page at /. Requests of many clients flow through the ranks "
     "together; conversations find what they said before in the cache.\n\n"
     "SIGTERM to rank 0 ends it once what it has taken is answered; SIGUSR1 to mpirun does the "
     "same.",
     "mpirun -n 4 jupiter serve -m model.gguf --port 8080\n"
     "curl http://127.0.0.1:8080/v1/chat/completions -d '{\"messages\": [{\"role\": \"user\", "
     "\"content\": \"How do I repot a plant?\"}]}'"},
    {"plan", "decide who holds which layers and how prompts are cut, without running", jup_cmd_plan,
     false,
     "Predicts times from the devices' profiles and searches for the division with the shortest "
     "ones. The plan is a text file that jupiter run --plan follows.",
     "jupiter plan --cluster env-a-100 --shape llama2-7b\n"
     "jupiter plan --cluster cluster.yaml -m model.gguf --strategy hybrid -o plan.yaml"},
    {"profile", "measure the ranks' devices and links, for the planner", jup_cmd_profile, true,
     "Times the model's operations on every rank and messages between the ranks, and writes a "
     "cluster file with a profile of each device beside it.",
     "mpirun -n 4 jupiter profile -m model.gguf -o cluster.yaml"},
    {"info", "describe a model file", jup_cmd_info, false,
     "Prints shape, types and sizes of a model, and whether this program can run it.",
     "jupiter info -m model.gguf"},
    {"journal", "show what a run has kept, and what happened when", jup_cmd_journal, false,
     "The file of run --journal: what its tokens depend on, when runs began, went on and ended, "
     "and "
     "how much is known. A run that was killed goes on from it with run --resume, on whatever "
     "ranks are left.",
     "mpirun -n 4 jupiter run -m model.gguf --questions ask.jsonl --results answers.jsonl "
     "--journal ask.journal\n"
     "jupiter journal ask.journal\n"
     "mpirun -n 3 jupiter run -m model.gguf --questions ask.jsonl --results answers.jsonl "
     "--resume ask.journal"},
    {"split", "cut a model into one file per rank", jup_cmd_split, false,
     "For boards that shall not hold the whole file. A run names the slices by the same pattern.",
     "jupiter split -m model.gguf -n 4 -o model-{rank}.gguf\n"
     "mpirun -n 4 jupiter run -m model-{rank}.gguf -p Hello"},
    {"strategies", "list the ways in which ranks can share the work", jup_cmd_strategies, false,
     "A line for each: its name, whether its answers are those of one rank, and what it does.",
     "jupiter strategies"},
    {"tokenize", "turn text into token ids", jup_cmd_tokenize, false,
     "Prints the ids of a text on one line, or, as a question, what the model is asked. A "
     "vocabulary without weights is enough.",
     "jupiter tokenize -m model.gguf -p \"Hello world\" --pieces\n"
     "jupiter tokenize -m model.gguf -p Hello --prompts auto --show"},
    {"trace", "look into the trace of a run", jup_cmd_trace, false,
     "The view summary prints the figures of a run and its timeline in text; chrome writes "
     "events for Perfetto. The file itself is HDF5, for any analysis tool.",
     "jupiter trace summary run.h5\n"
     "jupiter trace chrome run.h5 -o run.json"},
    {"bench", "time prefill and decoding over sizes, strategies, chunks and threads", jup_cmd_bench,
     true,
     "Times every combination some times, after warming up, and reports the median with the lowest "
     "and the highest in tokens a second, as a table, CSV or JSON. The time of a prompt is until "
     "its first token; of an answer, from the first token to the last, after a prompt of one "
     "token. Whatever stands behind -- goes to each run as it is.\n\n"
     "With --peer, llama-bench is run in turn, test by test, on the same file and threads: ratios "
     "are of neighbouring runs, which meet the machine in the same state.",
     "jupiter bench -m model.gguf -p 128,512 -n 64 --threads 1,2\n"
     "mpirun -n 4 jupiter bench -m model.gguf --strategy jupiter,megatron --chunk 32,64 --format "
     "csv\n"
     "jupiter bench -m model.gguf --threads 4 --peer llama.cpp/build/bin/llama-bench\n"
     "mpirun -n 2 jupiter bench -m model.gguf -- --layers 3,5 --wire f32"},
    {"perplexity", "tell how well a model foretells a text", jup_cmd_perplexity, true,
     "Reads the text in windows of --context tokens (512) and reports e to the mean of -ln p over "
     "the later half of each window, with its standard error, as llama.cpp's tool does. Options "
     "that concern answers have no meaning here.",
     "mpirun -n 2 jupiter perplexity -m model.gguf -f text.txt\n"
     "jupiter perplexity -m model.gguf -f text.txt -c 1024 --json"},
    {"platform", "write a cluster as a SimGrid platform or for scripts", jup_cmd_platform, false,
     "Takes a cluster file, the name of a shipped cluster, or one line such as "
     "4xnx@100mbps,15ms.",
     "jupiter platform env-a-100 -o platform.xml"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

const jup_command_t *jup_commands(int *n)
{
    *n = N_COMMANDS;
    return commands;
}

const jup_command_t *jup_command_find(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
