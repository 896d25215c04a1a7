#include "app/claims.h"

#include "base/mem.h"
#include "io/slice.h"

#include <fnmatch.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#define FIVE "[0-9][0-9][0-9][0-9][0-9]"

/* Of glob(): the first bytes of a path, any rank's and any part's, and how it ends; a new block. */
static char *pattern_of(const char *path, size_t length, const char *ending)
{
    const size_t rank = strlen(JUP_SLICE_RANK);
    size_t part = fnmatch("*-" FIVE "-of-" FIVE ".gguf", path, 0) == 0
                      ? length - strlen("00001-of-00003.gguf")
                      : length;
    char *pattern = jup_new(2 * length + strlen(ending) + 1, 1), *to = pattern;
    for (size_t i = 0; i < length; i++) {
        if (strncmp(path + i, JUP_SLICE_RANK, rank) == 0) {
            *to++ = '*';
            i += rank - 1;
        } else if (i >= part && i < part + 5) {
            *to++ = '?';
        } else {
            if (strchr("*?[\\", path[i]))
                *to++ = '\\';
            *to++ = path[i];
        }
    }
    memcpy(to, ending, strlen(ending) + 1);
    return pattern;
}

static void find(const char *path, size_t length, const char *ending, glob_t *found)
{
    char *pattern = pattern_of(path, length, ending);
    glob(pattern, GLOB_NOSORT | (found->gl_pathv ? GLOB_APPEND : 0), NULL, found);
    jup_free(pattern);
}

static void find_all(const char *path, glob_t *found)
{
    struct stat info;
    size_t length = strlen(path);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        find(path, length, "/*.safetensors", found);
        find(path, length, "/*.json", found);
        find(path, length, "/*.model", found);
        return;
    }
    find(path, length, "", found);
    if (length > 5 && strcmp(path + length - 5, ".yaml") == 0)
        find(path, length - 5, "-rank[0-9]*.yaml", found);
}

jup_status_t jup_claims_check(const jup_output_claim_t *claims, size_t n, jup_error_t *err)
{
    glob_t *found = jup_new(n, sizeof *found);
    size_t all = n;
    for (size_t i = 0; i < n; i++) {
        if (claims[i].path && !claims[i].writes)
            find_all(claims[i].path, &found[i]);
        all += found[i].gl_pathc;
    }
    jup_output_claim_t *list = jup_new(all, sizeof *list);
    memcpy(list, claims, n * sizeof *list);
    size_t at = n;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < found[i].gl_pathc; k++)
            list[at++] = (jup_output_claim_t){claims[i].option, found[i].gl_pathv[k], false};
    jup_status_t status = jup_output_check(list, all, err);
    for (size_t i = 0; i < n; i++)
        if (found[i].gl_pathv)
            globfree(&found[i]);
    jup_free(list);
    jup_free(found);
    return status;
}
