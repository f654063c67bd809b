package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The names of the sides, as in the table.
const (
	ours       = "metalqr"
	octaveName = "Octave"
	scipyName  = "SciPy"
)

// targets are how many times faster than a peer metalqr sets out to be.
var targets = []struct {
	kind string
	n    int
	peer string
	want float64
}{
	{riccati, 4, octaveName, 8}, {riccati, 4, scipyName, 20},
	{riccati, 20, octaveName, 2}, {riccati, 20, scipyName, 5},
	{riccati, 100, octaveName, 1}, {riccati, 100, scipyName, 2},
	{riccati, 200, octaveName, 1}, {riccati, 200, scipyName, 2},
	{meta, 4, scipyName, 100},
}

func target(c problem, peer string) (want float64, ok bool) {
	for _, t := range targets {
		if t.kind == c.kind && t.n == c.n && t.peer == peer {
			return t.want, true
		}
	}
	return 0, false
}

// about is what the numbers depend on besides the code.
type about struct {
	rounds                int
	turn                  time.Duration
	versions              []string
	loadBefore, loadAfter string
}

// render writes the whole report as Markdown.
func render(rows []row, a about) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# metalqr beside its peers\n\n")
	fmt.Fprintf(&b, "Printed by `%s` after `bench/setup.sh`.\n\n",
		strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " "))
	fmt.Fprintf(&b, "One thread each; %d rounds in which the sides take turns of %v (at least one call). ", a.rounds, a.turn)
	b.WriteString("Time is the median over rounds of the mean call; spread is (largest − smallest) / median. " +
		"*Times slower* is the median over rounds of the peer's time divided by ours in the same round. The residual is measured by the harness in twice the " +
		"working precision; *apart* is the distance of the result from ours, relative, and was at most 1e-8 before anything was timed.\n\n")
	fmt.Fprintf(&b, "- machine: %s, %d cores, %s/%s; load average before and after: %s, %s\n",
		cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, a.loadBefore, a.loadAfter)
	for _, v := range slices.Compact(a.versions) {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	b.WriteString("- Octave is `dare` and `dlyap` as a user calls them, their checks included; SLICOT is the compiled routine under them, " +
		"called without those checks; the SciPy meta-gradient is the loop of `peers/scipy_peer.py`\n" +
		"- metalqr's Riccati times include refinement and the certificate of stability; its meta-gradient is one evaluation of the " +
		"meta-objective at a new gain and its exact gradient\n\n")

	table := [][]string{{"case", "side", "time", "spread", "times slower", "target", "residual", "apart", "note"}}
	for _, r := range rows {
		own := r.entries[0]
		for _, e := range r.entries {
			if e == nil {
				continue
			}
			line := []string{r.c.name, e.side, seconds(median(e.seconds)),
				fmt.Sprintf("%.0f %%", 100*spread(e.seconds)), "", "", scientific(e.residual), "", e.note}
			if e != own {
				line[0] = ""
				ratio := timesSlower(e, own)
				line[4] = fmt.Sprintf("%.3g", ratio)
				line[7] = scientific(e.distance)
				if want, ok := target(r.c, e.side); ok {
					line[5] = fmt.Sprintf("%g: met", want)
					if ratio < want {
						line[5] = fmt.Sprintf("%g: MISSED", want)
					}
				}
			}
			table = append(table, line)
		}
	}
	b.WriteString(align(table))
	b.WriteString("\n" + verdict(rows))
	return b.String()
}

// verdict says in words which targets are missed, and where a residual of ours
// is above a peer's.
func verdict(rows []row) string {
	var missed, worse []string
	checked := 0
	for _, r := range rows {
		own := r.entries[0]
		for _, e := range r.entries[1:] {
			if e == nil {
				continue
			}
			if want, ok := target(r.c, e.side); ok {
				checked++
				if ratio := timesSlower(e, own); ratio < want {
					missed = append(missed, fmt.Sprintf("%s against %s: %.3g, target %g", r.c.name, e.side, ratio, want))
				}
			}
			if own.residual > e.residual {
				worse = append(worse, fmt.Sprintf("%s against %s: %s, theirs %s",
					r.c.name, e.side, scientific(own.residual), scientific(e.residual)))
			}
		}
	}
	s := fmt.Sprintf("Targets met: %d of %d.\n", checked-len(missed), checked)
	for _, m := range missed {
		s += "- missed: " + m + "\n"
	}
	if len(worse) == 0 {
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
	ratios := make([]float64, len(own.seconds))
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

func seconds(s float64) string {
	switch {
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
