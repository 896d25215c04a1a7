#include "trace/store.h"

#include "base/checked.h"
#include "base/mem.h"
#include "base/temporary.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST_ROWS = 256 };

void jup_store_init(jup_store_t *store, size_t row_bytes, size_t most_bytes, bool spills)
{
    memset(store, 0, sizeof *store);
    store->row_bytes = row_bytes;
    store->most = most_bytes / row_bytes;
    store->spills = spills;
    store->fd = -1;
}

void jup_store_reset(jup_store_t *store)
{
    if (store->mapped)
        munmap(store->mapped, store->n_spilled * store->row_bytes);
    if (store->row_bytes && store->fd >= 0)
        close(store->fd);
    jup_free(store->rows);
    memset(store, 0, sizeof *store);
    store->fd = -1;
}

static void grow(jup_store_t *store)
{
    int64_t wanted = jup_max_i64(FIRST_ROWS, 2 * (int64_t)store->cap);
    store->cap = (size_t)jup_min_i64(wanted, (int64_t)store->most);
    store->rows = jup_resize(store->rows, store->cap, store->row_bytes);
}

static jup_status_t spill(jup_store_t *store)
{
    if (store->status != JUP_OK)
        return store->status;
    if (store->fd < 0)
        store->status = jup_temporary_open(&store->fd, &store->err);
    if (store->status == JUP_OK)
        store->status = jup_temporary_write(store->fd, store->rows, store->n * store->row_bytes,
                                            store->n_spilled * store->row_bytes, &store->err);
    if (store->status == JUP_OK) {
        store->n_spilled += store->n;
        store->n = 0;
    }
    return store->status;
}

void *jup_store_add(jup_store_t *store)
{
    if (store->n == store->cap) {
        if (store->cap < store->most)
            grow(store);
        else if (!store->spills || spill(store) != JUP_OK)
            return NULL;
    }
    return store->rows + store->n++ * store->row_bytes;
}

static jup_status_t map(jup_store_t *store, jup_error_t *err)
{
    size_t bytes = store->n_spilled * store->row_bytes;
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, store->fd, 0);
    if (block == MAP_FAILED)
        return jup_fail(err, JUP_EENV, "cannot map %zu bytes of a temporary file: %s", bytes,
                        strerror(errno));
    store->mapped = block;
    return JUP_OK;
}

jup_status_t jup_store_all(jup_store_t *store, void **rows, size_t *n, jup_error_t *err)
{
    if (store->n_spilled > 0 && store->n > 0)
        spill(store);
    if (store->status != JUP_OK)
        return jup_fail(err, store->status, "%s", store->err.text);
    if (store->n_spilled > 0 && !store->mapped)
        JUP_TRY(map(store, err));
    *rows = store->mapped ? store->mapped : store->rows;
    *n = store->n_spilled + store->n;
    return JUP_OK;
}
