#!/bin/sh
# What the recorder finds against what a target knows about itself. One that a sanitizer slows down cannot keep up with as many
# samples.
exec "$HEAPTOP_BUILD/tests/live/record_truth" "$HEAPTOP_BUILD/tests/targets/truth" ${HEAPTOP_SANITIZED:+131072}
