// Main of every test that may touch a device: a test during which the validation layer speaks fails,
// whatever it asserts itself.
#include <gtest/gtest.h>

#include <string>

#include "engine/vulkan/context.hpp"
#include "engine/vulkan/instance.hpp"
#include "tests/support/arguments.hpp"

#ifdef __has_feature  // clang's way to tell
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <dlfcn.h>
#include <link.h>
#endif

namespace {

#ifdef __SANITIZE_ADDRESS__
int pin(dl_phdr_info* library, std::size_t, void*) {
  if (library->dlpi_name && *library->dlpi_name) dlopen(library->dlpi_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  return 0;
}

/// Drivers leak, and the loader unloads them before the leak check: unless they stay mapped, their frames have no
/// name and tests/lsan.supp cannot match them.
void pin_drivers() {
  try {
    const auto instance = volute::vk::Instance::shared();
    if (!instance->devices().empty()) dl_iterate_phdr(pin, nullptr);
  } catch (const volute::Unsupported&) {
  }
}
#else
void pin_drivers() {}
#endif

class ValidationListener : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { before_ = volute::vk::validation_message_count(); }
  void OnTestEnd(const testing::TestInfo& test) override {
    const int after = volute::vk::validation_message_count();
    if (after > before_ && !provokes(test))
      ADD_FAILURE() << after - before_ << " validation message(s), the last: " << volute::vk::last_validation_message();
  }
  /// A test of the validation itself says so with RecordProperty.
  static bool provokes(const testing::TestInfo& test) {
    for (int i = 0; i < test.result()->test_property_count(); ++i)
      if (test.result()->GetTestProperty(i).key() == std::string("provokes_validation")) return true;
    return false;
  }
  int before_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  volute::test::arguments().assign(argv + 1, argv + argc);
  pin_drivers();
  // Appended after the printer, and OnTestEnd runs in reverse order: the failure is there when the printer looks.
  testing::UnitTest::GetInstance()->listeners().Append(new ValidationListener);
  return RUN_ALL_TESTS();
}
