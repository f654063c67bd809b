package family

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/risk"
)

// sameSets checks that two tasks over data are the same, bit for bit.
func sameSets(t *testing.T, a, b *Sets) {
	t.Helper()
	same := func(x, y []float64) bool {
		return slices.EqualFunc(x, y, func(u, v float64) bool { return math.Float64bits(u) == math.Float64bits(v) })
	}
	for _, d := range [][2]risk.Data{{a.Large, b.Large}, {a.Small, b.Small}} {
		if d[0].Rows != d[1].Rows || d[0].Cols != d[1].Cols || !same(d[0].X, d[1].X) || a.kind != KMeans && !same(d[0].Y, d[1].Y) {
			t.Errorf("%+v, then %+v", d[0], d[1])
		}
	}
	if a.kind != b.kind || a.set != b.set || (a.F == a.G) != (b.F == b.G) || a.Unsolved != b.Unsolved || (a.epsilon == nil) != (b.epsilon == nil) {
		t.Errorf("%+v, then %+v", a, b)
	}
}

var dataFamilies = map[string]string{
	"regression": "kind: regression\ntasks:\n  - {x: [[1, 0.1], [-0, 2], [1e-3, 5e-324]], y: [1, 2, 0.3333333333333333], bias: free}\n",
	"ridge": "kind: ridge\ndefaults: {l2: 0.1, bias: penalized}\ntasks:\n  - {name: a, x: [[1], [2]], y: [1, 2], weight: 2}\n" +
		"  - {name: b, large: {x: [[1], [3]], y: [1, 0]}, small: {x: [[1]], y: 2}, l2: 1e-5}\n",
	"drawn":    "kind: ridge\ndefaults: {l2: 0.1, split: {count: 3, disjoint: true}}\ngenerate: {lines: {rows: 10, within: 0.5}, count: 4, seed: 9}\nmeta: {inner: {rate: 0.1, steps: 3}}\n",
	"sines":    "kind: regression\ngenerate: {sinusoids: {rows: 20, features: 4}, count: 2}\n",
	"logistic": "kind: logistic\ndefaults: {l2: 0.01, bias: free, split: {count: 2, per_class: true, seed: 4}}\ngenerate: {blobs: {rows: 12}, count: 2}\n",
	"softmax":  "kind: softmax\ndefaults: {classes: 3}\ntasks: [{x: [[1, 2], [3, 4], [5, 7]], y: [0, 1, 2]}]\n",
	"kmeans":   "kind: kmeans\ndefaults: {centers: 2, temperature: 0.5, epsilon: 0}\ntasks: [{x: [[1], [2], [4]]}]\ngenerate: {blobs: {features: 1, rows: 6}, count: 2}\n",
	"classes":  "kind: kmeans\ndefaults: {centers: 2, temperature: 0.5, split: {count: 1, per_class: true}}\ngenerate: {blobs: {rows: 6}, count: 2}\n",
}

// A family over data is written as it is run, every number of it, and comes
// back bit for bit.
func TestFormatOfData(t *testing.T) {
	for name, text := range dataFamilies {
		f, err := Parse("x.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		formatted := Format(f)
		again, err := Parse("x.yaml", formatted)
		if err != nil {
			t.Fatalf("%s, formatted: %v\n%s", name, err, formatted)
		}
		identical(t, f, again)
		again.Drawn = f.Drawn
		if !bytes.Equal(Format(again), formatted) {
			t.Errorf("%s: formatting is not idempotent", name)
		}
		tr, err := parse("x", formatted)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, tr)
	}
}

// Mean squares of one feature: f(θ) = (mean x²) θ² − 2 (mean xy) θ + mean y² + λθ²,
// by hand for x = 1, 2, 3, y = 2, 4, 7 and λ = 1/3: 5 θ² − 62/3 θ + 23.
func TestRidgeByHand(t *testing.T) {
	f, err := Parse("x", []byte("kind: ridge\ntasks: [{x: [[1], [2], [3]], y: [2, 4, 7], l2: 0.3333333333333333}]"))
	if err != nil {
		t.Fatal(err)
	}
	o, g := f.Tasks[0].Objectives()
	p, err := o.At([]float64{2})
	if err != nil {
		t.Fatal(err)
	}
	grad := make([]float64, 1)
	p.Grad(grad)
	const tol = 1e-14 // a dozen roundings of numbers up to 40
	if math.Abs(p.Value()-5./3) > 23*tol || math.Abs(grad[0]+2./3*1) > 40*tol {
		t.Errorf("value %v, gradient %v", p.Value(), grad)
	}
	m, ok := o.(objective.Minimized)
	if !ok || math.Abs(m.Minimizer()[0]-31./15) > tol || o != g {
		t.Errorf("%v", m)
	}
	if r, c := f.Shape(); r != 1 || c != 1 {
		t.Errorf("shape %d×%d", r, c)
	}
}

// Files are found beside the family, and a family that is not a file names none.
func TestDataFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"all.csv":    "height,weight\n1,2\n2,4\n3,7\n",
		"small.csv":  "1,2\n",
		"bad.csv":    "height,weight\n1,x\n",
		"points.csv": "1,0\n2,0\n5,1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "f.yaml")
	read := func(text string) (*Family, error) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Read(path)
	}
	const inline = "kind: regression\ntasks: [{name: a, x: [[1], [2], [3]], y: [2, 4, 7]}]\n"
	want, err := Parse("f.yaml", []byte(inline))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"kind: regression\ntasks: [{name: a, data: all.csv}]\n",
		"kind: regression\ntasks: [{name: a, data: all.csv, target: weight}]\n",
		"kind: regression\ndefaults: {target: 2}\ntasks: [{name: a, data: " + filepath.Join(dir, "all.csv") + "}]\n",
	} {
		f, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		identical(t, want, f)
		if _, err := Parse("f.yaml", []byte(text)); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), "cannot name files") {
			t.Errorf("%v", err)
		}
		again, err := Parse("f.yaml", Format(f))
		if err != nil {
			t.Fatal(err)
		}
		identical(t, want, again)
	}
	other, err := read("kind: regression\ntasks: [{name: a, data: all.csv, target: height}]\n")
	if err != nil || !slices.Equal(other.Tasks[0].Sets.Large.Y, []float64{1, 2, 3}) {
		t.Errorf("%v", err)
	}
	two, err := read("kind: regression\ntasks: [{name: a, large: all.csv, small: {data: small.csv}}]\n")
	if err != nil || two.Tasks[0].Sets.Small.Rows != 1 || two.Tasks[0].Sets.Large.Rows != 3 {
		t.Errorf("%v", err)
	}
	points, err := read("kind: kmeans\ndefaults: {centers: 2, temperature: 1}\ntasks: [{name: a, data: points.csv}]\n")
	if err != nil || points.Tasks[0].Sets.Large.Cols != 2 {
		t.Errorf("without a target every column is a feature: %v", err)
	}
	// The row nearest to the mean (8/3, 1/3), and that farthest from it.
	if w, kind := points.Guess(); !slices.Equal(w, []float64{2, 0, 5, 1}) || kind != "rows" {
		t.Errorf("%v, %s", w, kind)
	}
	for text, part := range map[string]string{
		"kind: regression\ntasks: [{name: a, data: none.csv}]\n": "none.csv: no such file",
		"kind: regression\ntasks: [{name: a, data: bad.csv}]\n":  `bad.csv:2:3: "weight": expected a number`,
	} {
		_, err := read(text)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, ErrTask) || e.Line != 2 || e.Column != 25 || !strings.Contains(e.Message, part) {
			t.Errorf("%v", err)
		}
	}
}

// What a kind refuses, and which two things contradict each other.
var dataRefusals = []struct {
	name, text   string
	line, column int
	path         string
	kind         error
	message      string
}{
	{"no such kind", "kind: rigde\n", 1, 7, "kind", ErrValue, `unknown kind "rigde": expected lqr, regression, ridge, logistic, softmax or kmeans; did you mean ridge?`},
	{"plant of a regression", "kind: regression\ntasks: [{A: 1}]\n", 2, 10, "tasks[0].A", ErrKey, "contradicts kind regression: it belongs to kind lqr"},
	{"plant among defaults", "kind: ridge\ndefaults: {R: 1}\ntasks: [{x: [[1]], y: 1}]\n", 2, 12, "defaults.R", ErrKey, "contradicts kind ridge"},
	{"data of LQR", "tasks: [{x: [[1]]}]\n", 1, 10, "tasks[0].x", ErrKey, "contradicts kind lqr, whose tasks have no data"},
	{"penalty of a regression", "kind: regression\ntasks: [{l2: 1}]\n", 2, 10, "tasks[0].l2", ErrKey, "contradicts kind regression, which has no penalty: it belongs to kinds ridge, logistic and softmax"},
	{"no penalty of ridge", "kind: ridge\ntasks: [{x: [[1]], y: 1}]\n", 2, 9, "tasks[0]", ErrKey, "kind ridge needs l2"},
	{"penalty of 0", "kind: ridge\ntasks: [{x: [[1]], y: 1, l2: 0}]\n", 2, 30, "tasks[0].l2", ErrValue, "without a penalty it is kind regression"},
	{"negative penalty", "kind: logistic\ntasks: [{x: [[1]], y: 1, l2: -1}]\n", 2, 30, "tasks[0].l2", ErrValue, "must not be negative"},
	{"ε of a convex kind", "kind: softmax\ntasks: [{epsilon: 1}]\n", 2, 10, "tasks[0].epsilon", ErrKey, "contradicts kind softmax, whose cost is convex and so has ε = 0"},
	{"classes of two", "kind: logistic\ntasks: [{classes: 3}]\n", 2, 10, "tasks[0].classes", ErrKey, "contradicts kind logistic: it belongs to kind softmax"},
	{"bias of centres", "kind: kmeans\ntasks: [{bias: free}]\n", 2, 10, "tasks[0].bias", ErrKey, "contradicts kind kmeans"},
	{"no such bias", "kind: ridge\ntasks: [{bias: yes}]\n", 2, 16, "tasks[0].bias", ErrValue, "expected none, penalized or free"},
	{"no centres", "kind: kmeans\ntasks: [{x: [[1]], temperature: 1}]\n", 2, 9, "tasks[0]", ErrKey, "needs centers"},
	{"no temperature", "kind: kmeans\ntasks: [{x: [[1]], centers: 1}]\n", 2, 9, "tasks[0]", ErrKey, "needs temperature"},
	{"temperature 0", "kind: kmeans\ntasks: [{x: [[1]], centers: 1, temperature: 0}]\n", 2, 45, "tasks[0].temperature", ErrValue, "positive"},
	{"no data", "kind: regression\ntasks: [{name: a}]\n", 2, 9, "tasks[0]", ErrKey, "has no data"},
	{"file and rows", "kind: regression\ntasks: [{x: [[1]], data: a.csv}]\n", 2, 26, "tasks[0].data", ErrValue, "contradicts x"},
	{"file and targets", "kind: regression\ntasks: [{y: [1], data: a.csv}]\n", 2, 24, "tasks[0].data", ErrValue, "contradicts y"},
	{"targets alone", "kind: regression\ntasks: [{y: [1]}]\n", 2, 13, "tasks[0].y", ErrValue, "x is missing"},
	{"no targets", "kind: regression\ntasks: [{x: [[1]]}]\n", 2, 9, "tasks[0]", ErrTask, "needs targets"},
	{"too few targets", "kind: regression\ntasks: [{x: [[1], [2]], y: [1]}]\n", 2, 28, "tasks[0].y", ErrValue, "1 targets for 2 rows"},
	{"targets of clusters", "kind: kmeans\ntasks: [{x: [[1]], y: [1], centers: 1, temperature: 1}]\n", 2, 23, "tasks[0].y", ErrValue, "contradicts kind kmeans"},
	{"half a class", "kind: logistic\ntasks: [{x: [[1]], y: [0.5]}]\n", 2, 9, "tasks[0]", ErrTask, "want a class 0 to 1"},
	{"target of rows", "kind: regression\ntasks: [{x: [[1]], y: 1, target: a}]\n", 2, 34, "tasks[0].target", ErrValue, "contradicts x"},
	{"large alone", "kind: regression\ntasks: [{large: a.csv}]\n", 2, 17, "tasks[0].large", ErrValue, "needs small"},
	{"small alone", "kind: regression\ntasks: [{x: [[1]], y: 1, small: a.csv}]\n", 2, 33, "tasks[0].small", ErrValue, "needs large"},
	{"large and rows", "kind: regression\ntasks: [{x: [[1]], y: 1, large: a.csv, small: b.csv}]\n", 2, 33, "tasks[0].large", ErrValue, "contradicts x"},
	{"large and a file", "kind: regression\ntasks: [{data: c.csv, large: a.csv, small: b.csv}]\n", 2, 30, "tasks[0].large", ErrValue, "contradicts data"},
	{"two forms of small", "kind: regression\ntasks: [{large: a.csv, small: {x: [[1]], data: b.csv}}]\n", 2, 48, "tasks[0].small.data", ErrValue, "contradicts x"},
	{"split of given sets", "kind: regression\ntasks: [{large: a.csv, small: b.csv, split: {count: 1}}]\n", 2, 45, "tasks[0].split", ErrValue, "contradicts small"},
	{"split without count", "kind: regression\ntasks: [{split: {disjoint: true}}]\n", 2, 17, "tasks[0].split", ErrKey, "needs count"},
	{"split of none", "kind: regression\ntasks: [{x: [[1]], y: 1, split: {count: 0}}]\n", 2, 41, "tasks[0].split.count", ErrValue, "at least 1"},
	{"split by class", "kind: ridge\ndefaults: {split: {count: 1, per_class: true}}\ntasks: [{x: [[1]], y: 1}]\n", 2, 41, "defaults.split.per_class", ErrValue, "contradicts kind ridge, whose targets are no classes"},
	{"split of all", "kind: regression\ndefaults: {split: {count: 2, disjoint: true}}\ntasks: [{name: a, x: [[1], [2]], y: [1, 2]}]\n", 2, 19, "defaults.split", ErrTask, `task "a": 2 are to be drawn from 2 rows`},
	{"other dimension", "kind: regression\ntasks: [{name: a, x: [[1]], y: 1}, {name: b, x: [[1, 2]], y: 1}]\n", 2, 36, "tasks[1]", ErrValue, `"b" has 2 parameters, but "a" has 1`},
	{"other dimension of small", "kind: regression\ntasks: [{large: {x: [[1]], y: 1}, small: {x: [[1, 2]], y: 1}}]\n", 2, 9, "tasks[0]", ErrTask, "the large set has 1 parameters, the small one 2"},
	{"start of another shape", "kind: regression\ntasks: [{x: [[1]], y: 1}]\nmeta: {start: [[1, 2]]}\n", 3, 15, "meta.start", ErrValue, "the parameters of this family are 1×1"},
	{"file of no file", "kind: regression\ntasks: [{data: a.csv}]\n", 2, 16, "tasks[0].data", ErrValue, "cannot name files"},

	{"natural rule", "kind: ridge\nmeta: {inner: {rule: natural}}\n", 2, 22, "meta.inner.rule", ErrValue, "natural contradicts kind ridge"},
	{"Gauss–Newton rule", "kind: kmeans\nmeta: {inner: {rule: gauss-newton}}\n", 2, 22, "meta.inner.rule", ErrValue, "gauss-newton contradicts kind kmeans"},
	{"margin of stability", "kind: ridge\nmeta: {radius_limit: 0.9}\n", 2, 22, "meta.radius_limit", ErrValue, "contradicts kind ridge, which has no spectral radius"},
	{"optimal costs of clusters", "kind: kmeans\nmeta: {normalize: optimal-cost}\n", 2, 19, "meta.normalize", ErrValue, "contradicts kind kmeans"},
	{"mean optimum of clusters", "kind: kmeans\nmeta: {start: mean-optimal}\n", 2, 15, "meta.start", ErrValue, "contradicts kind kmeans"},
	{"fresh data", "kind: ridge\ngenerate: {lines: {}, count: 2}\nmeta: {outer: {method: algorithm-1, sampling: fresh, batch: 2}}\n", 3, 47, "meta.outer.sampling", ErrValue, "fresh contradicts kind ridge"},

	{"nominal task of data", "kind: ridge\ngenerate: {nominal: {}, count: 2}\n", 2, 21, "generate.nominal", ErrKey, "contradicts kind ridge"},
	{"ball of data", "kind: ridge\ngenerate: {lines: {}, within: 1, count: 2}\n", 2, 31, "generate.within", ErrKey, "contradicts kind ridge"},
	{"lines of LQR", "generate: {lines: {}, count: 2}\n", 1, 19, "generate.lines", ErrKey, "contradicts kind lqr"},
	{"blobs of regression", "kind: regression\ngenerate: {blobs: {}, count: 2}\n", 2, 19, "generate.blobs", ErrKey, "contradicts kind regression: it draws data for kinds logistic, softmax and kmeans"},
	{"two generators", "kind: regression\ngenerate: {lines: {}, sinusoids: {}, count: 2}\n", 2, 19, "generate.lines", ErrKey, "there is sinusoids already"},
	{"no generator", "kind: regression\ngenerate: {count: 2}\n", 2, 11, "generate", ErrKey, "one of sinusoids, lines or blobs"},
	{"no count", "kind: regression\ngenerate: {lines: {}}\n", 2, 11, "generate", ErrKey, "needs count"},
	{"too many rows", "kind: regression\ngenerate: {lines: {rows: 1000000000}, count: 2}\n", 2, 19, "generate.lines", ErrLimit, "at most 67108864 numbers"},
	{"too many tasks", "kind: regression\ngenerate: {sinusoids: {}, count: 1000000}\n", 2, 23, "generate.sinusoids", ErrLimit, "1000000 tasks of 100 rows of 12 features"},
	{"too many clouds", "kind: kmeans\ndefaults: {centers: 1, temperature: 1}\ngenerate: {blobs: {classes: 100000000}, count: 1}\n", 3, 19, "generate.blobs", ErrLimit, "at most 67108864 numbers"},
	{"too many rows in all", "kind: regression\ngenerate: {lines: {rows: 1000, features: 1000}, count: 1000}\n", 2, 19, "generate.lines", ErrLimit, "1000 tasks of 1000 rows of 1000 features"},
	{"too many centres", "kind: kmeans\ntasks: [{x: [[1, 2]], temperature: 1, centers: 2000000000}]\n", 2, 9, "tasks[0]", ErrLimit, "4000000000 parameters; at most 4194304"},
	{"impossible rows", "kind: regression\ngenerate: {sinusoids: {features: 1}, count: 2}\n", 2, 34, "generate.sinusoids.features", ErrDraw, "Features is 1"},
	{"three classes of two", "kind: logistic\ngenerate: {blobs: {classes: 3}, count: 2}\n", 2, 11, "generate", ErrTask, "want a class 0 to 1"},
}

func TestDataRefusals(t *testing.T) {
	for _, tt := range dataRefusals {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.text, tt.line, tt.column, tt.path, tt.kind, tt.message) })
	}
}
