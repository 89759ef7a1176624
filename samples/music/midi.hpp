// Writes tunes down: as Standard MIDI Files of two tracks, and as text.
// Invariant: both show what the tokens say and nothing else; a bar that is too short or too long stays so.
#pragma once

#include <glib.h>  // before smf.h, which would include it as C
#include <smf.h>

#include <memory>
#include <span>
#include <volute/volute.hpp>

#include "samples/music/composer.hpp"

namespace music {

/// A note and the eighths it begins and ends at.
struct Sound {
  int pitch, start, end;
  bool bass;
};

/// A bass note lasts until the next one.
inline std::vector<Sound> sounds(std::span<const std::uint32_t> tune) {
  std::vector<Sound> all;
  int now = 0, bass = -1;
  const auto end_bass = [&] {
    if (bass >= 0) all[bass].end = now;
  };
  for (const std::uint32_t token : tune) {
    if (is_bass(token)) {
      end_bass();
      bass = static_cast<int>(all.size());
      all.push_back({pitch_of(token), now, now, true});
    } else {
      all.push_back({pitch_of(token), now, now + duration_of(token), false});
      now += duration_of(token);
    }
  }
  end_bass();
  return all;
}

/// "C | C5:2 D5:1 ...": the bass, then notes and their eighths, bar by bar.
inline std::string text_of(std::span<const std::uint32_t> tune) {
  static const char* names[] = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  std::string text;
  for (const std::uint32_t token : tune) {
    const int pitch = pitch_of(token);
    if (is_bass(token)) text += std::string(text.empty() ? "" : "| ") + names[pitch % 12] + ": ";
    else text += names[pitch % 12] + std::to_string(pitch / 12 - 1) + ":" + std::to_string(duration_of(token)) + " ";
  }
  return text;
}

/// 120 quarters a minute, on a piano; the bass is the second track.
inline void save_midi(const std::string& path, std::span<const std::uint32_t> tune) {
  const int eighth = 240;
  const std::unique_ptr<smf_t, void (*)(smf_t*)> file(smf_new(), smf_delete);
  smf_track_t* tracks[] = {smf_track_new(), smf_track_new()};  // the file frees what is added to it
  if (!file || !tracks[0] || !tracks[1] || smf_set_ppqn(file.get(), 2 * eighth) != 0) throw std::bad_alloc();
  for (smf_track_t* track : tracks) smf_add_track(file.get(), track);
  const auto add = [&](int status, const Sound& s, int time, int strength) {
    smf_track_add_event_pulses(tracks[s.bass], smf_event_new_from_bytes(status, s.pitch, strength), time * eighth);
  };
  for (const Sound& s : sounds(tune)) {
    add(0x90, s, s.start, s.bass ? 60 : 90);
    add(0x80, s, s.end, 0);
  }
  if (smf_save(file.get(), path.c_str()) != 0) throw volute::BadFile(path + ": cannot be written");
}

}  // namespace music
