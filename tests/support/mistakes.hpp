// Tables of wrong uses: each must be refused with an InvalidGraph that says what it names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <volute/graph.hpp>

namespace volute::test {

struct Mistake {
  const char* name;
  std::function<void(Graph&)> make;
  std::vector<std::string> said;  ///< what the message must contain
};

inline void expect_refused(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    SCOPED_TRACE(mistake.name);
    Graph g;
    try {
      mistake.make(g);
      ADD_FAILURE() << "nothing thrown";
    } catch (const InvalidGraph& error) {
      for (const std::string& part : mistake.said)
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what() << "\nlacks " << part;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "not an InvalidGraph: " << error.what();
    }
  }
}

}  // namespace volute::test
