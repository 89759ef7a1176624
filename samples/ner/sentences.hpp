// Sentences about people, places, organisations and dates, word by word with their BIO tags, made from templates.
// Invariant: a word that names somebody, a place or a firm does so in one part alone, so the names of the test part are
// in no other; and a sixth of the clauses is in the test part alone.
#pragma once

#include <array>
#include <cctype>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>
#include <volute/data.hpp>

namespace ner {

enum class Part : std::uint8_t { training, validation, test };
enum class Kind : std::uint8_t { person, place, organisation, date };
inline const std::array<std::string, 4> kind_names = {"PER", "LOC", "ORG", "DATE"};

/// 0 is padding, 1 outside of any entity; kind k begins with 2 + 2k and goes on with 3 + 2k.
constexpr std::uint32_t outside = 1, first_tag = 2, tag_count = 10;

struct Sentence {
  std::vector<std::string> words;
  std::vector<std::uint32_t> tags;
};

/// Writes sentences of one part. '@' and a letter in a pattern is a name, a date or a number, "a|b" one of two words.
class Writer {
 public:
  Writer(Part part, std::uint64_t seed) : part_(part), random_(seed, static_cast<std::uint64_t>(part)) {}

  Sentence sentence() {
    sentence_ = {};
    if (chance(20)) expand(pick(openings));
    expand(clause());
    if (chance(25)) expand(pick(tails));
    put(chance(90) ? "." : "!", outside);
    std::string& first = sentence_.words.front();
    first[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(first[0])));
    if (chance(25))  // as people type in a hurry: no capitals to go by
      for (std::string& word : sentence_.words)
        for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return std::move(sentence_);
  }

 private:
  using Words = std::vector<std::string>;

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  const std::string& pick(const Words& of) { return of[random_.below(of.size())]; }
  /// Clauses 5, 11, 17 ... are kept for the test part.
  const std::string& clause() {
    for (;;) {
      const std::size_t i = random_.below(clauses.size());
      if (i % 6 != 5 || part_ == Part::test) return clauses[i];
    }
  }
  /// Seven tenths of the numbers are of the training part (FNV-1a spreads the texts over them).
  bool is_mine(const std::string& text) const {
    std::uint32_t hash = 2166136261u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    const std::uint32_t tenth = (hash >> 8) % 10;
    return part_ == (tenth < 7 ? Part::training : tenth < 8 ? Part::validation : Part::test);
  }
  /// Syllables, "velmar" with a capital.
  std::string stem(std::uint64_t syllables) {
    std::string text;
    while (syllables-- > 0) text += pick(onsets) + pick(rhymes);
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text;
  }
  /// A word that may be a name: with an ending typical of its kind, without one, or an ordinary word.
  std::string name(const Words& endings) {
    for (;;) {
      const std::uint64_t roll = random_.below(100);
      const std::string word = roll < 10   ? pick(ordinary)
                               : roll < 40 ? stem(2 + random_.below(2))
                                           : stem(1 + random_.below(2)) + pick(endings);
      if (is_mine(word)) return word;
    }
  }

  void put(const std::string& word, std::uint32_t tag) {
    sentence_.words.push_back(word);
    sentence_.tags.push_back(tag);
  }
  void entity(Kind kind, const std::string& text) {
    std::istringstream words(text);
    const std::uint32_t begin = first_tag + 2 * static_cast<std::uint32_t>(kind);
    std::uint32_t tag = begin;
    for (std::string word; words >> word; tag = begin + 1) put(word, tag);
  }
  void expand(const std::string& pattern) {
    std::istringstream pieces(pattern);
    for (std::string piece; pieces >> piece;) {
      if (piece[0] == '@') {
        slot(piece[1]);
        continue;
      }
      const auto bar = piece.find('|');
      const bool left = bar != std::string::npos && chance(50);
      put(bar == std::string::npos ? piece : left ? piece.substr(0, bar) : piece.substr(bar + 1), outside);
    }
  }
  void slot(char letter) {
    switch (letter) {
      case 'P': return person();
      case 'L': return entity(Kind::place, (chance(15) ? pick(before_places) + " " : "") + name(place_endings));
      case 'O': return organisation();
      case 'D': return date();
      default: return put(number(), outside);
    }
  }
  void person() {
    if (chance(25)) put(pick(titles), outside);
    const std::string first = name(first_endings);
    entity(Kind::person, chance(50) ? first + " " + name(surname_endings) : chance(50) ? first : name(surname_endings));
    if (chance(8)) expand(pick(asides));
  }
  void organisation() {
    const std::uint64_t form = random_.below(6);
    entity(Kind::organisation, form == 0   ? "Bank of " + name(place_endings)
                               : form == 1 ? name(place_endings) + " University"
                               : form == 2 ? name(surname_endings) + " & Sons"
                               : form == 3 ? name(surname_endings) + " " + pick(trades)
                                           : name(firm_endings));
  }
  std::string digits(std::uint64_t from, std::uint64_t to) { return std::to_string(from + random_.below(to - from)); }
  /// As large as a year, at times.
  std::string number() {
    return chance(30) ? digits(1900, 2030) : chance(50) ? digits(2, 60) : digits(1, 90) + "," + digits(100, 1000);
  }
  /// With the preposition it takes, which is outside.
  void date() {
    const std::string day = digits(1, 29), year = digits(1900, 2030), month = pick(months);
    switch (random_.below(6)) {
      case 0: return put("on", outside), entity(Kind::date, day + " " + month + " " + year);
      case 1: return put("on", outside), entity(Kind::date, month + " " + day);
      case 2: return put("in", outside), entity(Kind::date, chance(50) ? year : month);
      case 3: return put("on", outside), entity(Kind::date, pick(days));
      case 4: return entity(Kind::date, (chance(50) ? "last " : "next ") + (chance(50) ? pick(days) : pick(months)));
      default: return put("on", outside), entity(Kind::date, year + "-" + digits(10, 13) + "-" + digits(10, 29));
    }
  }

  static inline const Words onsets = {"b", "br", "c", "d", "dr", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st",
                                      "t", "tr", "v", "z"};
  static inline const Words rhymes = {"a", "al", "an", "ar", "e", "el", "en", "i", "il", "im", "o", "ol", "or", "u"};
  static inline const Words first_endings = {"a", "ie", "us", "ine", "ette", "o"};
  static inline const Words surname_endings = {"son", "sen", "ova", "ez", "ini", "berg", "ko", "man"};
  static inline const Words place_endings = {"burg", "ton", "ville", "grad", "berg", "stad", "ford", "ia"};
  static inline const Words firm_endings = {"tech", "corp", "soft", "ex", "ia", "dyne", "net"};
  static inline const Words trades = {"Motors", "Airlines", "Group", "Foods", "Records", "Institute"};
  static inline const Words before_places = {"New", "Port", "Lake", "San", "North"};
  static inline const Words titles = {"Mr", "Mrs", "Dr", "Minister", "Professor", "Coach", "Judge"};
  static inline const Words months = {"January", "March", "April", "May", "June", "August", "October", "December"};
  static inline const Words days = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  /// Clauses use them in their everyday sense, too.
  static inline const Words ordinary = {"Will", "Mark",  "Grace", "Hope",   "Rose", "May",   "Bill", "Grant",   "Rich",
                                        "Nice", "Page",  "Cook",  "Young",  "Long", "Wood",  "Stone", "Price",  "Field",
                                        "Banks", "Summer", "Art", "Faith",  "Joy",  "Bath",  "Drew", "March",   "North",
                                        "Baker", "Hill", "Park",  "Bell",   "Sterling"};
  static inline const Words openings = {"according to @P ,", "after the talks near|in @L ,", "@P said|wrote that",
                                        "as a spokesman for @O put it ,", "for @N years"};
  static inline const Words asides = {", a lawyer from @L ,", ", who owns @O ,", "and other guests", "( @N )"};
  static inline const Words tails = {"@D", "near|in @L", ", said @P", "with @N others", ", a long walk from @L",
                                     "for a rich client of @O"};
  static inline const Words clauses = {
      "@P met|visited @P in @L @D", "@P was born in|near @L @D", "@O hired @P as its new chairman",
      "the mayor of @L will cook for @P", "@O sold @N cars @D", "@P gave up a post|job at @O",
      "shares of @O rose by @N percent @D", "the police in|near @L hope to find @P", "@P may not grant an interview",
      "the road from @L to @L is @N miles long", "@P and @P will marry @D", "flights from @L to @L begin @D",
      "a judge told @O to pay @P @N dollars", "it was a nice summer in @L", "@P paints art|signs for @O",
      "the price of wood fell to @N in @L", "@P has faith in the young team", "@P thanked the people of @L",
      "the North won @N games @D", "you may mark the page with a stone", "we drew a rose for @P @D",
      "@P moved|flew to @L @D", "a baker in|from @L sang with joy", "@O , based in @L , hired @N workers",
      "the bill of @O was due @D", "@P took a bath in the park|field", "the bell on the hill rang @N times",
      "@P teaches at @O in|near @L", "banks in @L will lend @N dollars to @O", "@P wrote @N letters from @L",
      "@O and @O agreed to merge @D", "her friend @P lives in @L", "the army will march to @L @D",
      "I read the letters of @P @D", "customers of @O complained about the price", "the ship left @L for @L @D"};

  Part part_;
  volute::data::Generator random_;
  Sentence sentence_;
};

}  // namespace ner
