# It trains on what this project says about itself: its documentation, and the comments of its sources.
volute_embed(OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/word_lm_files.cpp" ROOT "${PROJECT_SOURCE_DIR}"
             FOLDERS docs include engine shaders PATTERNS "*.md;*.hpp;*.cpp;*.comp;*.glsl"
             NAMESPACE word_lm ARRAY corpus_files HEADER "samples/word_lm/corpus_files.hpp")
list(APPEND sources "${CMAKE_CURRENT_BINARY_DIR}/word_lm_files.cpp")
