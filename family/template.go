package family

import _ "embed"

//go:embed template.yaml
var template []byte

// Template is a commented family file to start from. It parses as it stands.
func Template() []byte { return append([]byte(nil), template...) }
