// `volute completion`: scripts that complete commands and options in a shell.
// Invariant: they are made of the tree of commands itself, so a new option needs nothing here.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/config/schema.hpp"

namespace volute::tool {
namespace {

struct Option {
  std::string name;  ///< "--out"
  std::string description;
  bool value = false;  ///< whether a value follows
  bool file = false;   ///< which is a file or folder
};

struct Entry {
  std::string name, description;
  std::vector<Option> options;
  bool file = false;               ///< takes a file or folder
  std::vector<std::string> words;  ///< or one of these
};

bool is_file(const std::string& type) { return type == "FILE" || type == "DIR" || type == "CONFIG" || type == "RUN"; }

Entry entry_of(const CLI::App& app) {
  Entry entry{app.get_name(), app.get_description(), {}, false, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    const bool value = option->get_items_expected_max() > 0 && !option->get_type_name().empty();
    if (option->get_positional()) {
      const std::string type = option->get_type_name();
      entry.file |= is_file(type);
      for (std::size_t begin = 0; type.find('|') != std::string::npos && begin <= type.size();) {
        const std::size_t end = std::min(type.find('|', begin), type.size());
        entry.words.push_back(type.substr(begin, end - begin));
        begin = end + 1;
      }
    }
    for (const std::string& name : option->get_lnames())
      entry.options.push_back({"--" + name, option->get_description(), value, is_file(option->get_type_name())});
  }
  return entry;
}

std::vector<Entry> entries_of(const CLI::App& app) {
  std::vector<Entry> all;
  const std::vector<Option> common = entry_of(app).options;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    all.push_back(entry_of(*command));
    for (const Option& option : common) {
      auto& own = all.back().options;
      if (std::none_of(own.begin(), own.end(), [&](const Option& o) { return o.name == option.name; }) &&
          option.name != "--version")
        own.push_back(option);
    }
  }
  return all;
}

/// In single quotes.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// Keys for --set: "model.hidden=".
std::vector<std::string> keys() {
  std::vector<std::string> all;
  for (const auto& [section, part] : schema().at("properties").items())
    if (part.contains("properties"))
      for (const auto& [key, unused] : part.at("properties").items()) all.push_back(section + "." + key + "=");
  return all;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string names_of(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.push_back(entry.name);
  return joined(names);
}

std::string bash(const CLI::App& app) {
  const auto entries = entries_of(app);
  std::string files, options;
  for (const Entry& entry : entries) {
    std::vector<std::string> names = entry.words;
    for (const Option& option : entry.options) names.push_back(option.name);
    options += "    " + entry.name + ") words=" + quoted(joined(names)) + (entry.file ? "; files=yes" : "") + " ;;\n";
    for (const Option& option : entry.options)
      if (option.file && files.find(option.name) == std::string::npos)
        files += (files.empty() ? "" : "|") + option.name;
  }
  std::vector<std::string> top;
  for (const Option& option : entry_of(app).options) top.push_back(option.name);
  return "# bash completion for volute, made by volute completion bash\n"
         "_volute() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words files= command= i\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    case ${COMP_WORDS[i]} in -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac\n"
         "  done\n"
         "  case $before in\n"
         "    " +
         files +
         ") COMPREPLY=($(compgen -f -- \"$word\")); compopt -o filenames 2>/dev/null; return ;;\n"
         "    --set) COMPREPLY=($(compgen -W " +
         quoted(joined(keys())) +
         " -- \"$word\")); compopt -o nospace 2>/dev/null; return ;;\n"
         "  esac\n"
         "  case $command in\n"
         "    '') words=" +
         quoted(names_of(entries) + " " + joined(top)) + " ;;\n" + options +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  if [[ $files && $word != -* ]]; then\n"
         "    COMPREPLY+=($(compgen -f -- \"$word\"))\n"
         "    compopt -o filenames 2>/dev/null\n"
         "  fi\n"
         "}\n"
         "complete -F _volute volute\n";
}

/// Brackets and colons mean something to zsh's _arguments.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '[' || c == ']' || c == ':' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string zsh(const CLI::App& app) {
  const auto entries = entries_of(app);
  std::string list, cases;
  for (const Entry& entry : entries) {
    list += "    " + quoted(zsh_text(entry.name) + ":" + entry.description) + "\n";
    cases += "    " + entry.name + ")\n      _arguments";
    for (const Option& option : entry.options) {
      const std::string action = !option.value            ? ""
                                 : option.name == "--set" ? ":key:(" + joined(keys()) + ")"
                                 : option.file            ? ":file:_files"
                                                          : ":value:";
      cases += " \\\n        " +
               quoted((option.value ? "*" : "") + option.name + "[" + zsh_text(option.description) + "]" + action);
    }
    if (entry.file) cases += " \\\n        '*:file:_files'";
    if (!entry.words.empty()) cases += " \\\n        '1:word:(" + joined(entry.words) + ")'";
    cases += " ;;\n";
  }
  return "#compdef volute\n# zsh completion for volute, made by volute completion zsh\n"
         "_volute() {\n"
         "  local -a commands=(\n" +
         list +
         "  )\n"
         "  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  ((CURRENT--))\n"
         "  case $command in\n" +
         cases +
         "  esac\n}\n"
         "if [[ $funcstack[1] == _volute ]]; then _volute \"$@\"; else compdef _volute volute; fi\n";
}

std::string fish(const CLI::App& app) {
  const auto entries = entries_of(app);
  std::string out = "# fish completion for volute, made by volute completion fish\ncomplete -c volute -f\n";
  for (const Entry& entry : entries)
    out += "complete -c volute -n __fish_use_subcommand -a " + entry.name + " -d " + quoted(entry.description) + "\n";
  for (const Entry& entry : entries) {
    const std::string when = "complete -c volute -n '__fish_seen_subcommand_from " + entry.name + "'";
    if (entry.file) out += when + " -F\n";
    if (!entry.words.empty()) out += when + " -a " + quoted(joined(entry.words)) + "\n";
    for (const Option& option : entry.options) {
      out += when + " -l " + option.name.substr(2) + (option.value ? option.file ? " -r -F" : " -x" : "");
      if (option.name == "--set") out += " -a " + quoted(joined(keys()));
      out += " -d " + quoted(option.description) + "\n";
    }
  }
  return out;
}

int completion(const CLI::App& app, const std::string& shell) {
  const std::string script = shell == "bash" ? bash(app) : shell == "zsh" ? zsh(app) : shell == "fish" ? fish(app) : "";
  if (script.empty()) throw Mistake("completion: there is one for bash, zsh and fish, not for \"" + shell + "\"");
  std::fwrite(script.data(), 1, script.size(), stdout);
  return done;
}

}  // namespace

Command add_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a script that completes volute's commands in a shell");
  command->add_option("shell", *shell, "bash, zsh or fish")->type_name("bash|zsh|fish")->required();
  command->footer(
      "Installing volute installs the scripts, too. By hand:\n"
      "  volute completion bash > ~/.local/share/bash-completion/completions/volute\n"
      "  volute completion zsh > ~/.zfunc/_volute            with fpath+=~/.zfunc before compinit\n"
      "  volute completion fish > ~/.config/fish/completions/volute.fish");
  return {command, [&app, shell] { return completion(app, *shell); }};
}

}  // namespace volute::tool
