#include "target/minidebug.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>

#include <lzma.h>

#define DECODER_MAX ((uint64_t)72 << 20) /* bytes: xz -9 needs 65 MiB to unpack */
#define ROOM_FIRST  ((size_t)256 << 10)

/* Doubles the room behind STREAM's output, to at most MAX. False when it is that large already. */
static bool more_room(lzma_stream *stream, char **out, size_t *room, size_t max)
{
        size_t used = *room - stream->avail_out;

        if (*room >= max)
                return false;
        *room = *room == 0 ? ROOM_FIRST : *room * 2;
        if (*room > max)
                *room = max;
        *out = xrealloc(*out, *room);
        stream->next_out = (uint8_t *)*out + used;
        stream->avail_out = *room - used;
        return true;
}

int minidebug_unpack(const uint8_t *bytes, size_t len, size_t max, char **ret, size_t *ret_len)
{
        lzma_stream stream = LZMA_STREAM_INIT;
        size_t room = 0;
        char *out = NULL;
        lzma_ret r;

        if (lzma_stream_decoder(&stream, DECODER_MAX, 0) != LZMA_OK)
                return -ENOMEM;
        stream.next_in = bytes;
        stream.avail_in = len;
        do {
                if (stream.avail_out == 0 && !more_room(&stream, &out, &room, max)) {
                        r = LZMA_MEMLIMIT_ERROR;
                        break;
                }
                r = lzma_code(&stream, LZMA_FINISH);
        } while (r == LZMA_OK);
        lzma_end(&stream);
        if (r != LZMA_STREAM_END || stream.total_out == 0) {
                free(out);
                return r == LZMA_MEMLIMIT_ERROR ? -EFBIG : -EBADMSG;
        }
        *ret = out;
        *ret_len = (size_t)stream.total_out;
        return 0;
}

int minidebug_open(const struct image *image, struct image **ret)
{
        uint64_t addr;
        size_t len;
        const uint8_t *bytes = image_section_up_to(image, ".gnu_debugdata", MINIDEBUG_MAX, &addr, &len);
        char *unpacked;
        int r;

        if (!bytes)
                return -ENODATA;
        r = minidebug_unpack(bytes, len, MINIDEBUG_MAX, &unpacked, &len);
        if (r < 0)
                return r;
        return image_open_copy(unpacked, len, ret) < 0 ? -EBADMSG : 0;
}
