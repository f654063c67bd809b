package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
)

// The names of the sides, as in the table.
const (
	ours       = "metalqr"
	octaveName = "Octave"
	scipyName  = "SciPy"
	jaxName    = "JAX"
	torchName  = "PyTorch"

	// The same library as experts could use it: autodiff in another layout of the
	// tensors, and no autodiff.
	tasksLast  = ", tasks last"
	byFormulas = ", formulas"
)

// targets are how many times faster than a peer metalqr sets out to be.
var targets = []struct {
	kind string
	n    int
	peer string
	want float64
}{
	{riccati, 4, octaveName, 8}, {riccati, 4, scipyName, 20},
	{riccati, 20, octaveName, 8}, {riccati, 20, scipyName, 5},
	{riccati, 100, octaveName, 3}, {riccati, 100, scipyName, 2},
	{riccati, 200, octaveName, 3}, {riccati, 200, scipyName, 2},
	{stein, 20, octaveName, 3}, {stein, 100, octaveName, 3}, {stein, 200, octaveName, 3},
	{meta, 4, scipyName, 100},
}

// fleetTargets are those of the headline, against autodiff as its users write it.
var fleetTargets = map[string]float64{jaxName: 30, torchName: 100}

func target(c problem, peer string) (want float64, ok bool) {
	if c.name == headline {
		want, ok = fleetTargets[peer]
		return want, ok
	}
	for _, t := range targets {
		if t.kind == c.kind && t.n == c.n && t.peer == peer {
			return t.want, true
		}
	}
	return 0, false
}

// about is what the numbers depend on besides the code.
type about struct {
	session               *session
	versions              []string
	loadBefore, loadAfter string
}

// render writes the whole report as Markdown.
func render(solves, fleet []row, studies []study, a about) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# metalqr beside its peers\n\n")
	fmt.Fprintf(&b, "Printed by `%s` after `bench/setup.sh`.\n\n",
		strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " "))
	fmt.Fprintf(&b, "%d rounds in which the sides take turns of %v (at least one call; three rounds at least of fleets that take seconds). ",
		a.session.rounds, a.session.turn)
	b.WriteString("Time is the median over rounds of the mean call; spread is (largest − smallest) / median. " +
		"*Times slower* is the median over rounds of the peer's time divided by ours in the same round. The residual is measured by the harness in twice the " +
		"working precision; *apart* is the distance of the result from ours, relative, and was at most 1e-8 before anything was timed.\n\n")
	fmt.Fprintf(&b, "- machine: %s, %d cores, %s/%s; load average before and after: %s, %s\n",
		cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, a.loadBefore, a.loadAfter)
	slices.Sort(a.versions)
	for _, v := range slices.Compact(a.versions) {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	if len(solves) > 0 {
		b.WriteString("\n## Single systems, one thread\n\n" +
			"- Octave is `dare` and `dlyap` as a user calls them, their checks included; SLICOT is the compiled routine under them, " +
			"called without those checks; the SciPy meta-gradient is the loop of `peers/scipy_peer.py`; JAX and PyTorch are autodiff as below, one task first\n" +
			"- metalqr's Riccati times include refinement and the certificate of stability; its meta-gradient is one evaluation of the " +
			"meta-objective at a new gain and its exact gradient\n\n")
		b.WriteString(align(table(solves)) + "\n" + verdict(solves))
	}
	if len(fleet) > 0 {
		fmt.Fprintf(&b, "\n## Fleets, %d cores\n\n", runtime.NumCPU())
		b.WriteString("One gradient step; r = max(1, d/2); the exact second-order derivatives. A product is that of the Hessian with one " +
			"vector at a new gain; a training is 200 gradient steps, every 20th iterate compared.\n\n" +
			"- *JAX* and *PyTorch* are what their users write: `jit` and `vmap` with `grad` and `jvp`; batched tensors, tasks first, with autograd. The " +
			"targets are about these two. Each takes, for each size, the fastest of " +
			"doubling with the derivative of the equation, doubling differentiated as it stands, and (PyTorch, d ≤ 4) the Kronecker form, of ways to write " +
			"products and (JAX) of the axis that `vmap` maps, and of two sizes of chunks; the note says which. Compilation is not in the time\n" +
			"- *tasks last* is autodiff in an expert's layout: tensors of d×d×N, no `vmap` and no `matmul`, products as sums of whole rows of tasks, " +
			"which the vector units suit; the same choices otherwise\n" +
			"- *formulas* is no autodiff: the closed formulas of the gradient, worked out by hand (`peers/formulas.py`), in either layout. " +
			"These two are timed for gradients, of which a training is 200\n" +
			"- SciPy is a loop over tasks in a process a core; Octave is a loop over `dare` in one\n" +
			"- metalqr's fleet is made of the tensors once, as theirs are, but for fleet-optima, which is the making; each call evaluates all tasks anew, " +
			"proves each loop stable by a Lyapunov inequality, and sums with compensation\n\n")
		b.WriteString(align(table(fleet)) + "\n" + verdict(fleet))
	}
	for _, s := range studies {
		fmt.Fprintf(&b, "\n## %s\n\n%s", s.title, s.text)
	}
	return b.String()
}

func table(rows []row) [][]string {
	table := [][]string{{"case", "side", "time", "spread", "times slower", "target", "residual", "apart", "note"}}
	for _, r := range rows {
		own := r.entries[0]
		for i, e := range r.entries {
			if e == nil {
				continue
			}
			line := []string{"", e.side, "", "", "", "", "", "", e.note}
			if i == 0 {
				line[0] = r.c.name
			}
			want, aimed := target(r.c, e.side)
			switch {
			case e.absent != "":
				line[8] = e.absent
				if aimed {
					line[5] = fmt.Sprintf("%g: not measured", want)
				}
			default:
				line[2], line[3] = clock(median(e.seconds)), fmt.Sprintf("%.0f %%", 100*spread(e.seconds))
				line[6] = scientific(e.residual)
				if i == 0 {
					break
				}
				line[7] = scientific(e.distance)
				if own.absent != "" {
					break
				}
				ratio := timesSlower(e, own)
				line[4] = fmt.Sprintf("%.3g", ratio)
				if aimed {
					line[5] = fmt.Sprintf("%g: met", want)
					if ratio < want {
						line[5] = fmt.Sprintf("%g: MISSED", want)
					}
				}
			}
			table = append(table, line)
		}
	}
	return table
}

// verdict says in words which targets are missed or were not measured, and where
// a residual of ours is above a peer's.
func verdict(rows []row) string {
	var missed, unknown, refused, worse []string
	checked, equations := 0, false
	for _, r := range rows {
		own := r.entries[0]
		for _, e := range r.entries[1:] {
			if e == nil {
				continue
			}
			if e.refused {
				refused = append(refused, fmt.Sprintf("%s: %s: %s", r.c.name, e.side, e.absent))
			}
			want, aimed := target(r.c, e.side)
			if e.absent != "" || own.absent != "" {
				if aimed {
					unknown = append(unknown, fmt.Sprintf("%s against %s: %s", r.c.name, e.side, e.absent))
				}
				continue
			}
			if aimed {
				checked++
				if ratio := timesSlower(e, own); ratio < want {
					missed = append(missed, fmt.Sprintf("%s against %s: %.3g, target %g", r.c.name, e.side, ratio, want))
				}
			}
			equations = equations || !math.IsNaN(own.residual)
			if own.residual > e.residual {
				worse = append(worse, fmt.Sprintf("%s against %s: %s, theirs %s",
					r.c.name, e.side, scientific(own.residual), scientific(e.residual)))
			}
		}
	}
	s := fmt.Sprintf("Targets met: %d of %d.\n", checked-len(missed), checked+len(unknown))
	for _, m := range missed {
		s += "- missed: " + m + "\n"
	}
	for _, u := range unknown {
		s += "- not measured: " + u + "\n"
	}
	for _, d := range refused {
		s += "- results that disagree: " + d + "\n"
	}
	if equations && len(worse) == 0 {
		return s + "No residual of ours is above a peer's.\n"
	}
	for _, w := range worse {
		s += "- residual above a peer's: " + w + "\n"
	}
	return s
}

// align writes a Markdown table whose source is readable too.
func align(table [][]string) string {
	width := make([]int, len(table[0]))
	for _, line := range table {
		for j, cell := range line {
			width[j] = max(width[j], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for i, line := range table {
		for j, cell := range line {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(" ", width[j]-len([]rune(cell))))
		}
		b.WriteString("|\n")
		if i == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// timesSlower compares turns that were next to each other, so that a machine
// busy for a while slows both sides of a ratio.
func timesSlower(e, own *entry) float64 {
	ratios := make([]float64, min(len(own.seconds), len(e.seconds)))
	for i := range ratios {
		ratios[i] = e.seconds[i] / own.seconds[i]
	}
	return median(ratios)
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func spread(x []float64) float64 { return (slices.Max(x) - slices.Min(x)) / median(x) }

// clock writes a time with three digits.
func clock(s float64) string {
	switch {
	case s < 1e-6:
		return fmt.Sprintf("%.3g ns", s*1e9)
	case s < 1e-3:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g s", s)
}

func scientific(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return fmt.Sprintf("%.1e", x)
}

// cpuModel and loadAverage are known on Linux only.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func loadAverage() string {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(load), " ")
	return first
}

// memoryAvailable is how much memory the machine has free, in bytes.
func memoryAvailable() (bytes float64, ok bool) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(info)) {
		var kilobytes float64
		if _, err := fmt.Sscanf(line, "MemAvailable: %f kB", &kilobytes); err == nil {
			return 1024 * kilobytes, true
		}
	}
	return 0, false
}
