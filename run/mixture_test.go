package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// fleetFamily draws count tasks of three states and two inputs around one, with
// what keys add to it.
func fleetFamily(count int, nominal, meta string) string {
	return fmt.Sprintf(`
family: fleet
generate:
  count: %d
  seed: 5
  within: 0.05
  nominal:
    A: [[0.95, 0.2, 0], [-0.1, 0.9, 0.1], [0.05, 0, 0.8]]
    B: [[0.1, 0], [0.5, 0.1], [0, 0.4]]
    Q: [[1, 0.2, 0], [0.2, 2, 0], [0, 0, 1]]
    R: [[1, 0.1], [0.1, 0.5]]
%s
meta: {%s}
`, count, nominal, meta)
}

// bothWays are a family as it is run, in a fleet, and task by task.
func bothWays(t testing.TB, text string) (lanes, members *Problem) {
	t.Helper()
	f := parse(t, text)
	lanes, err := NewProblem(f)
	if err != nil {
		t.Fatal(err)
	}
	if lanes.lanes() == nil {
		t.Fatal("the tasks make no fleet")
	}
	q := *lanes
	q.counted = true
	return lanes, &q
}

// unlike says where two documents differ: numbers by more than tol, relative or
// absolute, or anything else at all.
func unlike(a, b any, tol float64) string {
	decode := func(v any) (out any) {
		data, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(data, &out)
		}
		if err != nil {
			return err.Error()
		}
		return out
	}
	var walk func(path string, a, b any) string
	walk = func(path string, a, b any) string {
		switch x := a.(type) {
		case map[string]any:
			y, ok := b.(map[string]any)
			if !ok || len(x) != len(y) {
				return path
			}
			for k := range x {
				if s := walk(path+"."+k, x[k], y[k]); s != "" {
					return s
				}
			}
		case []any:
			y, ok := b.([]any)
			if !ok || len(x) != len(y) {
				return path
			}
			for i := range x {
				if s := walk(fmt.Sprintf("%s[%d]", path, i), x[i], y[i]); s != "" {
					return s
				}
			}
		case float64:
			y, ok := b.(float64)
			if !ok || !(math.Abs(x-y) <= tol*(1+math.Abs(x))) {
				return fmt.Sprintf("%s: %v and %v", path, a, b)
			}
		default:
			if a != b {
				return fmt.Sprintf("%s: %v and %v", path, a, b)
			}
		}
		return ""
	}
	return walk("", decode(a), decode(b))
}

// A fleet and its tasks one by one say the same of every form of task, by every
// rule and algorithm: all of the documents of train, eval and adapt, the counts
// of iterations and evaluations among them. Gains come from Newton's method at a
// gradient of 1e-12 and differ by its inverse curvature times the rounding of
// gradients, some 1e-13; the margins of certificates are differences of Jacobians.
func TestFleetIsItsTasks(t *testing.T) {
	forms := []string{
		"",
		"    N: [[0.1, 0], [-0.2, 0.1], [0, 0.05]]\n    discount: 0.9\n    noise: [[1, 0, 0], [0, 0.5, 0], [0, 0, 0.2]]",
		"    average_cost: true\n    noise: [[1, 0.3, 0], [0.3, 0.5, 0], [0, 0, 0.2]]\n    inner: {R: [[2, 0], [0, 1]]}",
		"    x0: [1, -1, 0.5]\n    inner: {Q: [[2, 0, 0], [0, 1, 0], [0, 0, 3]], N: [[0.1, 0], [0, 0.1], [0, 0]]}",
	}
	metas := []string{
		"inner: {rate: auto}",
		"inner: {rate: auto, steps: 2, rule: natural}",
		"inner: {rate: 0.2, rule: gauss-newton, steps: 3}",
		"algorithm: fo-maml, inner: {rate: auto}, outer: {method: algorithm-1, iterations: 5}",
		"inner: {rate: auto}, outer: {method: algorithm-1, batch: 3, iterations: 5, clip: 0.1}, radius_limit: 0.99",
		"inner: {rate: auto, steps: 2}, normalize: optimal-cost",
		"algorithm: reptile, inner: {rate: auto}, outer: {method: algorithm-1, iterations: 3}",
		"algorithm: ftml, inner: {rate: auto}",
		"algorithm: imaml, inner: {strength: 40}",
		"inner: {rate: auto, learn: rate}, outer: {iterations: 4}",
	}
	const tol = 1e-9
	ctx := context.Background()
	for i, form := range forms {
		for j, meta := range metas {
			if testing.Short() && (i+j)%3 != 0 {
				continue
			}
			lanes, members := bothWays(t, fleetFamily(19, form, meta))
			one := func(p *Problem) (*Result, *Evaluation, *Adaptation) {
				tr, err := NewTrainer(ctx, p)
				if err != nil {
					t.Fatal(i, j, err)
				}
				r, err := tr.Run(ctx, nil)
				if err != nil {
					t.Fatal(i, j, err)
				}
				far := r.Gain.Clone()
				far.Data[0] -= 3.2 // outside for some
				e, err := p.Evaluate(ctx, far, false)
				if err != nil {
					t.Fatal(i, j, err)
				}
				a, err := p.Adapt(ctx, r.Gain, 3)
				if err != nil {
					t.Fatal(i, j, err)
				}
				return r, e, a
			}
			r1, e1, a1 := one(lanes)
			r2, e2, a2 := one(members)
			if s := unlike(r1, r2, tol); s != "" {
				t.Errorf("form %d, %s: train %s", i, meta, s)
			}
			if s := unlike(e1, e2, tol); s != "" {
				t.Errorf("form %d, %s: eval %s", i, meta, s)
			}
			if s := unlike(a1, a2, tol); s != "" {
				t.Errorf("form %d, %s: adapt %s", i, meta, s)
			}
		}
	}
	if s := unlike([]float64{1, 2}, []float64{1, 2 + 1e-7}, tol); s == "" {
		t.Error("a difference was not noticed")
	}
}

// Outside the domain, and in adaptations whose steps are refused, both say the
// same words.
func TestFleetFailsAsItsTasks(t *testing.T) {
	ctx := context.Background()
	text := fleetFamily(30, "", "inner: {rate: 3.0, steps: 2}, start: zero")
	lanes, members := bothWays(t, text)
	_, err := NewTrainer(ctx, lanes)
	_, want := NewTrainer(ctx, members)
	if err == nil || want == nil || err.Error() != want.Error() || !strings.Contains(err.Error(), "task ") {
		t.Errorf("%v, want %v", err, want)
	}
	w := matrixeq.New(2, 3)
	w.Data[0] = 0.4
	a, err := lanes.Adapt(ctx, w, 4)
	b, errb := members.Adapt(ctx, w, 4)
	if err != nil || errb != nil {
		t.Fatal(err, errb)
	}
	refused := 0
	for _, task := range a.Tasks {
		refused += len(task.Refused)
	}
	if s := unlike(a, b, 1e-9); s != "" || refused == 0 {
		t.Errorf("%s; %d refused", s, refused)
	}
	e, err := lanes.Evaluate(ctx, w, false)
	f, errf := members.Evaluate(ctx, w, false)
	if err != nil || errf != nil {
		t.Fatal(err, errf)
	}
	if s := unlike(e, f, 1e-9); s != "" || e.Reason == "" {
		t.Errorf("%s; reason %q", s, e.Reason)
	}
}

// A fleet of 200 is trained to the gain of its tasks one by one, within 1e-10.
func TestFleetTrainsToTheSameGain(t *testing.T) {
	lanes, members := bothWays(t, fleetFamily(200, "", "inner: {rate: auto}, outer: {tolerance: 1e-12}"))
	var gains [2][]float64
	for i, p := range []*Problem{lanes, members} {
		tr, err := NewTrainer(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		res, err := maml.Minimize(context.Background(), tr.target, tr.method, tr.state, tr.stop, nil)
		if err != nil || res.Status != maml.Converged {
			t.Fatal(res.Status, err)
		}
		gains[i] = tr.state.X
	}
	for j, x := range gains[0] {
		if !(math.Abs(x-gains[1][j]) <= 1e-10) {
			t.Errorf("entry %d: %v and %v", j, x, gains[1][j])
		}
	}
}

// A search of the landscape finds the same minimisers either way.
func TestFleetIsSearchedAsItsTasks(t *testing.T) {
	ctx := context.Background()
	lanes, members := bothWays(t, fleetFamily(9, "", "inner: {rate: 0.02}"))
	o := landscape.SearchOptions{Starts: 40, Seed: 1}
	a, err := lanes.Search(ctx, o)
	b, errb := members.Search(ctx, o)
	if err != nil || errb != nil {
		t.Fatal(err, errb)
	}
	if len(a.Minimizers) == 0 || len(a.Minimizers) != len(b.Minimizers) {
		t.Fatalf("%d minimisers, want %d", len(a.Minimizers), len(b.Minimizers))
	}
	for i, m := range a.Minimizers {
		n := b.Minimizers[i]
		if s := unlike([]any{m.Gain, m.Value, m.Gap, m.Kind, m.Least, m.Most}, []any{n.Gain, n.Value, n.Gap, n.Kind, n.Least, n.Most}, 1e-7); s != "" {
			t.Errorf("minimiser %d: %s", i, s)
		}
	}
	if _, ok := a.h.(mixture); !ok {
		t.Errorf("%T searched", a.h)
	}
	if _, ok := b.h.(*maml.Meta); !ok {
		t.Errorf("%T searched", b.h)
	}
}

// All of a result is the same to the bit for any number of processors.
func TestFleetOnAnyProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []byte
	for _, processors := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(processors)
		r := train(t, fleetFamily(150, "    inner: {R: [[2, 0], [0, 1]]}", "inner: {rate: auto, steps: 2}"))
		document, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = document
		} else if !bytes.Equal(document, first) {
			t.Errorf("%d processors: another result", processors)
		}
	}
}

// The fleet belongs to the tasks it was made of: a copy of a problem with others
// has another, one with the same shares it, and what does not fit has none.
func TestFleetOfCopies(t *testing.T) {
	p, _ := bothWays(t, fleetFamily(20, "", "inner: {rate: 0.01}"))
	f := p.lanes()
	same := *p
	if same.lanes() != f {
		t.Error("a copy has another fleet")
	}
	fewer := *p
	fewer.Tasks = p.Tasks[:11]
	if g := fewer.lanes(); g == f || g.Len() != 11 {
		t.Error("fewer tasks have the fleet of all")
	}
	if g := p.lanes(); g.Len() != 20 {
		t.Error("all tasks have the fleet of fewer")
	}
	few := *p
	few.Tasks = p.Tasks[:fleetTasks-1]
	if few.lanes() != nil {
		t.Error("few tasks have a fleet")
	}
	if p.learning([]float64{0.1}).fleetOf([]float64{1}, fleet.Options{}) != nil || p.as(family.IMAML, family.MethodNewtonCG, &Start{rates: []float64{1}}).fleetOf([]float64{1}, fleet.Options{}) != nil {
		t.Error("steps that are none of a fleet's have one")
	}
}

// BenchmarkMixture is value, gradient and one product with the Hessian, in a
// fleet and task by task: what fleetTasks is chosen by.
func BenchmarkMixture(b *testing.B) {
	diagonal := func(n int, x float64, below float64) string {
		var rows []string
		for i := range n {
			row := make([]string, n)
			for j := range row {
				row[j] = "0"
				if i == j {
					row[j] = fmt.Sprint(x)
				} else if i == j+1 {
					row[j] = fmt.Sprint(below)
				}
			}
			rows = append(rows, "["+strings.Join(row, ", ")+"]")
		}
		return "[" + strings.Join(rows, ", ") + "]"
	}
	column := "[[1]" + strings.Repeat(", [0]", 23) + "]"
	large := "family: chain\ngenerate: {count: %d, seed: 1, within: 0.01, nominal: {A: " + diagonal(24, 0.8, 0.1) + ", B: " + column + ", Q: " + diagonal(24, 1, 0) + ", R: 1}}"
	for _, c := range []struct {
		tasks, states int
		text          string
	}{
		{2, 3, fleetFamily(2, "", "inner: {rate: 0.01}")}, {8, 3, fleetFamily(8, "", "inner: {rate: 0.01}")},
		{64, 3, fleetFamily(64, "", "inner: {rate: 0.01}")},
		{2, 24, fmt.Sprintf(large, 2)}, {8, 24, fmt.Sprintf(large, 8)}, {64, 24, fmt.Sprintf(large, 64)},
	} {
		p, err := NewProblem(parse(b, c.text))
		if err != nil {
			b.Fatal(err)
		}
		plain := *p
		plain.counted = true
		x, err := p.MeanOptimal()
		if err != nil {
			b.Fatal(err)
		}
		for _, q := range []*Problem{p, &plain} {
			m, err := q.mixture([]float64{0.01})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("d=%d/tasks=%d/%T", c.states, c.tasks, m), func(b *testing.B) {
				v := make([]float64, len(x))
				for b.Loop() {
					at, err := m.At(x)
					if err != nil {
						b.Fatal(err)
					}
					at.HessVec(v, x)
				}
			})
		}
	}
}
