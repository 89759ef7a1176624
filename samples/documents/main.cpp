// documents: reads histories of support tickets and says who has the ticket in the end. One recurrent network reads the
// words of a sentence, a second one the sentences of a document; beside it, one that reads all words in a row.
// Invariant: training stops by the validation part; what is reported is of the test part, half of whose hand-overs are
// worded as nowhere else. Only the end is taught; what is printed of the way there is the network's own.
#include "samples/documents/model.hpp"
#include "samples/naive_bayes.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace volute;
using namespace documents;

/// Runs a program on all tickets, D at a time; a function gets which ones, and the `output` read of them.
void for_all(const Tickets& tickets, Program& program, const Inputs& in, Tensor output,
             const std::function<void(std::span<const std::size_t>, const Tokens&)>& each) {
  std::vector<std::size_t> all;
  while (all.size() < tickets.tickets.size()) all.push_back(all.size());
  for (std::size_t at = 0; at < all.size(); at += D) {
    const auto chosen = std::span(all).subspan(at, std::min<std::size_t>(D, all.size() - at));
    program.run(in.feeds(Batch(tickets, chosen, D)));
    each(chosen, program.read_u32(output));
  }
}

/// Trains a model and classifies tickets with it.
template <class Model>
class Classifier {
 public:
  Classifier(Device& device, const Model& model)
      : in_(graph_, Model::counted), guess_(argmax(model.classify(in_))), program_(device.compile(graph_, guess_)) {}

  Tokens operator()(const Tickets& tickets) {
    Tokens guesses;
    for_all(tickets, program_, in_, guess_, [&](std::span<const std::size_t> chosen, const Tokens& read) {
      guesses.insert(guesses.end(), read.begin(), read.begin() + static_cast<std::ptrdiff_t>(chosen.size()));
    });
    return guesses;
  }

  double train(const recipe::Options& o, Device& device, const Model& model, const Tickets& tickets,
               const Tickets& validation) {
    Graph g;
    const Inputs in(g, Model::counted, o.rows(D));
    Tensor classes = g.input("classes", {in.documents}, DType::u32);
    Tensor loss = cross_entropy(model.classify(in), classes);
    auto step = recipe::Step::make(o, device, loss, in.documents, Adam{}, {.clip_norm = 1.0f});
    const auto epoch_steps = static_cast<std::int64_t>(tickets.tickets.size()) / D;
    const Schedule schedule = Schedule::cosine(5e-3, 8 * epoch_steps, 1e-4);
    EarlyStopping stopping({.goal = Goal::highest, .patience = 5, .keep = step.program.parameters()});
    std::vector<std::size_t> order;
    recipe::Training training(o, 8 * epoch_steps);
    while (!stopping.stop() && training.next()) {
      const std::int64_t at = (training.step() - 1) % epoch_steps, epoch = (training.step() - 1) / epoch_steps;
      if (at == 0) order = data::shuffled(tickets.tickets.size(), o.seed, static_cast<std::uint64_t>(epoch));
      const std::vector<std::size_t> chosen(order.begin() + at * D, order.begin() + (at + 1) * D);
      const Batch batch(tickets, o.shard().of(chosen), in.documents);
      std::vector<Feed> feeds = in.feeds(batch);
      feeds.emplace_back(classes, batch.classes);
      step.program.set("lr", schedule(training.step() - 1));
      step.program.run(feeds);
      if (!training.due(epoch_steps)) continue;
      const double accuracy = o.judge([&] { return metrics::accuracy((*this)(validation), validation.classes); });
      stopping.observe(accuracy);
      training.say("loss %.4f  validation accuracy %.4f", step.value(), accuracy);
    }
    if (stopping.best_look() >= 0) stopping.restore();
    return training.elapsed();
  }

 private:
  Graph graph_{Mode::inference};
  Inputs in_;
  Tensor guess_;
  Program program_;
};

/// Rows are classes, columns what was said.
std::string table(const metrics::ConfusionMatrix& matrix) {
  char cell[32];
  std::string text = "                ";
  for (const std::string& name : holders) std::snprintf(cell, sizeof cell, " %14s", name.c_str()), text += cell;
  for (std::int64_t row = 0; row < 4; ++row) {
    std::snprintf(cell, sizeof cell, "\n%-16s", holders[row].c_str()), text += cell;
    for (std::int64_t column = 0; column < 4; ++column)
      std::snprintf(cell, sizeof cell, " %14lld", static_cast<long long>(matrix.count(row, column))), text += cell;
  }
  return text + "\n";
}

/// The first tickets with what the network holds after each sentence.
std::string histories(Device& device, const Hierarchical& model, const Tickets& tickets, std::size_t count) {
  Graph g(Mode::inference);
  const Inputs in(g, Hierarchical::counted);
  Tensor after_each = model.after_each(in);
  Program program = device.compile(g, after_each);
  std::string text;
  for_all(tickets, program, in, after_each, [&](std::span<const std::size_t> chosen, const Tokens& read) {
    for (std::size_t d = 0; d < chosen.size() && chosen[d] < count; ++d) {
      const Ticket& ticket = tickets.tickets[chosen[d]];
      for (std::size_t s = 0; s < ticket.sentences.size(); ++s) {
        const bool right = read[s * D + d] == ticket.holder[s];
        char line[160];
        std::snprintf(line, sizeof line, "%-72s %s%s\n", ticket.sentences[s].c_str(),
                      holders[read[s * D + d]].c_str(), right ? "" : "  WRONG");
        text += line;
      }
      text += '\n';
    }
  });
  return text;
}

int run(const recipe::Options& o) {
  Tickets training(Part::training, o.quick ? 3 * D : 6000, o.seed);
  Tickets validation(Part::validation, o.quick ? D : 600, o.seed);
  Tickets test(Part::test, o.quick ? D : 2000, o.seed);
  std::vector<std::vector<std::string>> words;
  for (const Ticket& ticket : training.tickets)
    for (const std::string& sentence : ticket.sentences) words.push_back(data::words(sentence));
  const auto vocabulary = data::Vocabulary::build(words);
  for (Tickets* part : {&training, &validation, &test}) part->encode(vocabulary);

  Device device = recipe::open_device(o);
  const Hierarchical model(vocabulary.size());
  Classifier classifier(device, model);
  const double seconds = classifier.train(o, device, model, training, validation);
  std::printf("all words in a row, for comparison:\n");
  const Flat flat(vocabulary.size());
  Classifier flat_classifier(device, flat);
  const double flat_seconds = flat_classifier.train(o, device, flat, training, validation);
  if (!o.first()) return 0;

  metrics::ConfusionMatrix matrix(4), by_words(4), in_a_row(4);
  matrix.add(classifier(test), test.classes);
  by_words.add(recipe::naive_bayes(training.words, training.classes, test.words, vocabulary.size()), test.classes);
  in_a_row.add(flat_classifier(test), test.classes);
  std::printf("macro F1 %.4f so, after %.0f s\n\n", in_a_row.f1(metrics::Average::macro), flat_seconds);

  std::printf("%s\n%s", histories(device, model, test, 3).c_str(), table(matrix).c_str());
  std::ofstream(recipe::path(o, "confusion.txt")) << table(matrix) << "\nnaive Bayes:\n" << table(by_words);
  std::ofstream(recipe::path(o, "histories.txt")) << histories(device, model, test, 200);
  return recipe::finish(o, {.metric = "macro F1 of who has the ticket in the end",
                            .value = matrix.f1(metrics::Average::macro), .goal = 0.93,
                            .baseline = "naive Bayes on words",
                            .baseline_value = by_words.f1(metrics::Average::macro)}, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  return recipe::main(argc, argv, "Reads documents by words and sentences: who has the ticket in the end?", run);
}
