# What Doxygen reads of a header: its first comment is about the file, and lines of a comment that are set in are code.
# Lines keep their numbers.
BEGIN { opening = 1 }
opening && /^\/\/( |$)/ { sub(/^\/\//, "///") }
opening && /^(#pragma once|#ifndef VOLUTE_VOLUTE_H)$/ { $0 = "/// @file"; opening = 0 }
/^#define VOLUTE_VOLUTE_H$/ { $0 = "" }
{
  code = /^ *\/\/\/   +[^ ]/
  if (code && !coded) sub(/\/\/\/   /, "/// @code{.cpp} ")
  if (coded && !code) held = held " @endcode"
  if (NR > 1) print held
  held = $0
  coded = code
}
# volute.h ends with the guard's.
END { print FILENAME ~ /\.h$/ && held == "#endif" ? "" : held }
