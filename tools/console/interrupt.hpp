// Ctrl-C, and a batch system's SIGTERM, as a request to stop when it is safe. A second one ends the process.
#pragma once

namespace volute::tool {

void catch_interrupt();
bool interrupt_requested();
/// 128 + the signal, as shells count.
int interrupted_status();

}  // namespace volute::tool
