// Configs with mistakes in them. Each must be refused with file, line, key and what is allowed, and leave nothing
// behind; what the schema forbids must be forbidden to any validator of JSON schemas, too.
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "tests/cli/process.hpp"

namespace volute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

enum Kind {
  syntax,   ///< no JSON, or none that means one thing
  schema,   ///< any validator must refuse it
  meaning,  ///< beyond what a schema says: files, columns, options without maths
};

struct Case {
  std::string name;
  Kind kind;
  std::string text;
  int line;  ///< of the message that has the fragments
  std::vector<std::string> fragments;
};

const std::string head = "{\n  \"language_model\": {\"text\": [\"text.txt\"], \"length\": 8},\n";

/// A config with one more section, which begins in line 3.
std::string with(const std::string& section) { return head + section + "\n}\n"; }
std::string model(const std::string& keys) { return with("  \"model\": {" + keys + "}"); }
std::string training(const std::string& keys) { return with("  \"training\": {" + keys + "}"); }
std::string table(const std::string& keys) {
  return "{\n  \"forecasting\": {\"file\": \"series.csv\",\n    " + keys + "}\n}\n";
}

const std::vector<Case> all_cases = {
      // No JSON.
      {"empty", syntax, "", 1, {"the file is empty"}},
      {"blank", syntax, "\n\n", 3, {"the file is empty"}},
      {"truncated",
       syntax,
       head + "  \"model\": {\"hidden\": 5,\n",
       4,
       {"ends too early", "missing } for line 3, } for line 1"}},
      {"truncated_text",
       syntax,
       "{\n  \"language_model\": {\"text\": [\"te",
       2,
       {"language_model.text", "missing before the end"}},
      {"trailing_comma", syntax, model("\"hidden\": 5,"), 3, {"model.hidden", "no comma may stand before }"}},
      {"trailing_comma_in_list",
       syntax,
       "{\n  \"language_model\": {\"text\": [\"text.txt\",]}\n}",
       2,
       {"language_model.text", "no comma may stand before ]"}},
      {"missing_comma", syntax, model("\"hidden\": 5 \"layers\": 2"), 3, {"model.hidden", "a ','", "expected"}},
      {"missing_colon", syntax, model("\"hidden\" 5"), 3, {"model.hidden", "':' is expected"}},
      {"single_quotes", syntax, model("'hidden': 5"), 3, {"model", "\"double quotes\""}},
      {"bare_key", syntax, model("hidden: 5"), 3, {"model", "a key in \"double quotes\" is expected", "'h'"}},
      {"comment", syntax, head + "  // the model\n  \"model\": {}\n}", 3, {"JSON has no comments"}},
      {"bad_literal",
       syntax,
       model("\"layer_norm\": True"),
       3,
       {"model.layer_norm", "a value is expected", "true, false"}},
      {"not_utf8", syntax, model("\"cell\": \"lstm\xff\""), 3, {"model.cell", "not UTF-8", "0xff"}},
      {"line_break_in_text", syntax, model("\"cell\": \"ls\ntm\""), 3, {"model.cell", "end of a line"}},
      {"huge_number", syntax, training("\"lr\": 1e999"), 3, {"training.lr", "too large", "1.8e308"}},
      {"two_values", syntax, with("  \"model\": {}") + "{}", 5, {"nothing may follow"}},
      {"too_deep",
       syntax,
       "{\n  \"model\": " + std::string(40, '[') + std::string(40, ']') + "}",
       2,
       {"model", "deeper than 32 levels"}},
      {"key_twice", syntax, model("\"hidden\": 5,\n    \"hidden\": 6"), 4, {"model.hidden", "given twice", "line 3"}},
      {"section_twice", syntax, with("  \"model\": {},\n  \"model\": {}"), 4, {"model: is given twice", "line 3"}},
      {"no_object", syntax, "[1, 2]", 1, {"a config is an object"}},
      // Against the schema.
      {"unknown_key",
       schema,
       model("\"hiden\": 5"),
       3,
       {"model.hiden", "no such key", "did you mean \"hidden\"?", "\"embedding\""}},
      {"unknown_section",
       schema,
       with("  \"trainig\": {}"),
       3,
       {"trainig", "did you mean \"training\"?", "\"output\""}},
      {"unknown_far",
       schema,
       model("\"colour\": 1"),
       3,
       {"model.colour", "no such key; model may have \"embedding\", \"cell\""}},
      {"no_task",
       schema,
       "{\n  \"model\": {}\n}",
       1,
       {"needs one of the keys \"language_model\", \"classification\" or \"forecasting\""}},
      {"two_tasks",
       schema,
       with("  \"forecasting\": {\"file\": \"series.csv\", \"columns\": [\"wave\"]}"),
       3,
       {"forecasting", "must not stand beside \"language_model\" of line 2"}},
      {"missing_key",
       schema,
       "{\n  \"forecasting\": {\"file\": \"series.csv\"}\n}",
       2,
       {"forecasting", "needs the key \"columns\"", "a list of texts"}},
      {"text_for_number",
       schema,
       model("\"hidden\": \"128\""),
       3,
       {"model.hidden", "a whole number from 1 to 16384", "not \"128\""}},
      {"fraction", schema, model("\"layers\": 1.5"), 3, {"model.layers", "a whole number from 1 to 64, not 1.5"}},
      {"number_for_text", schema, model("\"cell\": 3"), 3, {"model.cell", "one of \"lstm\", \"gru\"", "not 3"}},
      {"text_for_truth",
       schema,
       model("\"layer_norm\": \"yes\""),
       3,
       {"model.layer_norm", "true or false, not \"yes\""}},
      {"null", schema, model("\"dropout\": null"), 3, {"model.dropout", "a number from 0, below 1, not null"}},
      {"most_of_it_tests",
       schema,
       table("\"columns\": [\"wave\"], \"test\": 0.6"),
       3,
       {"forecasting.test", "a number from 0 to 0.5, not 0.6"}},
      {"number_for_section", schema, with("  \"training\": 5"), 3, {"training", "an object { }, not 5"}},
      {"text_for_list",
       schema,
       "{\n  \"language_model\": {\"text\": \"text.txt\"}\n}",
       2,
       {"language_model.text", "a list of texts", "not \"text.txt\""}},
      {"empty_list",
       schema,
       "{\n  \"language_model\": {\"text\": []}\n}",
       2,
       {"language_model.text", "at least one; the list is empty"}},
      {"wrong_in_list",
       schema,
       "{\n  \"language_model\": {\"text\": [\"text.txt\",\n   7]}\n}",
       3,
       {"language_model.text[1]", "a text that is not empty, not 7"}},
      {"same_column_twice", schema, table("\"columns\": [\"wave\", \"wave\"]"), 3, {"forecasting.columns[1]", "twice"}},
      {"too_small", schema, training("\"batch\": 0"), 3, {"training.batch", "from 1 to 65536, not 0"}},
      {"too_large", schema, model("\"hidden\": 99999999999999999999"), 3, {"model.hidden", "from 1 to 16384, not"}},
      {"negative", schema, training("\"lr\": -0.1"), 3, {"training.lr", "a number above 0, at most 1000, not -0.1"}},
      {"one_is_too_much", schema, model("\"dropout\": 1"), 3, {"model.dropout", "below 1, not 1"}},
      {"no_such_cell",
       schema,
       model("\"cell\": \"lsmt\""),
       3,
       {"model.cell", "\"minlstm\", not \"lsmt\"", "did you mean \"lstm\"?"}},
      {"no_such_optimizer",
       schema,
       training("\"optimizer\": \"lion\""),
       3,
       {"training.optimizer", "one of \"adam\", \"adamw\", \"sgd\", \"rmsprop\", \"adagrad\""}},
      {"steps_and_epochs",
       schema,
       training("\"steps\": 5,\n    \"epochs\": 2"),
       4,
       {"training.epochs", "must not stand beside \"steps\""}},
      {"many_mistakes",
       schema,
       model("\"hiden\": 5, \"cell\": \"x\",\n    \"layers\": 0"),
       4,
       {"model.layers", "from 1 to 64"}},
      // Beyond it.
      {"no_such_file",
       meaning,
       "{\n  \"language_model\": {\"text\": [\"text.txt\", \"nothing.txt\"]}\n}",
       2,
       {"language_model.text[1]", "there is no nothing.txt"}},
      {"folder_for_file",
       meaning,
       "{\n  \"language_model\": {\"text\": [\".\"]}\n}",
       2,
       {"language_model.text[0]", "is a folder"}},
      {"no_such_column",
       meaning,
       table("\"columns\": [\"wave\", \"tide\"]"),
       3,
       {"forecasting.columns[1]", "tide", "ramp"}},
      {"target_no_column",
       meaning,
       table("\"columns\": [\"wave\"], \"targets\": [\"ramp\"]"),
       3,
       {"forecasting.targets[0]", "one of the columns: [\"wave\"]"}},
      {"series_too_short", meaning, table("\"columns\": [\"wave\"], \"length\": 500"), 3, {"forecasting.length"}},
      {"too_little_to_test", meaning, table("\"columns\": [\"wave\"], \"test\": 0.005"), 3, {"forecasting.test"}},
      {"nothing_to_learn_from",
       meaning,
       table("\"columns\": [\"wave\"], \"validation\": 0.95"),
       3,
       {"forecasting.validation", "leaves no row to learn from; there are 120, of which 12 test"}},
      {"text_too_short",
       meaning,
       "{\n  \"language_model\": {\"text\": [\"text.txt\"],\n    \"length\": 5000}\n}",
       3,
       {"language_model.length"}},
      {"not_with_this_optimizer",
       meaning,
       training("\"momentum\": 0.9"),
       3,
       {"training.momentum", "no meaning with optimizer \"adam\"", "\"sgd\" and \"rmsprop\""}},
      {"not_with_this_task",
       meaning,
       model("\"bidirectional\": true"),
       3,
       {"model.bidirectional", "no meaning for \"language_model\"", "\"classification\" and \"forecasting\""}},
      {"peepholes_of_a_gru",
       meaning,
       model("\"cell\": \"gru\",\n    \"peepholes\": true"),
       4,
       {"model.peepholes", "cell \"gru\"", "cells that have it: lstm"}},
      {"recurrent_weights_of_a_mingru",
       meaning,
       model("\"cell\": \"mingru\", \"drop_connect\": 0.2"),
       3,
       {"model.drop_connect", "mingru", "cells that have it: lstm, gru, rnn"}},
      {"projection_too_large",
       meaning,
       model("\"hidden\": 8, \"projection\": 9"),
       3,
       {"model.projection", "below hidden"}},
      {"one_mask_of_no_dropout",
       meaning,
       model("\"layers\": 2, \"variational\": true"),
       3,
       {"model.variational", "without dropout"}},
      {"one_mask_of_no_recurrent_dropout",
       meaning,
       model("\"recurrent_variational\": true"),
       3,
       {"model.recurrent_variational", "without recurrent_dropout"}},
      {"reset_of_an_lstm",
       meaning,
       model("\"reset_after\": false"),
       3,
       {"model.reset_after", "cells that have it: gru"}},
};

const std::vector<Case>& cases() { return all_cases; }

class Malformed : public Cli {};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_F(Malformed, ThereAreFortyAndMore) { EXPECT_GE(cases().size(), 40u); }

TEST_F(Malformed, EachErrorNamesPlaceKeyAndWhatIsAllowed) {
  write_text();
  write_series();
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    write("bad.json", c.text);
    const auto before = files();
    const Result result = run({"train", "bad.json"});
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(files(), before);
    const std::string place = "volute: bad.json:" + std::to_string(c.line) + ":";
    const auto lines = lines_of(result.err);
    const auto said = std::find_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.rfind(place, 0) == 0 &&
             std::all_of(c.fragments.begin(), c.fragments.end(),
                         [&](const std::string& f) { return line.find(f) != std::string::npos; });
    });
    EXPECT_NE(said, lines.end()) << "expected " << place << " and " << ::testing::PrintToString(c.fragments)
                                 << ", got\n"
                                 << result.err;
    for (const std::string& line : lines) EXPECT_THAT(line, StartsWith("volute: bad.json:"));
  }
}

TEST_F(Malformed, AllMistakesAreSaidAtOnce) {
  write_text();
  write("bad.json", model("\"hiden\": 5, \"cell\": \"x\",\n    \"layers\": 0"));
  const auto lines = lines_of(run({"train", "bad.json"}).err);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr("model.hiden"));
  EXPECT_THAT(lines[1], HasSubstr("model.cell"));
  EXPECT_THAT(lines[2], HasSubstr("model.layers"));
}

TEST_F(Malformed, ADifferentValidatorAgrees) {
  const std::string text = succeed({"train", "--schema"}).out;
  const auto json = nlohmann::json::parse(text);
  valijson::Schema compiled;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(json), compiled);
  const auto accepts = [&](const std::string& config) {
    const auto parsed = nlohmann::json::parse(config);
    valijson::Validator validator;
    return validator.validate(compiled, valijson::adapters::NlohmannJsonAdapter(parsed), nullptr);
  };
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    if (c.kind != syntax) {
      EXPECT_EQ(accepts(c.text), c.kind == meaning);
    }
  }
  for (const std::string& config : {language_config(), classification_config(), forecasting_config()})
    EXPECT_TRUE(accepts(config));
}

TEST_F(Malformed, NoTerminalDoesWhatAConfigSays) {
  write_text();
  for (const std::string& text : {model("\"\\u001b[31m\": 1"), model("\"cell\": \"\\u009b31m\""),
                                  model("\"cell\": \"\x1b\""),
                                  std::string("{\n  \"language_model\": {\"text\": [\"\\u001b]0;x\\u0007\"]}\n}")}) {
    write("bad.json", text);
    const Result result = run({"train", "bad.json"});
    EXPECT_EQ(result.status, 2);
    for (const char* code : {"\x1b", "\xc2\x9b", "\a"}) EXPECT_THAT(result.err, ::testing::Not(HasSubstr(code)));
  }
  EXPECT_THAT(run({"evaluate", "\x1b[31m"}).err, HasSubstr("\\x1b[31m: there is no such run"));
}

TEST_F(Malformed, WhatIsNotUtf8IsRefusedWhereItStands) {
  write_reviews();
  write("config.json", classification_config());
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& why) {
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr(why));
  };
  refused({"train", "config.json", "--set", "classification.text=t\xe4xt"},
          "--set classification.text=t\\xe4xt: is not UTF-8");
  std::filesystem::create_directory(folder_ / "F\xe4ger");
  write("F\xe4ger/config.json", classification_config());
  write_reviews("F\xe4ger/reviews.csv");
  refused({"train", "F\xe4ger/config.json"}, "reviews.csv: its name is not UTF-8");
  write("reviews.csv", read("reviews.csv") + "\"so so\",m\xe4\xdfig\n\"so so\",m\xe4\xdfig\n");
  refused({"train", "config.json"}, "the label \"m\\xe4\\xdfig\" is not UTF-8");
}

TEST_F(Malformed, SettingsOfTheCommandLineAreCheckedAsTheFileIs) {
  write_text();
  write("config.json", language_config());
  const auto refused = [&](const std::string& setting, const std::string& why) {
    const Result result = run({"train", "config.json", "--set", setting});
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr(why));
  };
  refused("model.hidden=0", "--set: model.hidden: must be a whole number from 1 to 16384");
  refused("model.cell=lsm", "--set: model.cell: must be one of");
  refused("model.cel=lstm", "did you mean \"cell\"?");
  refused("nonsense", "must be KEY=VALUE");
  refused("model.cell.x=1", "is no key");
  // Epochs take the place of the file's steps; both from the command line are one too many.
  succeed({"train", "config.json", "--check", "--set", "training.epochs=2"});
  EXPECT_EQ(run({"train", "config.json", "--check", "--set", "training.epochs=2", "--set", "training.steps=2"}).status,
            2);
}

}  // namespace
}  // namespace volute::test
