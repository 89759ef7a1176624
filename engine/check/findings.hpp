// What checks find: how many cases ran, the largest error, and every failure with the case it belongs to. Tests and
// selfcheck run the same checks; the former fail with text(), the latter make a Verdict of it.
// Invariant: a failure is never lost: texts() may be cut short, failed() is not.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "engine/check/values.hpp"

namespace volute::check {

class Findings {
 public:
  /// Names what is found while it lives.
  class Scope {
   public:
    Scope(Findings& findings, std::string name) : findings_(findings), exceptions_(std::uncaught_exceptions()) {
      findings_.path_.push_back(std::move(name));
    }
    ~Scope() { findings_.leave(std::uncaught_exceptions() > exceptions_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Findings& findings_;
    int exceptions_;
  };

  /// A case of its own, counted.
  [[nodiscard]] Scope begin(std::string name) {
    ++cases_;
    return {*this, std::move(name)};
  }
  [[nodiscard]] Scope within(std::string name) { return {*this, std::move(name)}; }

  /// |got - want| <= absolute + relative |want| for every element.
  template <class Got, class Want>
  bool close(const std::string& what, const Got& got, const Want& want, double relative, double absolute) {
    const Difference found = difference(got, want, relative, absolute);
    worst_ = std::max(worst_, found.excess);
    return expect(found.text.empty(), what + (found.text.empty() ? "" : ": " + found.text));
  }
  /// One number that is to stay below `allowed`.
  bool at_most(const std::string& what, double error, double allowed) {
    worst_ = std::max(worst_, std::isnan(error) ? HUGE_VAL : error / allowed);
    if (error <= allowed) return true;
    std::ostringstream text;
    text << what << ": " << error << ", allowed " << allowed;
    return expect(false, text.str());
  }
  bool expect(bool holds, const std::string& what);
  /// What a check has thrown, a failure of the case it was thrown in.
  void thrown(const std::exception& error);

  int cases() const { return cases_; }
  int failed() const { return failed_; }
  double worst() const { return worst_; }
  /// The first failures, "case: of it: what"; at most 20.
  const std::vector<std::string>& texts() const { return texts_; }
  /// All of texts(), a line each; empty if nothing failed.
  std::string text() const;

 private:
  void leave(bool by_exception);

  int cases_ = 0, failed_ = 0;
  double worst_ = 0;
  std::vector<std::string> path_, texts_;
  std::vector<std::string> thrown_in_;  ///< the path where the exception under way began
};

}  // namespace volute::check
