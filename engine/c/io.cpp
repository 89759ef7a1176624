// Files through volute.h.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

std::vector<io::Entry> need_entries(const volute_entry* entries, std::uint32_t count) {
  need_array(entries, count, "entries");
  std::vector<io::Entry> all;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string name = "entries[" + std::to_string(i) + "]";
    const volute_module& module = need(entries[i].module, (name + ".module").c_str());
    all.emplace_back(&need(entries[i].prefix, (name + ".prefix").c_str()), module.base());
  }
  return all;
}

}  // namespace

namespace volute::c {

io::Metadata need_metadata(const volute_metadata_entry* metadata, std::uint32_t count) {
  need_array(metadata, count, "metadata");
  io::Metadata all;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string name = "metadata[" + std::to_string(i) + "]";
    const char* value = &need(metadata[i].value, (name + ".value").c_str());
    if (!all.emplace(&need(metadata[i].key, (name + ".key").c_str()), value).second)
      refuse(name + ".key", "\"" + std::string(metadata[i].key) + "\" comes twice");
  }
  return all;
}

}  // namespace volute::c

extern "C" {

volute_status volute_save(const char* path, const volute_entry* entries, std::uint32_t count,
                          const volute_metadata_entry* metadata, std::uint32_t metadata_count) {
  return guard(__func__, [&] {
    io::save(&need(path, "path"), need_entries(entries, count), need_metadata(metadata, metadata_count));
  });
}

volute_status volute_load(const char* path, const volute_entry* entries, std::uint32_t count) {
  return guard(__func__, [&] { io::load(&need(path, "path"), need_entries(entries, count)); });
}

volute_status volute_metadata_read(const char* path, volute_metadata** metadata) {
  return guard(__func__, [&] {
    need(metadata, "metadata");
    const io::Metadata read = io::read_metadata(&need(path, "path"));
    give(metadata, std::vector<std::pair<std::string, std::string>>(read.begin(), read.end()));
  });
}

volute_status volute_metadata_count(const volute_metadata* metadata, std::uint32_t* count) {
  return guard(__func__, [&] {
    const auto size = need(metadata, "metadata").entries.size();
    need(count, "count") = static_cast<std::uint32_t>(size);
  });
}

volute_status volute_metadata_get(const volute_metadata* metadata, std::uint32_t index, volute_metadata_entry* entry) {
  return guard(__func__, [&] {
    const auto& all = need(metadata, "metadata").entries;
    need(entry, "entry");
    if (index >= all.size())
      refuse("index", std::to_string(index) + " is beyond the " + std::to_string(all.size()) + " entries");
    *entry = {all[index].first.c_str(), all[index].second.c_str()};
  });
}

void volute_metadata_destroy(volute_metadata* metadata) { delete metadata; }

}  // extern "C"
