package family

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/risk"
)

// Sets is a task over data: what counts is the fit of the large set, what its
// inner steps see is that of the small one.
type Sets struct {
	Large, Small risk.Data // the same where the file names one set and no split
	Model        risk.Model

	F        objective.Objective // over Large; it knows its minimum where that can be located
	G        objective.Objective // over Small; F itself where the sets are the same
	Unsolved string              // why the minimum of F is not known; empty where it is

	kind    Kind
	set     settings
	epsilon *float64 // as declared
}

// settings are those of a model, as written.
type settings struct {
	l2, temperature  float64
	bias             Bias
	classes, centers int
}

// model is what a kind makes of its settings.
func (s settings) model(k Kind) risk.Model {
	bias := map[Bias]risk.Bias{BiasNone: risk.NoBias, BiasPenalized: risk.Penalized, BiasFree: risk.Free}[s.bias]
	switch k {
	case Logistic:
		return risk.Logistic{L2: s.l2, Bias: bias}
	case Softmax:
		return risk.Softmax{Classes: s.classes, L2: s.l2, Bias: bias}
	case KMeans:
		return risk.KMeans{Centers: s.centers, Temperature: s.temperature}
	}
	return risk.Regression{L2: s.l2, Bias: bias}
}

// shape is that of the parameters as a gain file has them: one row for each
// centre of kmeans, for each feature of softmax, and else one row in all.
func (s *Sets) shape() (rows, cols int) {
	dim := s.F.Dim()
	switch s.kind {
	case Softmax:
		return dim / s.set.classes, s.set.classes
	case KMeans:
		return s.set.centers, dim / s.set.centers
	}
	return 1, dim
}

// What a short file can ask for is bounded: numbers that are drawn, of all tasks
// together, and parameters.
const (
	maxDrawnNumbers = 1 << 26
	maxParameters   = 1 << 22
)

// dataKeys are the keys of a task over data, with the kinds that have them; nil
// stands for all of them.
var dataKeys = []struct {
	key   string
	kinds []Kind
}{
	{"x", nil}, {"y", nil}, {"data", nil}, {"target", nil}, {"large", nil}, {"small", nil}, {"split", nil},
	{"l2", []Kind{Ridge, Logistic, Softmax}}, {"bias", []Kind{Regression, Ridge, Logistic, Softmax}}, {"classes", []Kind{Softmax}},
	{"centers", []Kind{KMeans}}, {"temperature", []Kind{KMeans}}, {"epsilon", []Kind{KMeans}},
}

// checkKeys refuses keys of a task that belong to another kind.
func (f *Family) checkKeys(t *tree, n int) error {
	if t.nodes[n].kind != mapping {
		return nil
	}
	for k := range t.entries(n) {
		key := t.keyText(k)
		if key == "name" || key == "weight" {
			continue
		}
		at := slices.IndexFunc(dataKeys, func(d struct {
			key   string
			kinds []Kind
		}) bool {
			return d.key == key
		})
		switch {
		case at >= 0 && f.Kind == LQR:
			return t.failAt(k, ErrKey, "contradicts kind lqr, whose tasks have no data: it belongs to %s", kindList(dataKeys[at].kinds))
		case at < 0 && f.Kind != LQR:
			return t.failAt(k, ErrKey, "contradicts kind %s: it belongs to kind lqr", f.Kind)
		case at >= 0 && dataKeys[at].kinds != nil && !slices.Contains(dataKeys[at].kinds, f.Kind):
			return t.failAt(k, ErrKey, "contradicts kind %s%s: it belongs to %s", f.Kind, map[string]string{
				"l2":      ", which has no penalty",
				"epsilon": ", whose cost is convex and so has ε = 0",
			}[key], kindList(dataKeys[at].kinds))
		}
	}
	return nil
}

func kindList(kinds []Kind) string {
	if kinds == nil {
		kinds = []Kind{Regression, Ridge, Logistic, Softmax, KMeans}
	}
	var words []string
	for _, k := range kinds {
		words = append(words, k.String())
	}
	if len(words) == 1 {
		return "kind " + words[0]
	}
	return "kinds " + strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// contradiction refuses what cannot be meant within one set.
func (d *setDoc) contradiction(t *tree) error {
	switch {
	case d.Data != "" && !d.X.IsZero():
		return t.failAt(t.find(d.node, "data"), ErrValue, "contradicts x: give the rows or the file they are in, not both")
	case d.Data != "" && d.Y != nil:
		return t.failAt(t.find(d.node, "data"), ErrValue, "contradicts y: the file has the targets too")
	case d.Data == "" && d.X.IsZero() && d.Y != nil:
		return t.failAt(t.find(d.node, "y"), ErrValue, "targets without features: x is missing")
	}
	return nil
}

// whole is the task's data where it is one set.
func (d *taskDoc) whole() *setDoc { return &setDoc{X: d.X, Y: d.Y, Data: d.Data, node: d.node} }

// dataContradiction refuses what cannot be meant within one mapping.
func (f *Family) dataContradiction(t *tree, d *taskDoc) error {
	if err := d.whole().contradiction(t); err != nil {
		return err
	}
	one := d.whole()
	for _, set := range []struct {
		key, other    string
		have, partner *setDoc
	}{{"large", "small", d.Large, d.Small}, {"small", "large", d.Small, d.Large}} {
		switch at := t.find(d.node, set.key); {
		case set.have == nil:
		case set.partner == nil:
			return t.failAt(at, ErrValue, "needs %s: one is what counts, the other what inner steps see", set.other)
		case one.Data != "":
			return t.failAt(at, ErrValue, "contradicts data: give one set, or the large and the small one")
		case !one.X.IsZero():
			return t.failAt(at, ErrValue, "contradicts x: give one set, or the large and the small one")
		case d.Split != nil:
			return t.failAt(t.find(d.node, "split"), ErrValue, "contradicts small: rows are drawn, or they are given")
		}
	}
	if s := d.Split; s != nil {
		switch at := t.find(d.node, "split"); {
		case s.Count < 1:
			return t.failAt(t.find(at, "count"), ErrValue, "must be at least 1")
		case s.PerClass && (f.Kind == Regression || f.Kind == Ridge):
			return t.failAt(t.find(at, "per_class"), ErrValue, "contradicts kind %s, whose targets are no classes", f.Kind)
		}
	}
	for _, c := range []struct {
		key  string
		v    *float64
		ok   func(float64) bool
		want string
	}{
		{"l2", d.L2, func(x float64) bool { return x > 0 || x == 0 && f.Kind != Ridge }, map[bool]string{true: "must be positive: without a penalty it is kind regression", false: "must not be negative"}[f.Kind == Ridge]},
		{"temperature", d.Temperature, func(x float64) bool { return x > 0 }, "must be positive"},
		{"epsilon", d.Epsilon, func(x float64) bool { return x >= 0 }, "must not be negative"},
	} {
		if c.v != nil && !c.ok(*c.v) {
			return t.failAt(t.find(d.node, c.key), ErrValue, "%s, got %v", c.want, *c.v)
		}
	}
	return nil
}

// mergeData is d with what it lacks taken from defaults. Rows of any form
// replace rows of any form, and the way they are split with them.
func mergeData(d taskDoc, defaults *taskDoc) taskDoc {
	if d.X.IsZero() && d.Data == "" && d.Large == nil {
		d.X, d.Y, d.Data, d.Large, d.Small = defaults.X, defaults.Y, defaults.Data, defaults.Large, defaults.Small
	}
	if d.Target == "" {
		d.Target = defaults.Target
	}
	if d.Large == nil {
		inherit(&d.Split, defaults.Split)
	}
	inherit(&d.L2, defaults.L2)
	inherit(&d.Bias, defaults.Bias)
	inherit(&d.Classes, defaults.Classes)
	inherit(&d.Centers, defaults.Centers)
	inherit(&d.Temperature, defaults.Temperature)
	inherit(&d.Epsilon, defaults.Epsilon)
	return d
}

// required are the settings that a kind cannot do without.
var required = map[Kind][]string{Ridge: {"l2"}, Softmax: {"classes"}, KMeans: {"centers", "temperature"}}

// dataTask makes a task over data; data, if not nil, was drawn, and is the
// task's. index is the stream of its split.
func (f *Family) dataTask(t *tree, d, defaults *taskDoc, data *risk.Data, index uint64) (Task, error) {
	full := merge(*d, defaults)
	have := map[string]bool{"l2": full.L2 != nil, "classes": full.Classes != nil, "centers": full.Centers != nil, "temperature": full.Temperature != nil}
	for _, key := range required[f.Kind] {
		if !have[key] {
			return Task{}, t.failAt(d.node, ErrKey, "a task of kind %s needs %s, and there is no default", f.Kind, key)
		}
	}
	task := Task{Name: full.Name, Weight: 1, Sets: &Sets{
		kind: f.Kind, epsilon: full.Epsilon,
		set: settings{value(full.L2), value(full.Temperature), value(full.Bias), value(full.Classes), value(full.Centers)},
	}}
	if full.Weight != nil {
		task.Weight = *full.Weight
	}
	s := task.Sets
	s.Model = s.set.model(f.Kind)
	var err error
	switch {
	case data != nil:
		s.Large = *data
	case full.Large != nil:
		if s.Large, err = f.rows(t, d, full.Large, &full, "large"); err == nil {
			s.Small, err = f.rows(t, d, full.Small, &full, "small")
		}
	case full.Data == "" && full.X.IsZero():
		return Task{}, t.failAt(d.node, ErrKey, "this task has no data (x and y, data, or large and small), and there is no default")
	default:
		s.Large, err = f.rows(t, d, full.whole(), &full, "")
	}
	if err != nil {
		return Task{}, err
	}
	if full.Split != nil {
		if err := s.split(full.Split, index); err != nil {
			return Task{}, f.dataError(t, d, defaults, "split", err)
		}
	}
	if err := s.solve(); err != nil {
		return Task{}, f.dataError(t, d, defaults, "", err)
	}
	if len(f.Tasks) > 0 {
		if dim, want := s.F.Dim(), f.Tasks[0].Sets.F.Dim(); dim != want {
			return Task{}, t.failAt(d.node, ErrValue, "task %s has %d parameters, but %s has %d: one start must fit all", quote(task.Name), dim, quote(f.Tasks[0].Name), want)
		}
	}
	return task, nil
}

// A limitError is about a limit of ours.
type limitError struct{ message string }

func (e *limitError) Error() string { return e.message }

// split draws the small set.
func (s *Sets) split(d *splitDoc, index uint64) error {
	w := risk.Draw{Count: d.Count, PerClass: d.PerClass, Disjoint: d.Disjoint, Seed: firstSeed, Task: index}
	if d.Seed != nil {
		w.Seed = *d.Seed
	}
	both, err := w.Split(s.Large)
	s.Large, s.Small = both.Large, both.Small
	return err
}

// solve makes the objectives.
func (s *Sets) solve() error {
	var err error
	if s.F, err = s.Model.On(s.Large); err != nil {
		return err
	}
	f := s.F
	if dim := f.Dim(); dim > maxParameters {
		return &limitError{fmt.Sprintf("%d parameters; at most %d", dim, maxParameters)}
	}
	switch o := f.(type) {
	case *risk.LeastSquares:
	case *risk.CrossEntropy:
		solved, err := o.Solve()
		if err != nil {
			s.Unsolved = strings.TrimPrefix(err.Error(), "risk: ")
		} else {
			s.F = solved
		}
	default:
		s.Unsolved = "no way to its minimum is known: the cost of kmeans is not convex"
	}
	if s.epsilon != nil {
		if s.F, err = risk.Declare(s.F, *s.epsilon); err != nil {
			return err
		}
	}
	s.G = s.F
	if s.Small.Rows == 0 {
		s.Small = s.Large
		return nil
	}
	if s.G, err = s.Model.On(s.Small); err != nil {
		return err
	}
	if f.Dim() != s.G.Dim() {
		return fmt.Errorf("the large set has %d parameters, the small one %d", f.Dim(), s.G.Dim())
	}
	return nil
}

// rows reads one set; key is where it is in the task, empty for the task's own.
func (f *Family) rows(t *tree, d *taskDoc, set *setDoc, full *taskDoc, key string) (risk.Data, error) {
	at := set.node
	path := func(keys ...string) int {
		if n := t.find(at, keys...); n >= 0 {
			return n
		}
		return at
	}
	if set.Data == "" {
		if full.Target != "" {
			return risk.Data{}, t.failAt(path("target"), ErrValue, "contradicts x: it names the target's column in a file")
		}
		if f.Kind == KMeans && set.Y != nil && (full.Split == nil || !full.Split.PerClass) {
			return risk.Data{}, t.failAt(path("y"), ErrValue, "contradicts kind kmeans, which has no targets; only a split per_class would look at them")
		}
		r := risk.Data{X: set.X.Data, Y: set.Y, Rows: set.X.Rows, Cols: set.X.Cols}
		if r.Y != nil && len(r.Y) != r.Rows {
			return risk.Data{}, t.failAt(path("y"), ErrValue, "%d targets for %d rows of x", len(r.Y), r.Rows)
		}
		return r, nil
	}
	where := path("data")
	if f.dir == "" {
		return risk.Data{}, t.failAt(where, ErrValue, "a family that is not read from a file cannot name files: write the rows, x and y")
	}
	name := string(set.Data)
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.dir, name)
	}
	format := risk.Format{Target: string(full.Target), NoTarget: f.Kind == KMeans && full.Target == ""}
	data, err := format.Read(name)
	if err == nil {
		return data, nil
	}
	message := strings.TrimPrefix(err.Error(), "risk: ")
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		message = name + ": " + e.Err.Error()
	}
	e := t.failAt(where, ErrTask, "task %s: %s", quote(d.Name), message)
	e.Err = err
	return risk.Data{}, e
}

// dataError places an error of package risk in the file.
func (f *Family) dataError(t *tree, d, defaults *taskDoc, key string, err error) error {
	at := d.node
	if e := (*risk.ModelError)(nil); errors.As(err, &e) && key == "" {
		key = map[string]string{"L2": "l2", "Bias": "bias", "Classes": "classes", "Centers": "centers", "Temperature": "temperature", "ε": "epsilon"}[e.Field]
	}
	if key != "" {
		if defaults != nil {
			if n := t.find(defaults.node, key); n >= 0 {
				at = n
			}
		}
		if n := t.find(d.node, key); n >= 0 {
			at = n
		}
	}
	kind := ErrTask
	if errors.As(err, new(*limitError)) {
		kind = ErrLimit
	}
	e := t.failAt(at, kind, "task %s: %s", quote(d.Name), strings.TrimPrefix(err.Error(), "risk: "))
	e.Err = err
	return e
}

// dataGenerator draws the data of task i of a family over data.
type dataGenerator interface {
	Task(i uint64) (risk.Data, error)
}

// generateData appends the tasks of a generate mapping over data: task i is
// drawn from the stream keyed by (seed, i), and is named by its number.
func (f *Family) generateData(t *tree, doc *document, named map[string]bool) error {
	d := doc.Generate
	for _, key := range []string{"nominal", "within", "pairwise", "masks", "ranges", "factors"} {
		if at := t.find(d.node, key); at >= 0 {
			return t.failAt(at, ErrKey, "contradicts kind %s: it draws tasks of kind lqr; here one of sinusoids, lines or blobs", f.Kind)
		}
	}
	at := t.find(d.node, "count")
	if at < 0 {
		return t.failAt(d.node, ErrKey, "generate needs count, the number of tasks")
	}
	if d.Count < 1 || d.Count > maxCount {
		return t.failAt(at, ErrLimit, "count must be from 1 to %d", maxCount)
	}
	if f.Meta.Outer.Sampling == SampleFresh {
		return t.failAt(t.find(0, "meta", "outer", "sampling"), ErrValue, "fresh contradicts kind %s: new tasks are drawn of kind lqr", f.Kind)
	}
	seed := uint64(firstSeed)
	if d.Seed != nil {
		seed = *d.Seed
	}
	gen, word, err := d.dataGenerator(t, f.Kind, seed)
	if err != nil {
		return err
	}
	if rows, features := d.sizes(); float64(d.Count)*float64(rows)*float64(features) > maxDrawnNumbers {
		return t.failAt(t.find(d.node, word), ErrLimit, "%d tasks of %d rows of %d features; at most %d numbers", d.Count, rows, features, maxDrawnNumbers)
	}
	for i := range d.Count {
		one := taskDoc{Name: fmt.Sprintf("task-%0*d", max(3, len(fmt.Sprint(d.Count))), i+1), node: d.node}
		if named[one.Name] {
			return t.failAt(d.node, ErrKey, "a drawn task would be the second named %s", quote(one.Name))
		}
		named[one.Name] = true
		data, err := gen.Task(uint64(i))
		if err != nil {
			at := t.find(d.node, word)
			if e := (*risk.ModelError)(nil); errors.As(err, &e) {
				if n := t.find(at, strings.ToLower(e.Field)); n >= 0 {
					at = n
				}
			}
			e := t.failAt(at, ErrDraw, "%s", strings.TrimPrefix(err.Error(), "risk: "))
			e.Err = err
			return e
		}
		if f.Kind == KMeans && (doc.Defaults == nil || doc.Defaults.Split == nil || !doc.Defaults.Split.PerClass) {
			data.Y = nil
		}
		task, err := f.dataTask(t, &one, doc.Defaults, &data, uint64(i))
		if err != nil {
			return err
		}
		f.Tasks = append(f.Tasks, task)
	}
	f.Drawn = &Drawn{Generator: word, Seed: seed, Count: d.Count}
	return nil
}

// sizes are those of a task that is drawn, or as large as what drawing it needs:
// blobs have centres, too.
func (d *generateDoc) sizes() (rows, features int) {
	or := func(n, otherwise int) int {
		if n == 0 {
			return otherwise
		}
		return n
	}
	switch {
	case d.Sinusoids != nil:
		return or(d.Sinusoids.Rows, 100), or(d.Sinusoids.Features, 12)
	case d.Lines != nil:
		return or(d.Lines.Rows, 100), or(d.Lines.Features, 5)
	}
	return max(or(d.Blobs.Rows, 100), d.Blobs.Classes), or(d.Blobs.Features, 2)
}

// dataGenerator checks the one generator that is asked for.
func (d *generateDoc) dataGenerator(t *tree, k Kind, seed uint64) (gen dataGenerator, word string, err error) {
	regression := []Kind{Regression, Ridge}
	for _, g := range []struct {
		word    string
		written bool
		kinds   []Kind
		gen     func() dataGenerator
	}{
		{"sinusoids", d.Sinusoids != nil, regression, func() dataGenerator {
			g := d.Sinusoids
			return risk.Sinusoids{Rows: g.Rows, Features: g.Features, Noise: g.Noise, Seed: seed}
		}},
		{"lines", d.Lines != nil, regression, func() dataGenerator {
			g := d.Lines
			return risk.Lines{Rows: g.Rows, Features: g.Features, Within: g.Within, Noise: g.Noise, Seed: seed}
		}},
		{"blobs", d.Blobs != nil, []Kind{Logistic, Softmax, KMeans}, func() dataGenerator {
			g := d.Blobs
			return risk.Blobs{Rows: g.Rows, Features: g.Features, Classes: g.Classes, Apart: g.Apart, Within: g.Within, Seed: seed}
		}},
	} {
		at := t.find(d.node, g.word)
		switch {
		case !g.written:
		case word != "":
			return nil, "", t.failAt(at, ErrKey, "there is %s already: exactly one of sinusoids, lines or blobs", word)
		case !slices.Contains(g.kinds, k):
			return nil, "", t.failAt(at, ErrKey, "contradicts kind %s: it draws data for %s", k, kindList(g.kinds))
		default:
			word, gen = g.word, g.gen()
		}
	}
	if gen == nil {
		err = t.failAt(d.node, ErrKey, "generate needs one of sinusoids, lines or blobs")
	}
	return gen, word, err
}

// spread are rows of the task's data that are far apart, one for each centre:
// the row nearest to the mean, then each time that farthest from those taken.
// Training has to start from centres that differ.
func (s *Sets) spread() []float64 {
	d := s.Large
	mean := make([]float64, d.Cols)
	for j := range mean {
		mean[j] = objective.Sum(d.Rows, func(i int) float64 { return d.Row(i)[j] / float64(d.Rows) })
	}
	distance := func(a, b []float64) (q float64) {
		for j := range a {
			e := a[j] - b[j]
			q += float64(e * e)
		}
		return q
	}
	near := make([]float64, d.Rows) // the distance to the nearest row taken
	first := 0
	for i := range near {
		if near[i] = distance(d.Row(i), mean); near[i] < near[first] {
			first = i
		}
	}
	for i := range near {
		near[i] = distance(d.Row(i), d.Row(first))
	}
	out := slices.Clone(d.Row(first))
	for range s.set.centers - 1 {
		far := 0
		for i := range near {
			if near[i] > near[far] {
				far = i
			}
		}
		row := d.Row(far)
		out = append(out, row...)
		for i := range near {
			near[i] = min(near[i], distance(d.Row(i), row))
		}
	}
	return out
}

// appendSets writes the fields of a task over data.
func appendSets(b []byte, s *Sets) []byte {
	set := func(indent string, d risk.Data) {
		b = appendKey(b, indent, "x", matrixeq.Matrix{Rows: d.Rows, Cols: d.Cols, Data: d.X})
		if d.Y != nil && s.kind != KMeans {
			b = append(appendVector(append(append(b, indent...), "y: "...), d.Y), '\n')
		}
	}
	if s.F == s.G {
		set("    ", s.Large)
	} else {
		b = append(b, "    large:\n"...)
		set("      ", s.Large)
		b = append(b, "    small:\n"...)
		set("      ", s.Small)
	}
	b = appendNumber(b, "    l2", s.set.l2)
	if s.set.bias != BiasNone {
		b = fmt.Appendf(b, "    bias: %v\n", s.set.bias)
	}
	b = appendNumber(b, "    classes", float64(s.set.classes))
	b = appendNumber(b, "    centers", float64(s.set.centers))
	b = appendNumber(b, "    temperature", s.set.temperature)
	if s.epsilon != nil {
		b = fmt.Appendf(b, "    epsilon: %s\n", number(*s.epsilon))
	}
	return b
}
