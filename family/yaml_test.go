package family

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestAgainstYAMLLibrary compares the tree of every example and of documents
// in every supported style with an independent reader of YAML.
func TestAgainstYAMLLibrary(t *testing.T) {
	docs := []string{
		"a: 1\nb:\n  c: x y\n  d:\n  - 1\n  - 2\ne: [1, {f: g}, 'it''s', \"q\\u00e9\\n\"]\n",
		"- - 1\n  - 2\n- - 3\n  - 4\n",
		"- a: 1\n  b: 2\n-\n  a: 3\n- {}\n- []\n- ~\n-\n- x",
		"---\na: 'x: y # z'\nb: x#y # comment\n...\n",
		"{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"\"}}",
		"{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}\n",
		"a: [1,\n  2, # two\n  3,\n]\nb: {c: d, e: f,}\n",
		"\xef\xbb\xbfa: 1\r\nb: 2\r\n",
		"a:   b  \nc: d:e\nf: http://x/y\n\"g h\" : i\n",
		"a: -1\nb:\n",
	}
	for _, p := range []string{"carts", "boeing", "scalar", "crazyflie", "pendulum-continuous"} {
		text, err := os.ReadFile("../examples/" + p + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(text))
	}
	docs = append(docs, string(Template()))
	for _, doc := range docs {
		tree, err := parse("x", []byte(doc))
		if err != nil {
			t.Errorf("%q: %v", doc, err)
			continue
		}
		agree(t, tree)
	}
}

// agree compares a tree with the YAML library's reading of the same text.
func agree(t *testing.T, tree *tree) {
	t.Helper()
	want, err := library(tree.src)
	if err != nil {
		t.Errorf("%q: accepted, but the library says: %v", tree.src, err)
		return
	}
	same(t, tree, 0, want)
}

func library(text []byte) (v any, err error) {
	err = yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, bom)), yaml.UseOrderedMap()).Decode(&v)
	return v, err
}

func same(t *testing.T, tree *tree, n int, want any) {
	t.Helper()
	switch v := want.(type) {
	case []any:
		items := slices.Collect(tree.items(n))
		if tree.nodes[n].kind != list || len(items) != len(v) {
			t.Errorf("%q: node %d: %s, want %v", tree.src, n, tree.describe(n), v)
			return
		}
		for i, c := range items {
			same(t, tree, c, v[i])
		}
	case yaml.MapSlice:
		keys := slices.Collect(tree.entries(n))
		if tree.nodes[n].kind != mapping || len(keys) != len(v) {
			t.Errorf("%q: node %d: %s, want %v", tree.src, n, tree.describe(n), v)
			return
		}
		for i, k := range keys {
			// The library rewrites keys that are numbers: 00 is 0.
			if name, ok := v[i].Key.(string); ok && name != tree.keyText(k) && !strings.ContainsAny(name[:min(1, len(name))], "0123456789+-.") {
				t.Errorf("%q: key %q, want %q", tree.src, tree.keyText(k), name)
			}
			same(t, tree, k+1, v[i].Value)
		}
	case string:
		if k := tree.nodes[n].kind; k != plain && k != quoted || tree.keyText(n) != v {
			t.Errorf("%q: %s, want %q", tree.src, tree.describe(n), v)
		}
	case nil:
		if !tree.isNull(n) {
			t.Errorf("%q: %s, want nothing", tree.src, tree.describe(n))
		}
	case float64:
		if x, err := tree.number(n); err == nil && x != v || err != nil && v-v == 0 {
			t.Errorf("%q: %v, %v, want %v", tree.src, x, err, v)
		}
	}
}

// json writes a node as JSON: plain decimal numbers as numbers.
func (t *tree) json(b []byte, n int) []byte {
	sep := func() {
		if c := b[len(b)-1]; c != '[' && c != '{' {
			b = append(b, ',')
		}
	}
	switch t.nodes[n].kind {
	case list:
		b = append(b, '[')
		for c := range t.items(n) {
			sep()
			b = t.json(b, c)
		}
		return append(b, ']')
	case mapping:
		b = append(b, '{')
		for k := range t.entries(n) {
			sep()
			text, _ := json.Marshal(t.keyText(k))
			b = append(append(b, text...), ':')
			b = t.json(b, k+1)
		}
		return append(b, '}')
	}
	if t.isNull(n) {
		return append(b, "null"...)
	}
	if t.nodes[n].kind == plain {
		if raw := string(t.raw(n)); isNumber([]byte(raw)) {
			if x, err := t.number(n); err == nil {
				text, _ := json.Marshal(x)
				return append(b, text...)
			}
		} else if v := strings.ToLower(raw); v == "true" || v == "false" {
			return append(b, v...)
		}
	}
	text, _ := json.Marshal(t.keyText(n))
	return append(b, text...)
}
