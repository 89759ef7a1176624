// Tickets as batches, and the two networks that read them: words to sentences to document, and all words in a row.
// Invariant: both see the same words and lengths; what lies behind a sentence or a document reaches neither.
#pragma once

#include <algorithm>
#include <span>
#include <volute/volute.hpp>

#include "samples/documents/tickets.hpp"

namespace documents {

using namespace volute;
using Tokens = std::vector<std::uint32_t>;

constexpr std::int64_t W = 16, S = most_events, D = 32;  // words, sentences, documents of a batch of all ranks

struct Tickets {
  std::vector<Ticket> tickets;
  std::vector<std::vector<Tokens>> sentences;  ///< of each ticket
  std::vector<Tokens> words;                   ///< of each ticket, in a row
  std::vector<std::uint32_t> classes;

  Tickets(Part part, std::size_t count, std::uint32_t seed) {
    Writer writer(part, seed);
    while (tickets.size() < count) tickets.push_back(writer.ticket());
  }
  void encode(const data::Vocabulary& vocabulary) {
    for (const Ticket& ticket : tickets) {
      sentences.emplace_back(), words.emplace_back();
      for (const std::string& sentence : ticket.sentences) {
        sentences.back().push_back(vocabulary.encode(data::words(sentence)));
        words.back().insert(words.back().end(), sentences.back().back().begin(), sentences.back().back().end());
      }
      classes.push_back(ticket.holder.back());
    }
  }
};

/// So many documents side by side, all their sentences as one batch: sentence s of document d is row d S + s.
struct Batch {
  data::Padded<std::uint32_t> words;  // [W, D S], [D S]
  Tokens counts, classes;             // [documents], [chosen]

  Batch(const Tickets& tickets, std::span<const std::size_t> chosen, std::int64_t documents) : counts(documents, 0) {
    std::vector<Tokens> rows(documents * S);
    std::vector<std::size_t> all(documents * S);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    for (std::size_t d = 0; d < chosen.size(); ++d) {
      const std::vector<Tokens>& sentences = tickets.sentences[chosen[d]];
      std::copy(sentences.begin(), sentences.end(), rows.begin() + static_cast<std::ptrdiff_t>(d * S));
      counts[d] = static_cast<std::uint32_t>(sentences.size());
      classes.push_back(tickets.classes[chosen[d]]);
    }
    words = data::pad(rows, all, W, documents * S);
  }
};

/// What a batch is in a graph.
struct Inputs {
  std::int64_t documents;
  Tensor words, sizes, counts;  // [W, D S], words of sentences [D S], sentences of documents [D]

  /// Without counts for a model that does not use them: a program takes only what it reads.
  Inputs(Graph g, bool counted, std::int64_t count = D)
      : documents(count),
        words(g.input("words", {W, count * S}, DType::u32)),
        sizes(g.input("sizes", {count * S}, DType::u32)) {
    if (counted) counts = g.input("counts", {count}, DType::u32);
  }
  std::vector<Feed> feeds(const Batch& b) const {
    std::vector<Feed> all = {{words, b.words.values}, {sizes, b.words.lengths}};
    if (counts) all.emplace_back(counts, b.counts);
    return all;
  }
};

struct Hierarchical {
  static constexpr bool counted = true;
  nn::Embedding words;
  nn::GRU sentence{24, 24, {.bidirectional = true}}, history{48, 48};
  nn::Linear head{48, 4};

  explicit Hierarchical(std::int64_t vocabulary) : words(vocabulary, 24) {}
  nn::RecurrentResult read(const Inputs& in) const {
    Tensor vectors = sentence.run(dropout(words(in.words), 0.2f), {.lengths = in.sizes}).last_output;  // [D S, 48]
    return history.run(dropout(nn::regroup(vectors, S), 0.3f), {.lengths = in.counts});
  }
  Tensor classify(const Inputs& in) const { return head(read(in).last_output); }        // [D, 4]
  Tensor after_each(const Inputs& in) const { return argmax(head(read(in).outputs)); }  // [S, D]
};

struct Flat {
  static constexpr bool counted = false;
  nn::Embedding words;
  nn::GRU reader{24, 64};
  nn::Linear head{64, 4};

  explicit Flat(std::int64_t vocabulary) : words(vocabulary, 24) {}
  /// All words of a document in a row; where sentences are shorter than W, masked holes. [D, 4]
  Tensor classify(const Inputs& in) const {
    Graph g = graph_of(in.words);
    const std::int64_t count = in.documents;
    Tensor valid = less(reshape(g.iota(W), {W, 1}), in.sizes);                                       // [W, D S]
    Tensor mask = reshape(transpose(reshape(valid, {W, count, S}), {2, 0, 1}), {S * W, count});        // [S W, D]
    Tensor x = reshape(dropout(words(in.words), 0.2f), {W, count, S, 24});
    x = transpose(x, {2, 0, 1, 3});                                                                  // [S, W, D, 24]
    return head(dropout(reader.run(reshape(x, {S * W, count, 24}), {.mask = mask}).last_output, 0.1f));
  }
};

}  // namespace documents
