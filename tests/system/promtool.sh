#!/bin/sh
# The real promtool, except that it refuses the rules of events with this word in their name: a fault from outside.
if [ "$1 $2" = "check rules" ] && grep -q rulesrefused "$3"; then
    echo "refused by the test" >&2
    exit 1
fi
exec promtool "$@"
