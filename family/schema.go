package family

import _ "embed"

//go:generate go test -run ^TestSchema$ . -update

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of family files, generated from
// the types that read them, for completion and checks in editors:
//
//	# yaml-language-server: $schema=schema.json
//
// in the first line of a YAML file, or a key $schema in a JSON file.
func Schema() []byte { return append([]byte(nil), schema...) }
