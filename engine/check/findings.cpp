// See findings.hpp.
#include "engine/check/findings.hpp"

namespace volute::check {

bool Findings::expect(bool holds, const std::string& what) {
  if (holds) return true;
  ++failed_;
  if (texts_.size() >= 20) return false;
  std::string text;
  for (const std::string& name : path_) text += name + ": ";
  texts_.push_back(text + what);
  return false;
}

void Findings::leave(bool by_exception) {
  if (by_exception && thrown_in_.size() < path_.size()) thrown_in_ = path_;
  path_.pop_back();
}

void Findings::thrown(const std::exception& error) {
  std::swap(path_, thrown_in_);
  expect(false, error.what());
  std::swap(path_, thrown_in_);
  thrown_in_.clear();
}

std::string Findings::text() const {
  std::string all;
  for (const std::string& one : texts_) all += one + "\n";
  const int more = failed_ - static_cast<int>(texts_.size());
  return all + (more > 0 ? "and " + std::to_string(more) + " more\n" : "");
}

}  // namespace volute::check
