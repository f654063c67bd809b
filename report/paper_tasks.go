package report

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

// Section 2.4 is measured for these numbers of tasks, with this many random families
// of each.
var taskCounts = []int{2, 3, 5, 8, 11, 21}

const (
	drawsOfEach = 50
	drawSeed    = 1
)

// An outcome is what is measured of one family.
type outcome struct {
	ε, low    float64 // bounds of ε, proved
	gain      float64 // the global minimiser
	fromCost  float64 // its distance from the minimiser of the mean cost
	fromMean  float64 // and from the mean of the optima
	settled   bool    // one global minimiser, proved
	flank     bool    // another minimiser is nearer to that of the mean cost
	landscape *run.Landscape
}

// moreTasks measures how the landscape changes with the number of tasks, on
// Q = 10^x with x in [−1, 1] (Section 2.4).
func moreTasks(at *studying) (*PaperFigure, error) {
	type job struct{ k, n int } // n = −1: equally spaced
	var jobs []job
	for _, k := range taskCounts {
		for n := -1; n < drawsOfEach; n++ {
			jobs = append(jobs, job{k, n})
		}
	}
	results := make([]outcome, len(jobs))
	err := concurrently(len(jobs), func(i int) (err error) {
		results[i], err = measure(at.ctx, exponents(jobs[i].k, jobs[i].n))
		return err
	})
	if err != nil {
		return nil, err
	}

	last := results[len(results)-1-drawsOfEach]
	p := about("Section 2.4: the landscape against the number of tasks", last.landscape.Problem().Family)
	p.Setup = "tasks (A, B, Q, R) = (1, 1, 10^x, 1) with k exponents x in [−1, 1]" + step(last.landscape.Problem().Family)
	titles := []string{"𝜀, proved", "global minimiser to that of the mean cost", "global minimiser to the mean of the optima"}
	axes := []string{"𝜀", "distance", "distance"}
	what := []func(outcome) float64{
		func(d outcome) float64 { return d.ε },
		func(d outcome) float64 { return d.fromCost },
		func(d outcome) float64 { return d.fromMean },
	}
	even := Measurements{Name: "x equally spaced in [−1, 1]", Columns: []string{"k", "ε", "global minimiser", "from argmin of mean cost", "from mean of W*"}}
	random := Measurements{
		Name:    fmt.Sprintf("x uniform in [−1, 1], %d draws of each k (seed %d): median and quartiles of ε and of the global minimiser's distances, d from argmin of the mean cost and e from the mean of W*; share of draws in which it is on a flank", drawsOfEach, drawSeed),
		Columns: []string{"k", "ε", "ε ¼", "ε ¾", "d", "d ¼", "d ¾", "e", "e ¼", "e ¾", "flank"},
	}
	var panels []Panel
	for j := range what {
		panels = append(panels, Panel{
			X:      Axis{Label: "number of tasks 𝑘", Log: true, Ticks: floats(taskCounts), Min: 1.8, Max: 23.4},
			Y:      Axis{Label: axes[j]},
			Title:  titles[j],
			Height: 30,
			Bands:  []Band{{Label: "their range", Alpha: .14}, {Label: "their middle half", Alpha: .3}},
			Curves: []Curve{
				{Label: fmt.Sprintf("median of %d random families", drawsOfEach), Weight: Strong, Ink: Blue},
				{Label: "equally spaced tasks", Dash: Dashed, Shape: Square, Ink: Vermilion},
			},
		})
	}
	unsettled := 0
	flank := make([]float64, len(taskCounts))
	var spaced []outcome
	var median []float64 // of ε
	for i, k := range taskCounts {
		of := results[i*(drawsOfEach+1) : (i+1)*(drawsOfEach+1)]
		first := of[0]
		spaced = append(spaced, first)
		p.kept = append(p.kept, first.landscape)
		even.Rows = append(even.Rows, []run.Number{run.Number(k), run.Number(first.ε), run.Number(first.gain), run.Number(first.fromCost), run.Number(first.fromMean)})
		row := []run.Number{run.Number(k)}
		var drawn []outcome
		for _, d := range of[1:] {
			if !d.settled {
				unsettled++
				continue
			}
			drawn = append(drawn, d)
			if d.flank {
				flank[i]++
			}
		}
		for j := range what {
			var v []float64
			for _, d := range drawn {
				v = append(v, what[j](d))
			}
			slices.Sort(v)
			q := func(q float64) float64 { return quantile(v, q) }
			row = append(row, run.Number(q(.5)), run.Number(q(.25)), run.Number(q(.75)))
			if j == 0 {
				median = append(median, q(.5))
			}
			c := &panels[j]
			for b, ends := range [][2]float64{{0, 1}, {.25, .75}} {
				c.Bands[b].X = append(c.Bands[b].X, float64(k))
				c.Bands[b].Lo = append(c.Bands[b].Lo, q(ends[0]))
				c.Bands[b].Hi = append(c.Bands[b].Hi, q(ends[1]))
			}
			for n, y := range []float64{q(.5), what[j](first)} {
				c.Curves[n].X, c.Curves[n].Y = append(c.Curves[n].X, float64(k)), append(c.Curves[n].Y, y)
			}
		}
		random.Rows = append(random.Rows, append(row, run.Number(flank[i]/float64(len(drawn)))))
	}
	p.Measured = []Measurements{even, random}
	p.figure = &Figure{
		ShareX: true, Panels: panels, Legend: LegendBelow,
		Alt: "Against the number of tasks: ε, and the distances of the global minimiser from the minimiser of the mean cost and from the mean of the optima.",
	}
	p.conclude(spaced, median, flank, unsettled)
	return p, nil
}

func (p *PaperFigure) conclude(spaced []outcome, median, flank []float64, unsettled int) {
	last := len(taskCounts) - 1
	monotone, rise := true, 0
	var list []string
	for i, d := range spaced {
		list = append(list, fmt.Sprintf("%.3f", d.ε))
		if i > 0 && d.ε >= spaced[i-1].low {
			monotone, rise = false, i
		}
	}
	p.claim("More tasks make a better landscape.", monotone, spaced[rise].ε-spaced[0].ε, Proved,
		"not at first: for k = %s equally spaced tasks ε = %s. It rises by %.3f up to k = %d and falls only then; two numbers of tasks from there on, as in Figures 3c and 3d, seem to confirm the sentence",
		listed(words(taskCounts)), listed(list), spaced[rise].ε-spaced[0].ε, taskCounts[rise])
	p.claim("With many tasks the global minimiser is close to the minimiser of the mean cost.", spaced[last].fromCost < .1*spaced[0].fromCost, spaced[last].fromCost, Proved,
		"the distance falls from %s at k = 2 to %s at k = %d", six(spaced[0].fromCost), six(spaced[last].fromCost), taskCounts[last])
	jump := 0
	for i := range spaced {
		if spaced[i].flank {
			jump = i
		}
	}
	p.remark("The change is a jump: the global minimiser leaves the flank for the centre.", jump < last, spaced[min(jump+1, last)].gain, Proved,
		"between k = %d (w = %s) and k = %d (w = %s)", taskCounts[jump], six(spaced[jump].gain), taskCounts[min(jump+1, last)], six(spaced[min(jump+1, last)].gain))
	var m, share []string
	for i := range median {
		m, share = append(m, fmt.Sprintf("%.3f", median[i])), append(share, fmt.Sprintf("%.0f %%", 100*flank[i]/drawsOfEach))
	}
	p.remark("In random families ε does not fall at all as tasks are added: more of them reach farther towards the ends of [−1, 1].", slices.IsSorted(median), median[last], Measured,
		"its median over %d draws is %s%s", drawsOfEach, listed(m), leftOut(unsettled))
	p.remark("In random families, too, the global minimiser leaves the flank.", flank[last] < flank[0], flank[last]/drawsOfEach, Measured,
		"it is on a flank in %s of the draws", listed(share))
}

func leftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d draws are left out, in which no minimiser is proved to be the only global one", n)
}

// exponents are k of them in [−1, 1]: equally spaced for n < 0, and otherwise the
// n-th draw.
func exponents(k, n int) []float64 {
	x := make([]float64, k)
	if n < 0 {
		for i := range x {
			x[i] = -1 + 2*float64(i)/float64(k-1)
		}
		return x
	}
	r := rand.New(rand.NewPCG(drawSeed, uint64(k)<<32|uint64(n)))
	for i := range x {
		x[i] = 2*r.Float64() - 1
	}
	return x
}

// measure proves the landscape of tasks (1, 1, 10^x, 1) at the rate of Figures 3c and
// 3d.
func measure(ctx context.Context, x []float64) (outcome, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "family: tasks-%d\ndefaults: {A: 1, B: 1, R: 1}\nmeta: {inner: {rate: 0.01}}\ntasks:\n", len(x))
	for _, e := range x {
		fmt.Fprintf(&b, "  - {Q: %v}\n", math.Pow(10, e))
	}
	f, err := family.Parse("tasks.yaml", []byte(b.String()))
	if err != nil {
		return outcome{}, err
	}
	one := landscape.Options{Workers: 1}
	l, err := prove(ctx, f, one)
	if err != nil {
		return outcome{}, err
	}
	mean, err := meanCost(ctx, f, one)
	if err != nil {
		return outcome{}, err
	}
	best, ok := global(l)
	center, single := global(mean)
	w := gain(best)
	flank := ok && single && gain(nearest(l, gain(center))) != w
	return outcome{
		ε: float64(l.Epsilon), low: float64(l.EpsilonLow), gain: w, settled: ok && single, flank: flank,
		fromCost: math.Abs(w - gain(center)), fromMean: math.Abs(w - meanOptimum(l.Problem())), landscape: l,
	}, nil
}

// concurrently calls f for 0 … n − 1, and returns the error of the least index.
func concurrently(n int, f func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// quantile of a sorted sample, between its neighbours in proportion.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func floats(list []int) (x []float64) {
	for _, k := range list {
		x = append(x, float64(k))
	}
	return x
}

func words(list []int) (w []string) {
	for _, k := range list {
		w = append(w, fmt.Sprint(k))
	}
	return w
}
