#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "app/manual.h"

#include "app/commands.h"

#include <ctype.h>
#include <string.h>

static unsigned kind_of(const struct poptOption *o)
{
    return o->argInfo & POPT_ARG_MASK;
}

static bool is_last(const struct poptOption *o)
{
    return !o->longName && !o->shortName && !o->arg;
}

static bool is_hidden(const struct poptOption *o)
{
    return (o->argInfo & POPT_ARGFLAG_DOC_HIDDEN) != 0;
}

static bool is_nested(const struct poptOption *o)
{
    return kind_of(o) == POPT_ARG_INCLUDE_TABLE;
}

static bool takes_value(const struct poptOption *o)
{
    return kind_of(o) != POPT_ARG_NONE;
}

static bool may_lack_value(const struct poptOption *o)
{
    return (o->argInfo & POPT_ARGFLAG_OPTIONAL) != 0;
}

/* ---- roff ------------------------------------------------------------------------------------ */

/* Hyphens are typed ones; a line must not begin like a request. */
static void put_roff(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((c == text || c[-1] == '\n') && (*c == '.' || *c == '\''))
            fputs("\\&", out);
        if (*c == '\\')
            fputs("\\e", out);
        else if (*c == '-')
            fputs("\\-", out);
        else if (c[0] == '\n' && c[1] == '\n')
            fputs("\n.PP", out);
        else
            fputc(*c, out);
    }
}

static void write_roff_option(FILE *out, const struct poptOption *o)
{
    fputs(".TP\n", out);
    if (o->shortName)
        fprintf(out, "\\fB\\-%c\\fR%s", o->shortName, o->longName ? ", " : "");
    if (o->longName) {
        fputs("\\fB\\-\\-", out);
        put_roff(out, o->longName);
        fputs("\\fR", out);
    }
    if (takes_value(o)) {
        fputs(may_lack_value(o) ? "[=\\fI" : o->longName ? "=\\fI" : " \\fI", out);
        put_roff(out, o->argDescrip ? o->argDescrip : "VALUE");
        fputs(may_lack_value(o) ? "\\fR]" : "\\fR", out);
    }
    fputc('\n', out);
    put_roff(out, o->descrip);
    fputc('\n', out);
}

static void write_roff_options(FILE *out, const struct poptOption *table)
{
    for (const struct poptOption *o = table; !is_last(o); o++)
        if (!is_nested(o) && !is_hidden(o))
            write_roff_option(out, o);
    for (const struct poptOption *o = table; !is_last(o); o++)
        if (is_nested(o)) {
            fputs(".SS ", out);
            put_roff(out, o->descrip);
            fputc('\n', out);
            write_roff_options(out, o->arg);
        }
}

static void write_roff_title(FILE *out, const char *command, const char *summary)
{
    const char *name = command ? command : "";
    fprintf(out, ".TH JUPITER%s", *name ? "\\-" : "");
    for (const char *c = name; *c; c++)
        fputc(toupper((unsigned char)*c), out);
    fprintf(out, " 1 \"\" \"jupiter %s\" \"Jupiter\"\n.SH NAME\n", PACKAGE_VERSION);
    fprintf(out, "jupiter%s%s \\- ", *name ? "\\-" : "", name);
    put_roff(out, summary);
    fputs("\n.SH SYNOPSIS\n", out);
}

static void write_roff_paragraphs(FILE *out, const char *heading, const char *text)
{
    fprintf(out, ".SH %s\n", heading);
    put_roff(out, text);
    fputc('\n', out);
}

static void write_roff_examples(FILE *out, const char *examples)
{
    fputs(".SH EXAMPLES\n.nf\n", out);
    put_roff(out, examples);
    fputs("\n.fi\n", out);
}

static void write_roff_exit_status(FILE *out)
{
    fputs(".SH EXIT STATUS\n"
          "0 where all went well; 2 where options, files or a plan are at fault; 3 where memory, "
          "disk or network are. One message on standard error says what and where; under a "
          "launcher every rank ends alike.\n",
          out);
}

static void write_man(FILE *out, const jup_command_t *command, const char *usage,
                      const struct poptOption *table)
{
    write_roff_title(out, command->name, command->summary);
    fprintf(out, "\\fBjupiter %s\\fR ", command->name);
    put_roff(out, usage);
    fputc('\n', out);
    write_roff_paragraphs(out, "DESCRIPTION", command->about);
    fputs(".SH OPTIONS\n", out);
    write_roff_options(out, table);
    write_roff_exit_status(out);
    write_roff_examples(out, command->examples);
    fputs(".SH SEE ALSO\n.BR jupiter (1)\n", out);
}

void jup_manual_write_first(FILE *out)
{
    int n;
    const jup_command_t *commands = jup_commands(&n);
    write_roff_title(out, NULL, "runs a large language model over a handful of devices");
    fputs("[\\fBmpirun \\-n\\fR \\fIRANKS\\fR] \\fBjupiter\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n",
          out);
    write_roff_paragraphs(
        out, "DESCRIPTION",
        "Every rank of an MPI job holds some consecutive layers of the model; the prompt flows "
        "through them in chunks, and several chunks are under way at once. Models are GGUF files, "
        "or folders in Hugging Face's layout. The answer is the same, token for token, on one "
        "device or on many.");
    fputs(".SH COMMANDS\n", out);
    for (int i = 0; i < n; i++) {
        fprintf(out, ".TP\n\\fB%s\\fR\n", commands[i].name);
        put_roff(out, commands[i].summary);
        fputc('\n', out);
    }
    fputs("\n.PP\n\\fBjupiter\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR lists a command's options; "
          "\\fBjupiter \\-\\-version\\fR prints the version.\n",
          out);
    write_roff_exit_status(out);
    write_roff_examples(out, jup_command_find("run")->examples);
    fputs(".SH SEE ALSO\n", out);
    for (int i = 0; i < n; i++)
        fprintf(out, ".BR jupiter\\-%s (1)%s\n", commands[i].name, i + 1 < n ? "," : "");
}

/* ---- what a shell completes ------------------------------------------------------------------ */

/* A value is a word of "on|auto|off", a file where an alternative says FILE or FOLDER, or unknown:
 * capitals stand for something else. */
static bool is_file(const struct poptOption *o)
{
    const char *value = o->argDescrip ? o->argDescrip : "";
    return strstr(value, "FILE") || strstr(value, "FOLDER") || strstr(value, "OUT.");
}

static bool has_words(const struct poptOption *o)
{
    return o->argDescrip && strchr(o->argDescrip, '|');
}

static void put_words(FILE *out, const struct poptOption *o)
{
    const char *gap = "";
    for (const char *at = o->argDescrip; *at; at += *at == '|') {
        size_t n = strcspn(at, "|");
        if (islower((unsigned char)*at)) {
            fprintf(out, "%s%.*s", gap, (int)n, at);
            gap = " ";
        }
        at += n;
    }
}

static void put_names(FILE *out, const struct poptOption *o, const char *gap)
{
    if (o->shortName)
        fprintf(out, "-%c%s", o->shortName, o->longName ? gap : "");
    if (o->longName)
        fprintf(out, "--%s", o->longName);
}

static void write_bash_names(FILE *out, const struct poptOption *table)
{
    for (const struct poptOption *o = table; !is_last(o); o++) {
        if (is_nested(o)) {
            write_bash_names(out, o->arg);
            continue;
        }
        if (is_hidden(o))
            continue;
        fputc(' ', out);
        put_names(out, o, " ");
    }
}

static void write_bash_values(FILE *out, const struct poptOption *table)
{
    for (const struct poptOption *o = table; !is_last(o); o++) {
        if (is_nested(o))
            write_bash_values(out, o->arg);
        if (is_nested(o) || is_hidden(o) || !takes_value(o) || may_lack_value(o))
            continue;
        fputs("        ", out);
        put_names(out, o, "|");
        fputs(") words='", out);
        if (has_words(o))
            put_words(out, o);
        fprintf(out, "' files=%s value=yes ;;\n", is_file(o) ? "yes" : "");
    }
}

static void write_bash(FILE *out, const jup_command_t *command, const struct poptOption *table)
{
    fprintf(out, "    %s)\n        options='", command->name);
    write_bash_names(out, table);
    fputs("'\n        case $previous in\n", out);
    write_bash_values(out, table);
    fputs("        esac ;;\n", out);
}

/* In the text of an explanation, in single quotes. */
static void put_zsh(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            fputs("'\\''", out);
        else
            fprintf(out, "%s%c", strchr("[]:\\", *c) ? "\\" : "", *c);
    }
}

static void write_zsh_option(FILE *out, const struct poptOption *o, const char *name)
{
    fprintf(out, "        '%s", name);
    if (takes_value(o) && strncmp(name, "--", 2) == 0)
        fputs(may_lack_value(o) ? "=-" : "=", out);
    fputc('[', out);
    put_zsh(out, o->descrip);
    fputc(']', out);
    if (takes_value(o) && !(may_lack_value(o) && name[1] != '-')) {
        fputs(may_lack_value(o) ? "::" : ":", out);
        put_zsh(out, o->argDescrip ? o->argDescrip : "value");
        fputc(':', out);
        if (is_file(o)) {
            fputs("_files", out);
        } else if (has_words(o)) {
            fputc('(', out);
            put_words(out, o);
            fputc(')', out);
        }
    }
    fputs("' \\\n", out);
}

static void write_zsh_options(FILE *out, const struct poptOption *table)
{
    for (const struct poptOption *o = table; !is_last(o); o++) {
        char name[80];
        if (is_nested(o)) {
            write_zsh_options(out, o->arg);
            continue;
        }
        if (is_hidden(o))
            continue;
        if (o->shortName) {
            snprintf(name, sizeof name, "-%c", o->shortName);
            write_zsh_option(out, o, name);
        }
        if (o->longName) {
            snprintf(name, sizeof name, "--%s", o->longName);
            write_zsh_option(out, o, name);
        }
    }
}

static void write_zsh(FILE *out, const jup_command_t *command, const struct poptOption *table)
{
    fprintf(out, "_jupiter_%s() {\n    _arguments -S \\\n", command->name);
    write_zsh_options(out, table);
    fputs("        '*:file:_files'\n}\n", out);
}

bool jup_manual_knows(const char *format)
{
    return strcmp(format, "man") == 0 || strcmp(format, "bash") == 0 || strcmp(format, "zsh") == 0;
}

void jup_manual_write(FILE *out, const char *format, const char *command, const char *usage,
                      const struct poptOption *table)
{
    const jup_command_t *c = jup_command_find(command);
    if (strcmp(format, "man") == 0)
        write_man(out, c, usage, table);
    else if (strcmp(format, "bash") == 0)
        write_bash(out, c, table);
    else
        write_zsh(out, c, table);
}
