// Reviews made by rules: what somebody thinks is the sum of the opinions that count. Of two opposed ones that of the
// main clause counts, "not" and its like turn one round, "very" makes one weigh more; what others say or what was
// expected counts for nothing, and "all in all" settles the matter.
// Invariant: no pair of a negation and an adjective of the test part, and none of its nouns, is in another part.
#pragma once

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>
#include <volute/data.hpp>

namespace sentiment {

enum class Part : std::uint8_t { training, validation, test };

struct Review {
  std::string text;
  std::uint32_t good = 0;
};

/// Writes reviews of one part, good and bad ones in turn.
class Writer {
 public:
  Writer(Part part, std::uint64_t seed) : part_(part), random_(seed, static_cast<std::uint64_t>(part)) {}

  Review review() {
    wanted_ = !wanted_;
    for (;;) {
      std::string text;
      int sum = 0;
      for (std::uint64_t left = 1 + random_.below(4); left > 0; --left) sum += sentence(text);
      if (chance(15)) {
        const Opinion last = opinion(random_sign());
        text += "All in all, " + last.text + ". ";
        sum = last.weight;
      }
      text.pop_back();
      if (std::abs(sum) >= 2 && (sum > 0) == wanted_) return {text, wanted_ ? 1u : 0u};
    }
  }

 private:
  using Words = std::vector<std::string>;
  /// A clause and what it is worth, above 0 if good.
  struct Opinion {
    std::string text;
    int weight = 0;
  };

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  int random_sign() { return chance(50) ? 1 : -1; }
  const std::string& pick(const Words& of) { return of[random_.below(of.size())]; }
  /// A fifth of all is of the validation part, a fifth of the test part.
  bool is_mine(std::size_t number) const {
    return part_ == (number % 5 == 3 ? Part::validation : number % 5 == 4 ? Part::test : Part::training);
  }
  const std::string& noun() {
    for (;;)
      if (const std::size_t i = random_.below(nouns.size()); is_mine(i)) return nouns[i];
  }

  /// "the soup was hardly bland", of the sign asked for.
  Opinion opinion(int sign) {
    const std::string subject = "the " + noun() + " ";
    if (chance(45)) {
      const Words& adjectives = sign > 0 ? bad_words : good_words;
      for (;;) {
        const std::size_t how = random_.below(negations.size()), which = random_.below(adjectives.size());
        if (!is_mine(how + which)) continue;
        const std::string& negation = negations[how];
        const bool nobody = how == 0;
        return {nobody ? negation + " " + subject + adjectives[which] : subject + negation + " " + adjectives[which],
                2 * sign};
      }
    }
    const std::uint64_t strength = random_.below(4);  // three in four weigh 2
    const std::string adverb = strength == 0 ? pick(strong) + " " : strength == 1 ? pick(weak) + " " : "";
    return {subject + pick(verbs) + " " + adverb + pick(sign > 0 ? good_words : bad_words),
            sign * (strength == 0 ? 3 : strength == 1 ? 1 : 2)};
  }

  /// Adds a sentence; returns what it is worth.
  int sentence(std::string& text) {
    const Opinion main = opinion(random_sign());
    const std::string other = opinion(main.weight > 0 ? -1 : 1).text;
    std::string said;
    int worth = main.weight;
    switch (random_.below(8)) {
      case 0: said = other + pick({", but ", ", yet ", "; still, "}) + main.text; break;
      case 1: said = pick({"although ", "while ", "even though "}) + other + ", " + main.text; break;
      case 2: said = main.text + pick({", although ", ", even if "}) + other; break;
      case 3: said = pick(others) + " that " + main.text, worth = 0; break;
      case 4:
        said = pick(hopes) + " the " + noun() + " to be " + pick(chance(50) ? good_words : bad_words);
        worth = 0;
        break;
      case 5: said = pick(asides) + " the " + noun(), worth = 0; break;
      default: said = main.text;
    }
    said[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(said[0])));
    text += said + ". ";
    return worth;
  }

  static inline const Words nouns = {
      "soup",    "room",   "waiter", "cast",    "plot",   "lamp",   "camera", "song",    "pizza",  "hotel",  "guide",
      "chapter", "engine", "beach",  "keyboard", "jacket", "tea",    "garden", "ending",  "music",  "phone",  "bread",
      "museum",  "ticket", "table",  "driver", "novel",  "bed",    "tour",   "actor",   "cake",   "screen", "market",
      "wine",    "boat",   "sauce",  "manual",  "battery", "singer", "view",   "ferry",   "salad",  "shower", "script",
      "handle",  "lobby",  "coffee", "trail",   "drummer", "sofa",   "bakery", "costume", "buffet", "zipper",
      "lecture"};
  static inline const Words good_words = {"good",   "great",    "lovely", "charming", "superb", "brilliant",
                                          "useful", "pleasant", "solid",  "fresh",    "clever", "wonderful"};
  static inline const Words bad_words = {"bad",    "awful",  "dull",  "boring", "horrible", "useless",
                                         "clumsy", "broken", "stale", "rude",   "noisy",    "terrible"};
  /// The first comes before its subject.
  static inline const Words negations = {"nobody would call", "was not", "was never", "was hardly", "was far from",
                                         "was anything but"};
  static inline const Words verbs = {"was", "seemed", "felt", "turned out"};
  static inline const Words strong = {"very", "really", "extremely"};
  static inline const Words weak = {"somewhat", "slightly", "rather"};
  static inline const Words others = {"my brother claims", "the advertisement said", "a friend had warned me",
                                      "some people think"};
  static inline const Words hopes = {"I had expected", "we wanted", "everyone wants"};
  static inline const Words asides = {"we came on a Monday for", "it took an hour to find", "my sister paid for",
                                      "there is not much to say about"};

  Part part_;
  volute::data::Generator random_;
  bool wanted_ = false;
};

}  // namespace sentiment
