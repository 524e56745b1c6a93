#!/bin/sh
exec "$(dirname "$0")/manage-instances" "$@"
