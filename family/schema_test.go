package family

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

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
		reflect.TypeFor[Kind]():            words(kindWords),
		reflect.TypeFor[Gains]():           words(gainsWords),
		reflect.TypeFor[Bias]():            words(biasWords),
		reflect.TypeFor[column]():          either(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "integer", Minimum: pointer(1.)}),
		reflect.TypeFor[Algorithm]():       words(algorithmWords),
		reflect.TypeFor[Normalization]():   words(normalizationWords),
		reflect.TypeFor[Rule]():            words(ruleWords),
		reflect.TypeFor[Method]():          words(methodWords),
		reflect.TypeFor[Reduction]():       words(reductionWords),
		reflect.TypeFor[Learning]():        words(learningWords),
		reflect.TypeFor[Sampling]():        words(samplingWords),
		reflect.TypeFor[Start]():           either(words(startWords), number(), rowsOf(number())),
		reflect.TypeFor[Rate]():            either(words([]string{"auto"}), atLeast(0), &jsonschema.Schema{Type: "array", MinItems: pointer(1), Items: atLeast(0)}),
		reflect.TypeFor[interval]():        pair(),
		reflect.TypeFor[boundsDoc]():       either(number(), pair(), rowsOf(either(number(), pair()))),
		reflect.TypeFor[pairwiseDoc]():     either(atLeast(0), pairwiseFields),
	}
	types[reflect.TypeFor[matrixList]()] = &jsonschema.Schema{Type: "array", MinItems: pointer(1), Items: &jsonschema.Schema{Ref: "#/$defs/matrix"}}
	overTime, err := jsonschema.For[overTimeDoc](&jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		t.Fatal(err)
	}
	types[reflect.TypeFor[seriesDoc]()] = either(&jsonschema.Schema{Ref: "#/$defs/matrix"}, overTime)
	type rowsOfSet setDoc // without its decoder
	rowsFields, err := jsonschema.For[rowsOfSet](&jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		t.Fatal(err)
	}
	types[reflect.TypeFor[setDoc]()] = either(&jsonschema.Schema{Type: "string", MinLength: pointer(1)}, rowsFields)
	tasks, err := jsonschema.For[taskDoc](&jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		t.Fatal(err)
	}
	types[reflect.TypeFor[taskList]()] = &jsonschema.Schema{Type: "array", Items: tasks}
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
	task.Properties["name"].MinLength = pointer(1)
	delete(defaults.Properties, "name")
	defaults.PropertyOrder = slices.DeleteFunc(defaults.PropertyOrder, func(k string) bool { return k == "name" })
	for _, d := range []*jsonschema.Schema{task, defaults, prop(generate, "nominal")} {
		prop(d, "weight").ExclusiveMinimum = pointer(0.)
		prop(d, "sample_time").ExclusiveMinimum = pointer(0.)
		prop(d, "discount").ExclusiveMinimum = pointer(0.)
		prop(d, "discount").Maximum = pointer(1.)
		prop(d, "temperature").ExclusiveMinimum = pointer(0.)
		for _, key := range []string{"l2", "epsilon"} {
			prop(d, key).Minimum = pointer(0.)
		}
		for _, key := range []string{"classes", "centers", "horizon"} {
			prop(d, key).Minimum = pointer(1.)
		}
		prop(d, "split", "count").Minimum = pointer(1.)
		d.Not = &jsonschema.Schema{Required: []string{"Sigma0", "x0"}}
	}
	for _, k := range []string{"within", "pairwise", "masks", "ranges", "factors", "sinusoids", "lines", "blobs"} {
		generate.OneOf = append(generate.OneOf, &jsonschema.Schema{Required: []string{k}})
	}
	prop(generate, "count").Minimum = pointer(1.)
	prop(generate, "count").Maximum = pointer(float64(maxCount))
	prop(generate, "within").Minimum = pointer(0.)
	prop(s, "meta", "inner", "steps").Minimum = pointer(1.)
	prop(s, "meta", "outer", "iterations").Minimum = pointer(1.)
	prop(s, "meta", "outer", "batch").Minimum = pointer(0.)
	prop(s, "meta", "outer", "tolerance").ExclusiveMinimum = pointer(0.)
	for _, key := range []string{"rate", "last_rate", "clip", "over"} {
		prop(s, "meta", "outer", key).ExclusiveMinimum = pointer(0.)
	}
	for _, key := range []string{"delta", "strength", "tolerance"} {
		prop(s, "meta", "inner", key).ExclusiveMinimum = pointer(0.)
	}
	prop(s, "meta", "radius_limit").ExclusiveMinimum = pointer(0.)

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
	for name, text := range dataFamilies {
		good[name] = []byte(text)
	}
	for name, text := range horizonFamilies {
		good[name] = []byte(text)
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
		`{family: x}`,
		`{tasks: [{` + task + `, weight: 0}]}`,
		`{tasks: [{` + task + `, discount: 1.5}]}`,
		`{tasks: [{` + task + `, x0: 1, Sigma0: 1}]}`,
		`{tasks: [{` + task + `, N: [1, 2]}]}`,
		`{tasks: [{` + task + `, N: "1"}]}`,
		`{tasks: [{` + task + `}], defaults: {name: x}}`,
		`{tasks: [{` + task + `}], meta: {algorithm: reptil}}`,
		`{tasks: [{` + task + `}], meta: {start: 1st}}`,
		`{tasks: [{` + task + `}], meta: {inner: {rate: [-1]}}}`,
		`{tasks: [{` + task + `}], meta: {inner: {steps: 0}}}`,
		`{tasks: [{` + task + `}], meta: {outer: {tolerance: 0}}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, within: 1}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2, within: 1, pairwise: 1}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2, pairwise: {Z: 1}}}`,
		`{generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 2, factors: {A: [1]}}}`,
		`{gains: many, tasks: [{` + task + `, horizon: 2}]}`,
		`{tasks: [{` + task + `, horizon: 0}]}`,
		`{tasks: [{name: t, A: {over_time: 1}, B: 1, Q: 1, R: 1, horizon: 2}]}`,
		`{kind: rigde, tasks: [{x: [[1]], y: 1}]}`,
		`{kind: ridge, tasks: [{x: [[1]], y: 1, l2: -1}]}`,
		`{kind: ridge, tasks: [{x: [[1]], y: 1, l2: 1, bias: some}]}`,
		`{kind: ridge, tasks: [{x: [[1]], y: 1, l2: 1, split: {}}]}`,
		`{kind: kmeans, tasks: [{x: [[1]], centers: 1, temperature: 0}]}`,
		`{kind: ridge, defaults: {l2: 1}, generate: {lines: {}, sinusoids: {}, count: 2}}`,
	} {
		if validate([]byte(bad)) == nil {
			t.Errorf("the schema accepts %s", bad)
		}
		if _, err := Parse("x", []byte(bad)); err == nil {
			t.Errorf("the parser accepts %s", bad)
		}
	}
}
