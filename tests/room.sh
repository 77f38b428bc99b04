#!/bin/sh
# Prints a folder in memory for the files of a run of the suite, which waits for fsync more than for anything
# else; nothing where there is no room for them, or where they could not be run.
room=/dev/shm
least=$((8 * 1024 * 1024)) # KiB, for files and processes of two halves at once

enough() { [ "${1:-0}" -gt "$least" ] 2>/dev/null; }

[ -d "$room" ] && [ -w "$room" ] || exit 0
enough "$(df -Pk "$room" 2>/dev/null | awk 'NR == 2 { print $4 }')" || exit 0
enough "$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null)" || exit 0
# A container's limit, which neither of these shows (cgroup v2).
limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
if [ "$limit" != max ]; then
    used=$(cat /sys/fs/cgroup/memory.current 2>/dev/null || echo "$limit")
    enough "$(((limit - used) / 1024))" || exit 0
fi
# Mounted `noexec` in many containers; tests write tools and run them.
probe=$(mktemp "$room/room-XXXXXX") || exit 0
trap 'rm -f "$probe"' EXIT
printf '#!/bin/sh\n' >"$probe" && chmod 700 "$probe" && "$probe" 2>/dev/null && echo "$room"
exit 0
