// Text of others in messages.
// Invariant: what comes out is UTF-8 without control characters, so that no terminal does what a file says.
#include <volute/io.hpp>

namespace volute::io {
namespace {

/// Bytes of the character that begins a text; 0 if it is no UTF-8, or a control character (C1, too, has some that
/// terminals obey).
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(0), second = byte(1);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool control = lead == 0xc2 && second < 0xa0, overlong = (lead == 0xe0 && second < 0xa0) ||
                                                                 (lead == 0xf0 && second < 0x90);
  const bool none = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);  // surrogates, beyond U+10FFFF
  return control || overlong || none ? 0 : size;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  const std::string_view shown = text.substr(0, most);
  for (std::size_t i = 0; i < shown.size();) {
    if (const std::size_t size = character(shown.substr(i)); size > 0) {
      out += shown.substr(i, size);
      i += size;
    } else {
      const auto byte = static_cast<unsigned char>(shown[i++]);
      out += {'\\', 'x', "0123456789abcdef"[byte / 16], "0123456789abcdef"[byte % 16]};
    }
  }
  return out + (text.size() > most ? "..." : "");
}

}  // namespace volute::io
