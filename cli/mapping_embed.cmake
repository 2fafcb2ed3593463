# Writes OUTPUT, the C++ source of ShippedMappings(), from the YAML files in FILES (separated by "|").
# Raw strings are cut in pieces because compilers bound the length of one.
set(code "#include \"cli/mapping_shipped.h\"\n\nnamespace perennial::cli {\n\n")
string(APPEND code "const std::vector<ShippedMapping>& ShippedMappings() {\n")
string(APPEND code "  static const auto* mappings = new std::vector<ShippedMapping>{\n")
string(REPLACE "|" ";" FILES "${FILES}")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" escaped "${hex}")
  string(REGEX REPLACE "((\\\\x..)(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?)" "        \"\\1\"\n" escaped
         "${escaped}")
  string(APPEND code "      {\"${name}\",\n${escaped}      },\n")
endforeach()
string(APPEND code "  };\n  return *mappings;\n}\n\n}  // namespace perennial::cli\n")
file(WRITE ${OUTPUT} "${code}")
