// Speech made up by espeak-ng: sentences of keywords among other words, said by voices of many kinds.
// Invariant: training, validation and test have words besides the keywords, and voices, of their own.
#pragma once

#include <espeak-ng/speak_lib.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>
#include <volute/data.hpp>

#include "samples/keywords/features.hpp"

namespace keywords {

using volute::data::Generator;
using Strings = std::vector<std::string>;

/// Label k + 1 is the k-th; 0 is what CTC says in between.
inline const Strings spotted = {"yes", "no", "stop", "go", "left", "right", "up", "down"};

inline std::string spelt(const std::vector<std::uint32_t>& labels) {
  std::string text;
  for (const std::uint32_t label : labels) text += (text.empty() ? "" : " ") + spotted[label - 1];
  return text;
}

/// Who may say what besides the keywords.
struct Part {
  Strings accents, timbres, fillers;
  double varied = 0;  ///< how much faster or slower speech is played, which makes smaller and larger speakers
};

inline const Part training = {
    {"en-us", "en", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc", "en-gb-scotland"},
    {"m1", "m2", "m3", "m4", "m6", "f1", "f2", "f3", "f4", "Andy", "Annie", "Denis", "Jacky", "Lee", "Mario", "anika",
     "aunty", "belinda", "benjamin", "boris", "david", "edward", "grandma", "john", "linda", "max", "paul", "quincy",
     "rob", "robert", "steph", "victor"},
    {"paper",  "window", "seven",  "yellow", "table",  "music",  "number", "winter", "river", "open",  "coffee",
     "doctor", "engine", "family", "green",  "history", "island", "jacket", "kitchen", "lemon", "mother", "night",
     "orange", "people", "quiet",  "round",  "silver", "ticket", "under",  "very",   "water", "box",   "young",
     "zebra",  "bread",  "cloud",  "dream",  "five",   "great",  "house",  "animal", "brown", "castle", "deep",
     "evening", "forest", "glass", "hundred", "ink",   "jump",   "king",   "lake",   "month", "nothing", "over"},
    0.15};
inline const Part validation = {{"en-us", "en"},
                                {"m5", "adam", "caleb", "shelby", "Alex"},
                                {"apple", "bottle", "candle", "eight", "flower", "garlic", "hotel", "lucky", "model"}};
inline const Part test = {{"en-gb-x-rp", "en-us", "en"},
                          {"m7", "m8", "f5", "Michael", "travis", "marcelo"},
                          {"basket", "carpet", "dinner", "earth", "finger", "guitar", "honey", "letter", "market",
                           "nine", "ocean", "pencil", "rabbit", "summer", "tiger", "village"}};

inline const std::string& any(const Strings& of, Generator& random) { return of[random.below(of.size())]; }

/// A voice, at a pace and a pitch.
struct Speaker {
  std::string voice;
  int words_a_minute, pitch;

  Speaker(const Part& part, Generator& random)
      : voice(any(part.accents, random) + "+" + any(part.timbres, random)),
        words_a_minute(140 + static_cast<int>(random.below(50))),
        pitch(30 + static_cast<int>(random.below(40))) {}
};

/// The library, of which a process has one.
class Synthesiser {
 public:
  Synthesiser() : rate_(espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, nullptr, espeakINITIALIZE_DONT_EXIT)) {
    if (rate_ <= 0) throw std::runtime_error("espeak-ng does not start: is the package espeak-ng-data installed?");
    espeak_SetSynthCallback([](short* samples, int count, espeak_EVENT* events) {
      if (!samples) return 0;
      auto& heard = *static_cast<std::vector<float>*>(events->user_data);
      heard.insert(heard.end(), samples, samples + count);
      return 0;
    });
  }
  ~Synthesiser() { espeak_Terminate(); }
  Synthesiser(const Synthesiser&) = delete;
  Synthesiser& operator=(const Synthesiser&) = delete;

  int rate() const { return rate_; }  ///< samples a second
  /// Without the silence around it, and of power 1.
  std::vector<float> say(const std::string& text, const Speaker& speaker) {
    if (espeak_SetVoiceByName(speaker.voice.c_str()) != EE_OK)
      throw std::runtime_error("espeak-ng has no voice " + speaker.voice);
    espeak_SetParameter(espeakRATE, speaker.words_a_minute, 0);
    espeak_SetParameter(espeakPITCH, speaker.pitch, 0);
    std::vector<float> heard;
    if (espeak_Synth(text.c_str(), text.size() + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, nullptr, &heard) != EE_OK)
      throw std::runtime_error("espeak-ng cannot say \"" + text + "\"");
    return levelled(heard);
  }

 private:
  static std::vector<float> levelled(const std::vector<float>& heard) {
    const auto loud = [](float sample) { return std::abs(sample) > 300; };  // of 32767
    const auto begin = std::find_if(heard.begin(), heard.end(), loud);
    const auto end = std::find_if(heard.rbegin(), std::make_reverse_iterator(begin), loud).base();
    std::vector<float> speech(begin, end);
    double power = 1e-9;
    for (const float sample : speech) power += sample * sample / static_cast<double>(speech.size());
    for (float& sample : speech) sample /= static_cast<float>(std::sqrt(power));
    return speech;
  }
  int rate_;
};

/// What was said, and the keywords in it.
struct Sentence {
  std::string text;
  std::vector<std::uint32_t> labels;
};

/// Three or four words, up to three of them keywords.
inline Sentence make_sentence(const Part& part, Generator& random) {
  Sentence s;
  for (std::uint64_t left = 3 + random.below(2); left > 0; --left) {
    const bool keyword = s.labels.size() < 3 && random.below(5) < 2;
    if (keyword) s.labels.push_back(1 + static_cast<std::uint32_t>(random.below(spotted.size())));
    s.text += (s.text.empty() ? "" : " ") + (keyword ? spotted[s.labels.back() - 1] : any(part.fillers, random));
  }
  return s;
}

/// Noise that is `decibels` quieter than speech of power 1, falling off towards high frequencies as that does.
inline void add_noise(std::span<float> speech, double decibels, Generator& random) {
  const auto loudness = static_cast<float>(std::pow(10, -decibels / 20));
  float noise = 0;
  for (float& sample : speech) {
    // A uniform number in +-1 has the variance 1/3; the filter makes that 1/3 (1 - 0.8^2)^-1.
    const float fresh = static_cast<float>(random.below(1u << 24)) / (1u << 23) - 1.0f;
    noise = 0.8f * noise + fresh;
    sample += loudness * noise * 1.0392f;
  }
}

constexpr std::int64_t C = LogMel::step_size;

/// Sentences, and what is heard of them.
struct Sentences {
  std::vector<Sentence> said;
  std::vector<std::vector<float>> heard;  // each [steps, C], a step is 30 ms
};

/// At another speed, between samples on straight lines.
inline std::vector<float> played(const std::vector<float>& speech, double speed) {
  std::vector<float> out;
  for (double at = 0; at + 1 < static_cast<double>(speech.size()); at += speed) {
    const auto i = static_cast<std::size_t>(at);
    const auto part = static_cast<float>(at - static_cast<double>(i));
    out.push_back(speech[i] + part * (speech[i + 1] - speech[i]));
  }
  return out;
}

/// What is heard of a text in noise that is 10 to 25 dB quieter.
inline std::vector<float> hear(Synthesiser& synthesiser, const Part& part, const std::string& text, Generator& random) {
  static const LogMel spectrum(synthesiser.rate());
  const double speed = 1 + part.varied * (static_cast<double>(random.below(2001)) / 1000 - 1);
  std::vector<float> speech = played(synthesiser.say(text, Speaker(part, random)), speed);
  add_noise(speech, 10 + static_cast<double>(random.below(16)), random);
  return spectrum(speech);
}

inline Sentences speak(Synthesiser& synthesiser, const Part& part, std::size_t count, Generator random) {
  Sentences all;
  while (all.said.size() < count) {
    all.said.push_back(make_sentence(part, random));
    all.heard.push_back(hear(synthesiser, part, all.said.back().text, random));
  }
  return all;
}

}  // namespace keywords
