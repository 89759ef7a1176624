// Runs a command as a user would type it, with all that it prints.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace support {

struct Ran {
  int status = -1;   ///< of the shell; -1 if it was ended by a signal
  std::string text;  ///< standard output and standard error
};

/// In bash, in `folder`.
inline Ran run_shell(const std::string& folder, const std::string& script) {
  std::string quoted;
  for (const char c : "cd '" + folder + "' && { " + script + "\n}")
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  FILE* pipe = ::popen(("bash -o pipefail -c '" + quoted + "' 2>&1").c_str(), "r");
  Ran ran;
  if (!pipe) return ran;
  std::array<char, 4096> part;
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe)) ran.text.append(part.data(), got);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ran.status = WEXITSTATUS(status);
  return ran;
}

}  // namespace support
