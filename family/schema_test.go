package family

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/jsonschema-go/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/metalqr/metalqr/matrixeq"
)

var update = flag.Bool("update", false, "rewrite schema.json")

func pointer[T any](v T) *T { return &v }

// makeSchema derives the schema from the types of document.go and meta.go. What
// the types do not say about values is added here.
func makeSchema(t *testing.T) []byte {
	words := func(w []string) *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "string"}
		for _, x := range w {
			s.Enum = append(s.Enum, x)
		}
		return s
	}
	number := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "number"} }
	atLeast := func(x float64) *jsonschema.Schema { return &jsonschema.Schema{Type: "number", Minimum: &x} }
	rowsOf := func(entry *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "array", MinItems: pointer(1), Items: &jsonschema.Schema{Type: "array", MinItems: pointer(1), Items: entry}}
	}
	either := func(s ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: s} }
	pair := func() *jsonschema.Schema {
		return &jsonschema.Schema{Type: "array", MinItems: pointer(2), MaxItems: pointer(2), Items: number()}
	}
	type perMatrix pairwiseDoc // without its decoder, so that its fields are described
	pairwiseFields, err := jsonschema.For[perMatrix](nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairwiseFields.Properties {
		p.Minimum = pointer(0.)
	}
	types := map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[matrixeq.Matrix](): {Ref: "#/$defs/matrix"},
		reflect.TypeFor[[]float64]():       either(number(), &jsonschema.Schema{Type: "array", MinItems: pointer(1), Items: number()}),
		reflect.TypeFor[Algorithm]():       words(algorithmWords),
		reflect.TypeFor[Normalization]():   words(normalizationWords),
		reflect.TypeFor[Rule]():            words(ruleWords),
		reflect.TypeFor[Method]():          words(methodWords),
		reflect.TypeFor[Reduction]():       words(reductionWords),
		reflect.TypeFor[Start]():           either(words(startWords), number(), rowsOf(number())),
		reflect.TypeFor[Rate]():            either(words([]string{"auto"}), atLeast(0), &jsonschema.Schema{Type: "array", MinItems: pointer(1), Items: atLeast(0)}),
		reflect.TypeFor[interval]():        pair(),
		reflect.TypeFor[boundsDoc]():       either(number(), pair(), rowsOf(either(number(), pair()))),
		reflect.TypeFor[pairwiseDoc]():     either(atLeast(0), pairwiseFields),
	}
	s, err := jsonschema.For[document](&jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		t.Fatal(err)
	}
	withoutNull(s)
	s.Defs = map[string]*jsonschema.Schema{"matrix": either(number(), rowsOf(number()))}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "metalqr family"
	s.AnyOf = []*jsonschema.Schema{{Required: []string{"tasks"}}, {Required: []string{"generate"}}}

	prop := func(s *jsonschema.Schema, keys ...string) *jsonschema.Schema {
		for _, k := range keys {
			if s = s.Properties[k]; s == nil {
				t.Fatalf("no property %v", keys)
			}
		}
		return s
	}
	task, defaults, generate := prop(s, "tasks").Items, prop(s, "defaults"), prop(s, "generate")
	task.Required = []string{"name"}
	task.Properties["name"].MinLength = pointer(1)
	delete(defaults.Properties, "name")
	defaults.PropertyOrder = slices.DeleteFunc(defaults.PropertyOrder, func(k string) bool { return k == "name" })
	for _, d := range []*jsonschema.Schema{task, defaults, prop(generate, "nominal")} {
		prop(d, "weight").ExclusiveMinimum = pointer(0.)
		prop(d, "sample_time").ExclusiveMinimum = pointer(0.)
		prop(d, "discount").ExclusiveMinimum = pointer(0.)
		prop(d, "discount").Maximum = pointer(1.)
		d.Not = &jsonschema.Schema{Required: []string{"Sigma0", "x0"}}
	}
	for _, k := range []string{"within", "pairwise", "masks", "ranges", "factors"} {
		generate.OneOf = append(generate.OneOf, &jsonschema.Schema{Required: []string{k}})
	}
	prop(generate, "count").Minimum = pointer(1.)
	prop(generate, "count").Maximum = pointer(float64(maxCount))
	prop(generate, "within").Minimum = pointer(0.)
	prop(s, "meta", "inner", "steps").Minimum = pointer(1.)
	prop(s, "meta", "outer", "iterations").Minimum = pointer(1.)
	prop(s, "meta", "outer", "batch").Minimum = pointer(0.)
	prop(s, "meta", "outer", "tolerance").Minimum = pointer(0.)
	prop(s, "meta", "outer", "rate").ExclusiveMinimum = pointer(0.)

	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

// withoutNull removes the null that the library allows for pointers and
// slices: a family file has no nulls.
func withoutNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	s.Types = slices.DeleteFunc(s.Types, func(t string) bool { return t == "null" })
	switch len(s.Types) {
	case 0:
		s.Types = nil
	case 1:
		s.Type, s.Types = s.Types[0], nil
	}
	withoutNull(s.Items)
	for _, p := range s.Properties {
		withoutNull(p)
	}
	for _, p := range s.AnyOf {
		withoutNull(p)
	}
}

func TestSchema(t *testing.T) {
	want := makeSchema(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		schema = want
	}
	if !bytes.Equal(Schema(), want) {
		t.Fatal("schema.json is stale: run go generate ./family")
	}

	c := validator.NewCompiler()
	parsed, err := validator.UnmarshalJSON(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		t.Helper()
		// The YAML library's own conversion reads 1e-10 as text: numbers come
		// from our tree, which TestAgainstYAMLLibrary checks.
		tree, err := parse("x", text)
		if err != nil {
			t.Fatal(err)
		}
		v, err := validator.UnmarshalJSON(bytes.NewReader(tree.json(nil, 0)))
		if err != nil {
			t.Fatal(err)
		}
		return compiled.Validate(v)
	}

	good := map[string][]byte{"template": Template()}
	paths, _ := filepath.Glob("../examples/*.yaml")
	if len(paths) < 5 {
		t.Fatal("no examples")
	}
	for _, p := range paths {
		if good[p], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range good {
		if err := validate(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f, err := Parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(Format(f)); err != nil {
			t.Errorf("formatted %s: %v", name, err)
		}
	}

	// What the schema must refuse, the parser refuses too.
	const task = `name: t, A: 1, B: 1, Q: 1, R: 1`
	for _, bad := range []string{
		`{tasks: [{` + task + `, nam: t}]}`,
		`{tasks: [{A: 1, B: 1, Q: 1, R: 1}]}`,
		`{family: x}`,
		`{tasks: [{` + task + `, weight: 0}]}`,
		`{tasks: [{` + task + `, discount: 1.5}]}`,
		`{tasks: [{` + task + `, x0: 1, Sigma0: 1}]}`,
		`{tasks: [{` + task + `, N: [1, 2]}]}`,
		`{tasks: [{` + task + `, N: "1"}]}`,
		`{tasks: [{` + task + `}], defaults: {name: x}}`,
		`{tasks: [{` + task + `}], meta: {algorithm: reptile}}`,
		`{tasks: [{` + task + `}], meta: {start: 1st}}`,
		`{tasks: [{` + task + `}], meta: {inner: {rate: [-1]}}}`,
		`{tasks: [{` + task + `}], meta: {inner: {steps: 0}}}`,
		`{tasks: [{` + task + `}], meta: {outer: {tolerance: -1}}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, within: 1}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2, within: 1, pairwise: 1}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2, pairwise: {Z: 1}}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2, factors: {A: [1]}}}`,
	} {
		if validate([]byte(bad)) == nil {
			t.Errorf("the schema accepts %s", bad)
		}
		if _, err := Parse("x", []byte(bad)); err == nil {
			t.Errorf("the parser accepts %s", bad)
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
		"a: -1\nb: - \n",
	}
	for _, p := range []string{"carts", "boeing", "scalar", "crazyflie", "pendulum-continuous"} {
		text, err := os.ReadFile("../examples/" + p + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(text))
	}
	docs = append(docs, string(Template()))
	compared := 0
	for _, doc := range docs {
		tree, err := parse("x", []byte(doc))
		if err != nil {
			if doc != docs[9] { // a dash after a key is refused by both
				t.Errorf("%q: %v", doc, err)
			}
			continue
		}
		agree(t, tree)
		compared++
	}
	if compared != len(docs)-1 {
		t.Errorf("compared %d of %d", compared, len(docs))
	}
}

// agree compares a tree with the YAML library's reading of the same text.
func agree(t *testing.T, tree *tree) {
	t.Helper()
	var want any
	if err := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(tree.src, bom)), yaml.UseOrderedMap()).Decode(&want); err != nil {
		t.Errorf("%q: accepted, but the library says: %v", tree.src, err)
		return
	}
	same(t, tree, 0, want)
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
			if name, ok := v[i].Key.(string); ok && tree.keyText(k) != name {
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
		if x, err := tree.number(n); err != nil || x != v {
			t.Errorf("%q: %v, %v, want %v", tree.src, x, err, v)
		}
	}
}
