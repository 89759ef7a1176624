// Parameters of modules to and from files.
// Invariant: a file is trusted for nothing, and one that fails changes no parameter.
#include <algorithm>
#include <set>

#include <volute/io.hpp>

#include "engine/io/reader.hpp"
#include "engine/io/writer.hpp"

namespace volute::io {
namespace {

std::vector<std::pair<std::string, Parameter>> named(const std::vector<Entry>& entries) {
  std::vector<std::pair<std::string, Parameter>> tensors;
  for (const Entry& entry : entries) {
    const bool dotted = entry.prefix.empty() || entry.prefix.ends_with('.');
    for (const Parameter& parameter : entry.module->parameters())
      tensors.emplace_back(entry.prefix + (dotted ? "" : ".") + parameter.name(), parameter);
  }
  return tensors;
}

/// A parameter and the names it may have in the file.
struct Wanted {
  Parameter parameter;
  std::vector<std::string> names;
  std::vector<float> values = {};  ///< empty: the file has none
};

std::vector<Wanted> wanted_of(const std::vector<Entry>& entries, const LoadOptions& options) {
  std::vector<Wanted> all;
  std::map<const ParameterData*, std::size_t> known;
  for (const auto& [name, parameter] : named(entries)) {
    const auto [at, added] = known.emplace(parameter.data().get(), all.size());
    if (added) all.push_back({parameter, {}});
    all[at->second].names.push_back(options.rename ? options.rename(name) : name);
  }
  return all;
}

std::string short_name(const std::string& name) { return printable(name, 60); }

/// 'a', 'b' and so many more.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i ? ", '" : "'") + short_name(names[i]) + "'";
  return names.size() > most ? text + " and " + std::to_string(names.size() - most) + " more" : text;
}

/// Of a batch norm: PyTorch counts, and goes without the count.
bool is_count(const std::string& name) {
  return name == "num_batches_tracked" || name.ends_with(".num_batches_tracked");
}

class Loading {
 public:
  Loading(const std::string& path, std::vector<Wanted> wanted)
      : path_(path), reader_(path), tensors_(reader_.header().tensors), wanted_(std::move(wanted)) {}

  LoadReport run(const LoadOptions& options) {
    const Values read = reader_.read(bytes_wanted());
    LoadReport report;
    std::set<std::string> asked;
    for (const Wanted& one : wanted_) {
      asked.insert(one.names.begin(), one.names.end());
      if (std::none_of(one.names.begin(), one.names.end(), [&](const auto& n) { return tensors_.contains(n); }))
        report.missing.push_back(one.names[0]);
    }
    for (const auto& [name, range] : tensors_)
      if (!asked.contains(name)) report.left_over.push_back(name);
    for (Wanted& one : wanted_) take(one, read);
    check_names(report, options);
    refuse();
    for (Wanted& one : wanted_)
      if (!one.values.empty()) one.parameter.set(one.values);
    return report;
  }

 private:
  void refuse() const {
    if (problems_.empty()) return;
    constexpr std::size_t most = 4;
    std::string text = path_ + ": " + problems_[0];
    for (std::size_t i = 1; i < std::min(problems_.size(), most); ++i) text += "; " + problems_[i];
    if (problems_.size() > most) text += "; and " + std::to_string(problems_.size() - most) + " more problems";
    throw BadFile(text);
  }

  /// Only of the shapes parameters have, so that a file decides on no allocation.
  std::map<std::string, std::uint64_t> bytes_wanted() const {
    std::map<std::string, std::uint64_t> bytes;
    for (const Wanted& one : wanted_)
      for (const std::string& name : one.names)
        if (const auto found = tensors_.find(name); found != tensors_.end())
          bytes[name] = static_cast<std::uint64_t>(one.parameter.shape().elements()) * size_of(found->second.dtype);
    return bytes;
  }

  void check_names(const LoadReport& report, const LoadOptions& options) {
    std::vector<std::string> surplus = report.left_over;
    std::erase_if(surplus, is_count);
    const std::string has = surplus.empty() ? "" : "; it has " + listed(surplus) + ", which nothing asked for";
    if (!report.missing.empty() && !options.partial) {
      const auto one = std::find_if(wanted_.begin(), wanted_.end(),
                                    [&](const Wanted& w) { return w.names[0] == report.missing[0]; });
      const bool many = report.missing.size() > 1;
      problems_.push_back(std::string("has no tensor") + (many ? "s " : " ") + listed(report.missing) +
                          (many ? "" : " " + one->parameter.shape().str()) + has);
    } else if (options.strict && !surplus.empty()) {
      problems_.push_back("has " + listed(surplus) + ", which nothing asked for");
    }
  }

  void take(Wanted& one, const Values& read) {
    const std::string* first = nullptr;
    for (const std::string& name : one.names) {
      const auto range = tensors_.find(name);
      if (range == tensors_.end()) continue;
      std::string problem;
      std::vector<float> values = values_of(range->second, one.parameter.shape(), read, name, problem);
      if (problem.empty() && first && values != one.values)
        problem = "has other values than '" + short_name(*first) + "', and both are one parameter here";
      if (!problem.empty()) return problems_.push_back("tensor '" + short_name(name) + "' " + problem);
      first = &name;
      one.values = std::move(values);
    }
  }

  /// Sets `problem` instead if it cannot be.
  static std::vector<float> values_of(const Range& range, const Shape& shape, const Values& read,
                                      const std::string& name, std::string& problem) {
    if (range.shape != shape) {
      problem = "has shape " + range.shape.str() + ", it should be " + shape.str();
      return {};
    }
    auto floats = floats_of(range.dtype, read.at(name));
    if (!floats) {
      problem = "has dtype " + range.dtype + ", it should be F32, F64, F16 or BF16";
      return {};
    }
    if (const auto wrong = not_finite(shape, *floats))
      problem = shape.str() + ": " + *wrong + (range.dtype == "F64" ? " as f32" : "");
    return std::move(*floats);
  }

  const std::string& path_;
  const Reader reader_;
  const std::map<std::string, Range>& tensors_;
  std::vector<Wanted> wanted_;
  std::vector<std::string> problems_;
};

}  // namespace

void save(const std::string& path, const std::vector<Entry>& entries, const Metadata& metadata) {
  std::vector<Output> outputs;
  for (const auto& [name, parameter] : named(entries)) outputs.push_back(output_of(name, parameter));
  write_safetensors(path, parameters_format, std::move(outputs), metadata);
}

LoadReport load(const std::string& path, const std::vector<Entry>& entries, const LoadOptions& options) {
  return Loading(path, wanted_of(entries, options)).run(options);
}

Metadata read_metadata(const std::string& path) {
  const Reader reader(path);
  reader.read({});
  return reader.header().metadata;
}

}  // namespace volute::io
