// CSV tables, time series with windows, labelled texts and vocabularies, and every way their files can be wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {
namespace {

using Texts = std::vector<std::string>;

Texts cells(const Csv& table) {
  Texts all;
  for (std::size_t row = 0; row < table.rows(); ++row)
    for (std::size_t column = 0; column < table.columns().size(); ++column) all.push_back(table.text(row, column));
  return all;
}

TEST(CsvTable, ReadsRfc4180) {
  const Csv table = Csv::parse("\xef\xbb\xbf" "a, b ,\"c\"\"d\"\r\n1,\"x, \"\"y\"\"\nz\",\r\n\r\n\"\",,last", "f");
  EXPECT_EQ(table.columns(), (Texts{"a", "b", "c\"d"}));
  EXPECT_EQ(cells(table), (Texts{"1", "x, \"y\"\nz", "", "", "", "last"}));
  EXPECT_EQ(table.column("b"), 1u);
  EXPECT_EQ(cells(Csv::parse("1;2\n3;4\n", "f", {.delimiter = ';', .header = false})), (Texts{"1", "2", "3", "4"}));
  EXPECT_EQ(Csv::parse("1,2\n", "f", {.header = false}).columns(), (Texts{"0", "1"}));
  EXPECT_EQ(cells(Csv::parse("a\nx\ry\n")), (Texts{"x\ry"}));  // a lone CR is no line break
}

TEST(CsvTable, ReadsNumbers) {
  const Csv table = Csv::parse("n\n1\n -2.5e1\t\n+3\nNA\n\"\"\n0x1\n1e99\n1 2\n.5\n?\n");
  const auto number = [&](std::size_t row) { return table.number(row, 0); };
  EXPECT_EQ(number(0), 1.0f);
  EXPECT_EQ(number(1), -25.0f);
  EXPECT_EQ(number(2), 3.0f);
  EXPECT_FALSE(number(3) || number(4));
  EXPECT_EQ(number(8), 0.5f);
  EXPECT_FALSE(number(9));
}

struct BadTable {
  const char* text;
  const char* message;
};

// Read as a series of columns a and b without missing values.
const BadTable bad_tables[] = {
    {"", "t.csv: has no rows"},
    {"a,b\n", "t.csv: has no rows"},
    {"a,b\n1,2\n3\n", "t.csv:3: has 1 fields, the first line has 2"},
    {"a,b\n1,2,3\n", "t.csv:2: has 3 fields, the first line has 2"},
    {"a,a\n1,2\n", "t.csv:1: two columns are named \"a\""},
    {"a,c\n1,2\n", "t.csv: has no column \"b\"; there are \"a\", \"c\""},
    {"a,b\n\"1\n2\",x\ny,2\n", "t.csv:2: column \"a\": \"1\\x0a2\" is not a number"},
    {"a,b\n\"1\n\",2\n3,x\n", "t.csv:2: column \"a\": \"1\\x0a\" is not a number"},
    {"a,b\n1,\"2\n3,4\n", "t.csv:2: field 2: the quote is never closed"},
    {"a,b\n1,2\n\n\"3\"4,5\n", "t.csv:4: field 1: text follows the closing quote"},
    {"a,b\n1,2\"3\"\n", "t.csv:2: field 2: a quote within a field that does not begin with one"},
    {"a,b\r\n1,2\r\n1,1e40\r\n", "t.csv:3: column \"b\": \"1e40\" is beyond the range of a float"},
    {"a,b\n1,inf\n", "t.csv:2: column \"b\": \"inf\" is not a finite number"},
    {"a,b\n1,2 3\n", "t.csv:2: column \"b\": \"2 3\" is not a number"},
    {"a,b\n1,2\n,3\n", "t.csv:3: column \"a\": the value is missing"},
};

template <class Call>
std::string bad_file(Call call) {
  try {
    call();
  } catch (const BadFile& error) {
    return error.what();
  }
  return "no error";
}

TEST(CsvTable, ErrorsNameLineAndColumn) {
  for (const BadTable& row : bad_tables)
    EXPECT_EQ(bad_file([&] { Series::from(Csv::parse(row.text, "t.csv"), {"a", "b"}); }), row.message);
}

TEST(CsvTable, NothingButBadFileComesOfRandomBytes) {
  Generator generator(4);
  const std::string_view bytes = "a1,\"\n\r;.-e\0x \xef";
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = i % 2 ? "a,b\n" : "";
    for (std::uint64_t length = generator.below(24); length > 0; --length) text += bytes[generator.below(bytes.size())];
    try {
      const Csv table = Csv::parse(text);
      EXPECT_EQ(cells(table).size(), table.rows() * table.columns().size());
      ++read;
      Series::from(table, {}, Missing::linear);
    } catch (const BadFile&) {
    }
  }
  EXPECT_GT(read, 500);
}

TEST(TimeSeries, FillsMissingValuesAsTold) {
  const Csv table = Csv::parse("a,b,note\nNA,1,x\n2,1,y\nNA,NaN,\n,4,\n8,5,z\n?,6,\n");
  const std::vector<std::string> columns{"a", "b"};
  EXPECT_EQ(Series::from(table, columns, Missing::linear).values,
            (std::vector<float>{2, 1, 2, 1, 4, 2.5, 6, 4, 8, 5, 8, 6}));
  EXPECT_EQ(Series::from(table, columns, Missing::drop).values, (std::vector<float>{2, 1, 8, 5}));
  EXPECT_EQ(Series::from(table, {"b"}, Missing::previous).values, (std::vector<float>{1, 1, 1, 4, 5, 6}));
  EXPECT_EQ(bad_file([&] { Series::from(table, columns, Missing::previous); }),
            "csv:2: column \"a\": the value is missing, and there is none to fill it from");
  EXPECT_EQ(bad_file([&] { Series::from(Csv::parse("a,b\n,1\n,2\n"), columns, Missing::linear); }),
            "csv:2: column \"a\": the value is missing, and there is none to fill it from");
  EXPECT_EQ(bad_file([&] { Series::from(Csv::parse("a,b\n,1\n2,\n"), columns, Missing::drop); }),
            "the table has no row without a missing value");
}

TEST(TimeSeries, WindowsStayInTheirRows) {
  Series series{{"a", "b"}, {}};
  for (int row = 0; row < 20; ++row) series.values.insert(series.values.end(), {float(row), float(100 + row)});
  const Windows windows(series, {.length = 3, .horizon = 2, .stride = 4, .targets = {1}, .begin = 5, .end = 19});
  ASSERT_EQ(windows.count(), 3u);  // rows 5-9, 9-13, 13-17
  const auto batch = windows.batch(std::vector<std::size_t>{2, 0});
  EXPECT_EQ(batch.x, (std::vector<float>{13, 113, 5, 105, 14, 114, 6, 106, 15, 115, 7, 107}));
  EXPECT_EQ(batch.y, (std::vector<float>{116, 108, 117, 109}));
  for (std::int64_t stride = 1; stride < 5; ++stride) {
    const Windows all(series, {.length = 4, .horizon = 3, .stride = stride});
    float latest = 0;
    for (std::size_t i = 0; i < all.count(); ++i) latest = all.batch(std::vector<std::size_t>{i}).y[4];
    EXPECT_LE(latest, 19);
    EXPECT_GT(latest, 19 - static_cast<float>(stride));  // and no window is left out
  }
}

TEST(LabelledTexts, ClassesAreSortedOrGiven) {
  const Csv table = Csv::parse("label,id,text\npos,1,\"good, really\"\nneg,2,bad\npos,3,\n");
  const Labelled data = Labelled::from(table);
  EXPECT_EQ(data.texts, (Texts{"good, really", "bad", ""}));
  EXPECT_EQ(data.classes, (Texts{"neg", "pos"}));
  EXPECT_EQ(data.labels, (std::vector<std::uint32_t>{1, 0, 1}));
  EXPECT_EQ(Labelled::from(table, "text", "label", {"pos", "neutral", "neg"}).labels,
            (std::vector<std::uint32_t>{0, 2, 0}));
  EXPECT_EQ(bad_file([&] { Labelled::from(table, "text", "label", {"neg"}); }),
            "csv:2: column \"label\": \"pos\" is none of the 1 classes");
  EXPECT_EQ(bad_file([] { Labelled::from(Csv::parse("text,label\nx,\n")); }),
            "csv:2: column \"label\": the label is missing");
  EXPECT_EQ(bad_file([&] { Labelled::from(table, "review"); }),
            "csv: has no column \"review\"; there are \"label\", \"id\", \"text\"");
}

TEST(Words, AreLowerCaseAndPunctuationStandsAlone) {
  EXPECT_EQ(words("Don't stop,\tCaf\xc3\xa9 42!\r\n(a_b)"),
            (Texts{"don't", "stop", ",", "caf\xc3\xa9", "42", "!", "(", "a_b", ")"}));
  EXPECT_TRUE(words(" \n").empty());
}

class Vocabularies : public ::testing::Test {
 protected:
  Vocabularies() {
    path_ = (std::filesystem::path(::testing::TempDir()) /
             (std::string("volute_words_") + ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                .string();
  }
  ~Vocabularies() override { std::filesystem::remove(path_); }
  std::string load_error(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    const std::string error = bad_file([&] { Vocabulary::load(path_); });
    return error.starts_with(path_) ? error.substr(path_.size()) : error;
  }
  std::string path_;
};

TEST_F(Vocabularies, AreOrderedByCountThenByBytes) {
  const auto v = Vocabulary::build({{"b", "a", "c", "<pad>"}, {"c", "b", "d"}, {"c"}});
  EXPECT_EQ(v.decode(std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5}), (Texts{"<pad>", "<unk>", "c", "b", "a", "d"}));
  EXPECT_EQ(v.size(), 6);
  EXPECT_EQ(v.encode({"d", "never seen", "c"}), (std::vector<std::uint32_t>{5, 1, 2}));
  EXPECT_EQ(Vocabulary::build({{"b", "a", "c", "c", "b"}}, {.min_count = 2}).size(), 4);
  EXPECT_EQ(Vocabulary::build({{"b", "a", "c", "c", "b"}}, {.max_size = 3}).word(2), "b");
  EXPECT_EQ(Vocabulary::build({}).size(), 2);
}

TEST_F(Vocabularies, LoadAsTheyWereSaved) {
  const auto v = Vocabulary::build({{"line\nbreak", "back\\slash", "", "cr\r", "tab\t", "caf\xc3\xa9", "plain"}});
  v.save(path_);
  const auto loaded = Vocabulary::load(path_);
  ASSERT_EQ(loaded.size(), v.size());
  for (std::uint32_t token = 0; token < v.size(); ++token) {
    EXPECT_EQ(loaded.word(token), v.word(token));
    EXPECT_EQ(loaded.token(v.word(token)), token);
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(Vocabularies, FilesThatAreWrongNameTheLine) {
  const std::string good = "volute vocabulary 1\n<pad>\n<unk>\n";
  EXPECT_EQ(load_error(good + "a\n"), "no error");
  EXPECT_EQ(load_error("words\n"), ":1: is not a vocabulary; it should begin with \"volute vocabulary 1\"");
  EXPECT_EQ(load_error(good + "a\nb"), ":5: the line does not end; the file is cut off");
  EXPECT_EQ(load_error(good + "a\nb\na\n"), ":6: the word \"a\" is there twice");
  EXPECT_EQ(load_error(good + "a\\\n"), ":4: a backslash must be followed by \\, n or r");
  EXPECT_EQ(load_error("volute vocabulary 1\n<pad>\na\n"), ":3: should be <unk>");
  EXPECT_EQ(load_error("volute vocabulary 1\n<pad>\n"), ":2: the special tokens are missing");
  EXPECT_EQ(load_error(""), ": is empty");
  EXPECT_EQ(bad_file([] { Vocabulary::build({}).save("/nowhere/words"); }),
            "/nowhere/words: cannot be written: No such file or directory");
}

}  // namespace
}  // namespace volute::data
