// The events of nlohmann's parser made into a value, the places of its parts noted on the way.
// Invariant: what read() returns is what the text says; what JSON leaves open (a key twice) is a Mistake.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/config/source.hpp"

namespace volute::tool {

class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(const std::string& name, std::string_view text, std::map<std::string, Place>& places)
      : name_(name), text_(text), places_(places) {}
  /// Throws Mistake.
  Json read();

  bool null() override { return value(nullptr); }
  bool boolean(bool v) override { return value(v); }
  bool number_integer(std::int64_t v) override { return value(v); }
  bool number_unsigned(std::uint64_t v) override { return value(v); }
  bool number_float(double v, const std::string&) override { return value(v); }
  bool string(std::string& v) override { return value(std::move(v)); }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool key(std::string& k) override;
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error) override;

 private:
  struct Level {
    Json* value;
    std::string path;
    std::size_t begin;  ///< offset of the bracket
  };

  bool value(Json v);
  bool open(Json v);
  bool close();
  Json* add(Json v);
  std::string next_path() const;
  /// Offset of the token that ends where the parser stands.
  std::size_t token();
  Place place_of(std::size_t offset) const;
  [[noreturn]] void fail(std::size_t offset, const std::string& message) const;
  std::string reason(std::size_t offset, const std::string& what) const;
  std::string unfinished() const;

  const std::string& name_;
  std::string_view text_;
  std::map<std::string, Place>& places_;
  Json root_;
  std::vector<Level> levels_;
  std::string key_;
  const char* at_ = nullptr;  ///< moved by the iterator the parser reads through
  std::size_t last_end_ = 0;  ///< of the token before
};

}  // namespace volute::tool
