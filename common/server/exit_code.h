#pragma once

#include "absl/status/status.h"

namespace perennial {

// Exit codes of our processes, as sysexits.h names them. Whoever supervises them can tell what a restart may mend.
constexpr int kExitDamaged = 65;      // EX_DATAERR: stored data is damaged; restore a backup
constexpr int kExitUnavailable = 69;  // EX_UNAVAILABLE: a port or a database that cannot be had; a restart may help
constexpr int kExitBroken = 70;       // EX_SOFTWARE: an error of ours
constexpr int kExitDisk = 74;         // EX_IOERR: the disk failed or is full
constexpr int kExitConfig = 78;       // EX_CONFIG: a flag, a folder or a schema that does not fit; a restart does not help

// The code of a process that cannot start because of `status`.
int ExitCodeOf(const absl::Status& status);

// Ends the process soon with this code, from any thread: WaitForStopSignal returns. For failures after which nothing may be
// written any more. The first code counts.
void StopWith(int exit_code);

// After WaitForStopSignal: does nothing unless StopWith was called. Else it gives answers that say why a moment to leave, and
// ends the process at once, without any destructor.
void LeaveIfStoppedWithCode();

}  // namespace perennial
