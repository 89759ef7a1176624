# A hash tells one text from another.
set(sample_includes "${VOLUTE_XXHASH_INCLUDE}")
