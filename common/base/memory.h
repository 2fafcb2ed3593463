#pragma once

#include <malloc.h>

namespace perennial {

// Makes arrays from a mebibyte on memory of their own, which goes back to the system when they are freed. Left to itself
// glibc raises that bound to 32 MiB, and columns that grow by doubling leave holes as great as themselves. Call it first
// thing in main.
inline void KeepGreatArraysApart() { (void)mallopt(M_MMAP_THRESHOLD, 1 << 20); }

}  // namespace perennial
