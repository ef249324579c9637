#!/bin/sh
# What the recorder finds against what a target knows about itself.
exec "$HEAPTOP_BUILD/tests/live/record_truth" "$HEAPTOP_BUILD/tests/targets/truth"
