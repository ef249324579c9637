#!/bin/sh
# The includes of src/ follow the arrows in tests/layers.awk.
echo 1..1
cd "$HEAPTOP_SRC/src" || exit 1
if find . -name '*.[chS]' -exec awk -f "$HEAPTOP_SRC/tests/layers.awk" {} +; then
        echo "ok 1 - includes point down and libraries stay in their folder"
else
        echo "not ok 1 - includes point down and libraries stay in their folder"
fi
