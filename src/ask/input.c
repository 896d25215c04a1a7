#include "ask/input.h"

#include "base/interrupt.h"
#include "base/mem.h"
#include "base/terminal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 4096 };
static const char marks[] = "\"\"\"";

void jup_input_init(jup_input_t *input, int fd)
{
    *input = (jup_input_t){.fd = fd};
}

void jup_input_reset(jup_input_t *input)
{
    jup_free(input->data);
    memset(input, 0, sizeof *input);
}

/* Ctrl-C comes as a character where a launcher reads the terminal: the line before it is void. */
static void take_keys(jup_input_t *input)
{
    char *found;
    if (!jup_terminal_has_keys())
        return;
    while ((found = memchr(input->data, JUP_TERMINAL_CTRL_C, input->bytes))) {
        char *begin = found, *end = input->data + input->bytes;
        while (begin > input->data && begin[-1] != '\n')
            begin--;
        memmove(begin, found + 1, (size_t)(end - found - 1));
        input->bytes -= (size_t)(found + 1 - begin);
        input->interrupted = true;
    }
}

/* Reads what there is; wait_ms as for poll(). A signal ends the waiting. */
static void fill(jup_input_t *input, int wait_ms)
{
    struct pollfd fds[] = {{.fd = input->fd, .events = POLLIN},
                           {.fd = jup_interrupt_fd(), .events = POLLIN}};
    if (input->ended || poll(fds, 2, wait_ms) <= 0 || !fds[0].revents)
        return;
    if (input->bytes + PIECE > input->cap) {
        input->cap = 2 * (input->bytes + PIECE);
        input->data = jup_resize(input->data, input->cap, 1);
    }
    ssize_t n = read(input->fd, input->data + input->bytes, PIECE);
    if (n > 0)
        input->bytes += (size_t)n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        input->ended = true;
    take_keys(input);
}

static bool is_interrupted(jup_input_t *input)
{
    bool typed = input->interrupted;
    input->interrupted = false;
    return typed || jup_interrupted();
}

bool jup_input_takes_interrupt(jup_input_t *input)
{
    if (jup_terminal_has_keys())
        fill(input, 0);
    return is_interrupted(input);
}

/* Length of the first line with its end; 0: it is not whole yet. */
static size_t first_line(const jup_input_t *input)
{
    const char *end = input->bytes ? memchr(input->data, '\n', input->bytes) : NULL;
    if (end)
        return (size_t)(end - input->data) + 1;
    return input->ended ? input->bytes : 0;
}

/* The next line without its end and the blanks there: a new text. */
static jup_input_event_t take_line(jup_input_t *input, char **line)
{
    size_t n;
    while (!(n = first_line(input))) {
        if (is_interrupted(input))
            return JUP_INPUT_INTERRUPTED;
        if (input->ended)
            return JUP_INPUT_END;
        fill(input, -1);
    }
    size_t length = n;
    while (length > 0 && strchr(" \t\r\n", input->data[length - 1]))
        length--;
    *line = jup_new(length + 1, 1);
    memcpy(*line, input->data, length);
    input->bytes -= n;
    memmove(input->data, input->data + n, input->bytes);
    return JUP_INPUT_MESSAGE;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Adds a line to the message so far, which may be NULL; both are given up for the result. */
static char *join(char *message, char *line)
{
    if (!message)
        return line;
    size_t before = strlen(message), after = strlen(line);
    message = jup_resize(message, before + after + 2, 1);
    message[before] = '\n';
    memcpy(message + before + 1, line, after + 1);
    jup_free(line);
    return message;
}

static bool begins_block(const char *line)
{
    return strncmp(line, marks, 3) == 0;
}

/* Takes the mark at the end away. */
static bool ends_block(char *line)
{
    size_t n = strlen(line);
    if (n < 3 || strcmp(line + n - 3, marks) != 0)
        return false;
    line[n - 3] = '\0';
    return true;
}

/* Likewise the backslash. */
static bool goes_on(char *line)
{
    size_t n = strlen(line);
    if (n == 0 || line[n - 1] != '\\')
        return false;
    line[n - 1] = '\0';
    return true;
}

jup_input_event_t jup_input_message(jup_input_t *input, void (*sign)(void *self, bool further),
                                    void *self, char **text)
{
    char *message = NULL, *line;
    bool in_block = false, more = true;
    while (more) {
        if (sign && !first_line(input))
            sign(self, message != NULL);
        jup_input_event_t event = take_line(input, &line);
        if (event == JUP_INPUT_END && message)
            break; /* what there is */
        if (event != JUP_INPUT_MESSAGE) {
            jup_free(message);
            return event;
        }
        if (!message && begins_block(line)) {
            in_block = true;
            memmove(line, line + 3, strlen(line) - 2);
        }
        more = in_block ? !ends_block(line) : goes_on(line);
        message = join(message, line);
    }
    *text = message;
    return JUP_INPUT_MESSAGE;
}
