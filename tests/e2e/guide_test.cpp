// The guide's chapters as programs (tests/guide.cmake makes them): each runs, under the validation layer, and prints
// what its blocks of text say it prints. Numbers may differ, words may not.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/markdown.hpp"
#include "tests/support/shell.hpp"

namespace {

namespace fs = std::filesystem;

/// A line without its numbers and with single spaces: what must agree.
std::string words_of(const std::string& line) {
  const std::string numberless = std::regex_replace(line, std::regex("[-+]?[0-9]+([.][0-9]+)?(e[-+]?[0-9]+)?"), "#");
  return std::regex_replace(std::regex_replace(numberless, std::regex("\\s+"), " "), std::regex("^ | $"), "");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (!words_of(line).empty()) lines.push_back(words_of(line));
  return lines;
}

/// Every line of `said` is among those printed, in that order.
void expect_printed(const fs::path& document, const std::string& printed) {
  const std::vector<std::string> lines = lines_of(printed);
  auto from = lines.begin();
  for (const support::Block& block : support::markdown(document).blocks) {
    if (block.language != "text") continue;
    for (const std::string& line : lines_of(block.text)) {
      from = std::find(from, lines.end(), line);
      ASSERT_NE(from, lines.end()) << document << ":" << block.line << ": never printed: " << line << "\n" << printed;
      ++from;
    }
  }
}

fs::path document_of(const std::string& program) {
  const fs::path docs = fs::path(VOLUTE_SOURCE_DIR) / "docs";
  const fs::path chapter = docs / "guide" / (program.substr(0, program.find("_alone_")) + ".md");
  return fs::exists(chapter) ? chapter : docs / chapter.filename();
}

class Guide : public testing::TestWithParam<std::string> {};

TEST_P(Guide, RunsAndPrintsWhatItSays) {
  const fs::path folder = fs::path(testing::TempDir()) / ("guide_" + GetParam() + std::to_string(::getpid()));
  fs::create_directories(folder);
  const support::Ran ran = support::run_shell(folder, GUIDE_FOLDER "/guide_" + GetParam());
  fs::remove_all(folder);
  EXPECT_EQ(ran.status, 0) << ran.text;
  EXPECT_EQ(ran.text.find("volute: validation"), std::string::npos) << ran.text;
  if (GetParam().find("_alone_") == std::string::npos) expect_printed(document_of(GetParam()), ran.text);
}

std::vector<std::string> programs() {
  std::istringstream names(GUIDE_NAMES);
  return {std::istream_iterator<std::string>(names), {}};
}

INSTANTIATE_TEST_SUITE_P(Chapters, Guide, testing::ValuesIn(programs()),
                         [](const testing::TestParamInfo<std::string>& chapter) { return chapter.param; });

TEST(GuideTest, FindsWhatIsNotPrinted) {
  EXPECT_EQ(words_of("step 50   loss 0.00563"), "step # loss #");
  EXPECT_NE(words_of("step 50 loss nan"), words_of("step 50 loss 0.1"));
  EXPECT_FALSE(programs().empty());
}

/// Places in a document that a link may name, as GitHub makes them of headings.
std::set<std::string> anchors_of(const fs::path& document) {
  std::set<std::string> anchors{""};
  std::istringstream text(support::contents(document));
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line[0] != '#') continue;
    std::string anchor = "#";
    for (const char c : line.substr(line.find_first_not_of("# ")))
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == ' ')
        anchor += c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    anchors.insert(anchor);
  }
  return anchors;
}

void expect_links_lead(const fs::path& document) {
  const std::regex link("\\]\\(([\\w./-]*)(#[\\w-]+)?\\)");
  const std::string text = support::contents(document);
  for (auto i = std::sregex_iterator(text.begin(), text.end(), link); i != std::sregex_iterator(); ++i) {
    const std::string to = (*i)[1];
    const fs::path target = to.empty() ? document : document.parent_path() / to;
    if (!to.empty() && to.find('.') == std::string::npos) continue;  // a lambda's parameter
    ASSERT_TRUE(fs::exists(target)) << document << " links to " << to;
    EXPECT_TRUE(target.extension() != ".md" || anchors_of(target).count((*i)[2])) << document << ": " << (*i)[0];
  }
}

TEST(GuideTest, ChaptersAreListedAndLinksLead) {
  const fs::path root = VOLUTE_SOURCE_DIR, folder = root / "docs" / "guide";
  const std::string contents = support::contents(folder / "README.md");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path name = entry.path().filename();
    EXPECT_TRUE(name == "README.md" || contents.find("(" + name.string() + ")") != std::string::npos) << name;
    expect_links_lead(entry.path());
  }
  for (const char* other : {"README.md", "CHANGELOG.md", "docs/coming_from.md"}) expect_links_lead(root / other);
}

/// A page for each recipe, and a line with its figures in the table.
TEST(GuideTest, RecipesAreListedAndTheirLinksLead) {
  const fs::path docs = fs::path(VOLUTE_SOURCE_DIR) / "docs";
  const std::string contents = support::contents(docs / "recipes.md");
  expect_links_lead(docs / "recipes.md");
  for (const auto& entry : fs::directory_iterator(fs::path(VOLUTE_SOURCE_DIR) / "samples")) {
    const fs::path program = entry.path() / "main.cpp";
    if (!fs::exists(program) || support::contents(program).find("\"samples/recipe.hpp\"") == std::string::npos) continue;
    const std::string name = entry.path().filename().string(), page = "recipes/" + name + ".md";
    EXPECT_NE(contents.find("| [" + name + "](" + page + ") |"), std::string::npos) << name;
    ASSERT_TRUE(fs::exists(docs / page)) << page;
    expect_links_lead(docs / page);
  }
}

}  // namespace
