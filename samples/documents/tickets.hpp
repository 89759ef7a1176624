// Histories of support tickets, one sentence an event, and who has the ticket in the end. Only who has it can hand it
// over or close it; what others do changes nothing. So words say nothing without their order, and sentences neither.
// Invariant: a tenth of all triples (phrase, from whom, to whom) is in the test part alone, a tenth in the validation
// part alone; half of the events that hand a ticket over are of those there.
#pragma once

#include <array>
#include <cctype>
#include <cstdint>
#include <string>
#include <vector>
#include <volute/data.hpp>

namespace documents {

enum class Part : std::uint8_t { training, validation, test };

/// Who has a ticket; the last is nobody.
inline const std::array<std::string, 4> holders = {"the customer", "the help desk", "the engineer", "closed"};
constexpr std::uint32_t help_desk = 1, closed = 3;
constexpr std::int64_t most_events = 9;

struct Ticket {
  std::vector<std::string> sentences;
  std::vector<std::uint32_t> holder;  ///< after each sentence; the last is the class
};

/// Writes tickets of one part, of each class in turn.
class Writer {
 public:
  Writer(Part part, std::uint64_t seed) : part_(part), random_(seed, static_cast<std::uint64_t>(part)) {}

  Ticket ticket() {
    wanted_ = (wanted_ + 1) % 4;
    for (;;) {
      ticket_ = {{"A ticket about a " + thing() + " reached the help desk"}, {help_desk}};
      for (std::uint64_t left = 1 + random_.below(most_events - 1); left > 0; --left) event();
      if (ticket_.holder.back() == wanted_) return ticket_;
    }
  }

 private:
  using Words = std::vector<std::string>;

  const std::string& pick(const Words& of) { return of[random_.below(of.size())]; }
  const std::string& thing() { return pick(things); }

  void event() {
    const std::uint32_t holder = ticket_.holder.back();
    auto actor = static_cast<std::uint32_t>(random_.below(3));
    if (holder != closed && random_.below(10) < 4) actor = holder;  // or it would hardly ever change hands
    const auto other = static_cast<std::uint32_t>((actor + 1 + random_.below(2)) % 3);
    switch (random_.below(holder == closed ? 4 : 8)) {
      case 0: return say(pick(reopening), actor, other, holder == closed ? actor : holder);
      case 1: return say(pick(closing), actor, other, holder == actor ? closed : holder);
      case 2: return say(pick(chatter), actor, other, holder);
      default: return say(phrase(actor, other), actor, other, holder == actor ? other : holder);
    }
  }
  /// One to hand a ticket over with.
  const std::string& phrase(std::uint32_t actor, std::uint32_t other) {
    const bool held_out = part_ != Part::training && random_.below(2) == 0;
    for (;;) {
      const std::size_t i = random_.below(handing.size());
      const std::size_t tenth = (3 * i + 2 * actor + 5 * (other == (actor + 1) % 3)) % 10;
      const Part part = tenth == 3 ? Part::validation : tenth == 7 ? Part::test : Part::training;
      if (part == (held_out ? part_ : Part::training)) return handing[i];
    }
  }
  /// @A is who acts, @B the other one, @T a thing.
  void say(const std::string& phrase, std::uint32_t actor, std::uint32_t other, std::uint32_t holder) {
    std::string text;
    for (std::size_t i = 0; i < phrase.size(); ++i) {
      if (phrase[i] != '@') {
        text += phrase[i];
        continue;
      }
      const char slot = phrase[++i];
      text += slot == 'A' ? holders[actor] : slot == 'B' ? holders[other] : "the " + thing();
    }
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    ticket_.sentences.push_back(text);
    ticket_.holder.push_back(holder);
  }

  static inline const Words things = {"printer", "login", "bill",   "router", "backup", "screen", "report",
                                      "server",  "cable", "licence", "log",    "patch"};
  static inline const Words handing = {"@A asked @B for @T",
                                       "@A passed the ticket on to @B",
                                       "@B got the ticket from @A, with @T",
                                       "@B was asked by @A to look at @T",
                                       "@A sent @T to @B and waits",
                                       "from @A the ticket went to @B",
                                       "@T is now up to @B, says @A",
                                       "@B took over from @A",
                                       "@A could do nothing about @T and turned to @B",
                                       "next is @B, as @A had to stop at @T",
                                       "a question from @A about @T waits for @B",
                                       "@B has to answer @A first",
                                       "@A needs @T from @B to go on",
                                       "@T came back from @A to @B",
                                       "without @B there was no more that @A could do",
                                       "@A left the ticket to @B"};
  static inline const Words closing = {"@A closed the ticket", "@A told @B that @T works, and closed the ticket",
                                       "as @T works, the ticket was closed by @A"};
  static inline const Words reopening = {"@A opened the ticket again", "as @T failed again, @A opened the ticket again",
                                         "the ticket was opened again by @A, who told @B"};
  static inline const Words chatter = {"@A thanked @B for @T", "@B told @A a story about @T",
                                       "@A looked at @T, and so did @B", "@B had asked @A for @T last year"};

  Part part_;
  volute::data::Generator random_;
  std::uint32_t wanted_ = 0;
  Ticket ticket_;
};

}  // namespace documents
