// Checkpoints: everything added, in one file.
// Invariant: a load that fails for what a file says has changed nothing: all of it is read and checked before anything
// is put back. While it is put back a device or memory can fail: a part may be loaded then.
#include <filesystem>
#include <set>

#include "engine/io/items.hpp"

namespace volute::io {

struct Checkpoint::Data {
  std::set<std::string> names;
  std::vector<Item> items;
  std::shared_ptr<Communicator> ranks;
  mutable std::string checksum;  ///< of what was loaded last

  Checkpoint& add(Checkpoint& to, const std::string& name, const std::function<Item()>& item);
  std::vector<Part> parts(const Header* file) const;
  Loaded load(const std::string& path) const;
  /// The previous one if the newest is broken.
  Loaded load_either(const std::string& path) const;
};

namespace {

bool is_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

void check_format(const std::string& path, const Header& header) {
  if (header.format == checkpoint_format) return;
  if (header.format.empty()) throw Differs(path + ": is not a checkpoint of Volute's: its metadata does not say so");
  throw Differs(path + ": is a file of " + header.format + ", not a checkpoint");
}

std::map<std::string, std::uint64_t> sizes_of(const std::vector<Part>& parts) {
  std::map<std::string, std::uint64_t> bytes;
  for (const Part& part : parts)
    for (const Output& output : part.outputs)
      bytes[output.name] = static_cast<std::uint64_t>(output.shape.elements()) * size_of(output.dtype);
  return bytes;
}

/// What the file has and what was added are the same.
void check_tensors(const std::string& path, const Header& header, const std::vector<Part>& parts) {
  std::set<std::string> expected;
  for (const Part& part : parts) {
    for (const Output& output : part.outputs) {
      check_tensor(path, header, output.name, output.dtype, output.shape);
      if (!expected.insert(output.name).second)
        throw Differs(path + ": tensor '" + output.name + "' is that of two things that were added");
    }
  }
  for (const auto& [name, range] : header.tensors)
    if (!expected.contains(name))
      throw Differs(path + ": has tensor '" + printable(name) + "' " + range.shape.str() +
                    ", for which nothing was added");
}

}  // namespace

Checkpoint& Checkpoint::Data::add(Checkpoint& to, const std::string& name, const std::function<Item()>& item) {
  const auto refuse = [&](const std::string& why) {
    throw InvalidGraph("checkpoint: the name \"" + name + "\" " + why);
  };
  if (name.empty()) refuse("is empty");
  if (name.starts_with(own_keys) || name == "__metadata__") refuse("is not to be used");
  if (names.contains(name)) refuse("is taken");
  items.push_back(item());
  names.insert(name);
  return to;
}

std::vector<Part> Checkpoint::Data::parts(const Header* file) const {
  Owners owners;
  for (const bool program : {false, true})
    for (const Item& item : items)
      if (item.program == program) item.claim(owners);
  std::vector<Part> all;
  for (const Item& item : items) all.push_back(item.part(owners, file));
  return all;
}

Checkpoint::Loaded Checkpoint::Data::load(const std::string& path) const {
  const Reader reader(path);
  const std::vector<Part> all = parts(&reader.header());
  const Values values = reader.read(sizes_of(all));
  check_format(path, reader.header());
  check_tensors(path, reader.header(), all);
  const Stored stored{path, reader.header(), values};
  std::vector<Commit> commits;
  for (const Part& part : all) commits.push_back(part.prepare(stored));
  for (const Commit& commit : commits) commit();
  checksum = reader.header().checksum;
  return {path, reader.header().metadata, ""};
}

Checkpoint::Checkpoint() : data_(std::make_unique<Data>()) {}
Checkpoint::~Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;

Checkpoint& Checkpoint::add(const std::string& name, const nn::Module& module) {
  return add(name, module.parameters());
}
Checkpoint& Checkpoint::add(const std::string& name, const std::vector<Parameter>& parameters) {
  return data_->add(*this, name, [&] { return item_of(name, parameters); });
}
Checkpoint& Checkpoint::add(const std::string& name, Program& program) {
  return data_->add(*this, name, [&] { return item_of(name, program); });
}
Checkpoint& Checkpoint::add(const std::string& name, EMA& ema) {
  return data_->add(*this, name, [&] { return item_of(name, ema); });
}
Checkpoint& Checkpoint::add(const std::string& name, OptimizerStates& states) {
  return data_->add(*this, name, [&] { return item_of(name, states); });
}
Checkpoint& Checkpoint::add(const std::string& name, Plateau& plateau) {
  return data_->add(*this, name, [&] { return item_of(name, plateau); });
}
Checkpoint& Checkpoint::add(const std::string& name, EarlyStopping& stopping) {
  return data_->add(*this, name, [&] { return item_of(name, stopping); });
}
Checkpoint& Checkpoint::add(const std::string& name, data::Generator& generator) {
  return data_->add(*this, name, [&] { return item_of(name, generator); });
}
Checkpoint& Checkpoint::add(const std::string& name, std::int64_t& number) {
  return data_->add(*this, name, [&] { return item_of(name, number); });
}
Checkpoint& Checkpoint::add(const std::string& name, double& number) {
  return data_->add(*this, name, [&] { return item_of(name, number); });
}
Checkpoint& Checkpoint::add(const std::string& name, std::string& text) {
  return data_->add(*this, name, [&] { return item_of(name, text); });
}

Checkpoint& Checkpoint::share(std::shared_ptr<Communicator> ranks) {
  data_->ranks = std::move(ranks);
  return *this;
}

Communicator* Checkpoint::ranks() const { return data_->ranks.get(); }

namespace {

/// What rank 0 does, and throws, is done and thrown on every rank; each kind of error as what Checkpoint::save promises.
void on_first_rank(Communicator& ranks, const std::function<void()>& work) {
  enum Outcome : std::uint8_t { fine, bad_file, unsettled, not_finite, other } outcome = fine;
  std::string message;
  std::exception_ptr own;
  if (ranks.rank() == 0) try {
    work();
  } catch (const std::exception& error) {
    own = std::current_exception();
    message = error.what();
    outcome = dynamic_cast<const Unsettled*>(&error)              ? unsettled
              : dynamic_cast<const BadFile*>(&error)              ? bad_file
              : dynamic_cast<const ParameterNotFinite*>(&error)   ? not_finite
                                                                  : other;
  }
  std::uint64_t told[] = {outcome, message.size()};
  ranks.broadcast(std::as_writable_bytes(std::span(told)));
  message.resize(told[1]);
  ranks.broadcast(std::as_writable_bytes(std::span(message)));
  if (own) std::rethrow_exception(own);
  switch (static_cast<Outcome>(told[0])) {
    case fine: return;
    case bad_file: throw BadFile(message);
    case unsettled: throw Unsettled(message);
    case not_finite: throw ParameterNotFinite(message);
    case other: throw Error("rank 0 could not save: " + message);
  }
}

}  // namespace

void Checkpoint::save(const std::string& path, const Metadata& metadata) const {
  std::vector<Output> outputs;
  for (Part& part : data_->parts(nullptr))
    for (Output& output : part.outputs) outputs.push_back(std::move(output));
  const auto write = [&] {
    write_safetensors(path, checkpoint_format, std::move(outputs), metadata, previous(path));
  };
  if (data_->ranks) on_first_rank(*data_->ranks, write);
  else write();
}

namespace {

/// Ranks that have read different files would train different models.
void require_same_file(Communicator& ranks, const std::string& path, const std::string& checksum) {
  std::uint64_t size = checksum.size();
  ranks.broadcast(std::as_writable_bytes(std::span(&size, 1)));
  std::string first = checksum;
  first.resize(size);
  ranks.broadcast(std::as_writable_bytes(std::span(first)));
  double differs = first != checksum;
  ranks.sum({&differs, 1});
  if (differs > 0) throw BadFile(path + ": is not the same file on every rank; it must be where all ranks see it");
}

}  // namespace

Checkpoint::Loaded Checkpoint::load(const std::string& path) const {
  Loaded loaded = data_->load_either(path);
  if (data_->ranks) require_same_file(*data_->ranks, path, data_->checksum);
  return loaded;
}

Checkpoint::Loaded Checkpoint::Data::load_either(const std::string& path) const {
  try {
    return load(path);
  } catch (const Differs&) {
    throw;
  } catch (const BadFile& problem) {
    const std::string older = Checkpoint::previous(path);
    if (!is_file(older)) throw;
    Loaded loaded;
    try {
      loaded = load(older);
    } catch (const BadFile& too) {
      throw BadFile(std::string(problem.what()) + "; " + too.what());
    }
    loaded.problem = problem.what();
    warn(loaded.problem + "; " + older + " was loaded in its place");
    return loaded;
  }
}

std::string Checkpoint::previous(const std::string& path) {
  const std::filesystem::path whole(path);
  return whole.parent_path() / (whole.stem().string() + ".previous" + whole.extension().string());
}

bool Checkpoint::exists(const std::string& path) { return is_file(path) || is_file(previous(path)); }

}  // namespace volute::io
