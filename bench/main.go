// Command bench times metalqr beside the solvers people use today, in one run
// on one machine:
//
//	go run ./bench
//
// The peers are Octave's control package, which calls SLICOT, and SciPy;
// bench/setup.sh installs them. Each side is a process of its own, held to one
// thread, that times itself. The sides take turns (A B C D, A B C D, …), so
// that whatever else the machine does falls on all of them. A case is timed
// only after the results of all sides agree to 1e-8, and every residual is
// measured here, by one formula in twice the working precision.
//
// The table goes to standard output and, with the command, the machine and the
// versions, to bench/RESULTS.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// agreement is how close, relative, two sides' results must be before either
// is timed. The cases are well conditioned: 1e-8 leaves a wrong equation or a
// wrong root nowhere to hide and rounding ample room.
const agreement = 1e-8

func main() {
	if len(os.Args) == 2 && os.Args[1] == ownArgument {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("rounds", 9, "turns each side takes at each case")
	turn := flag.Duration("turn", 200*time.Millisecond, "time of one turn; at least one call")
	only := flag.String("case", "", "run only the cases whose name matches this regular expression; nothing is written")
	dir := flag.String("dir", "bench", "where setup.sh, .venv, peers and RESULTS.md are")
	flag.Parse()
	if err := run(*dir, *rounds, *turn, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(dir string, rounds int, turn time.Duration, only string) error {
	if rounds < 1 {
		return fmt.Errorf("-rounds %d: at least 1 is needed", rounds)
	}
	filter, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-case: %w", err)
	}
	sides, err := start(dir)
	if err != nil {
		return err
	}
	defer func() {
		for _, s := range sides {
			s.close()
		}
	}()
	work, err := os.MkdirTemp("", "metalqr-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	load := loadAverage()
	var rows []row
	for _, c := range cases() {
		if !filter.MatchString(c.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, c.name)
		r, err := measure(c, sides, filepath.Join(work, c.name), rounds, turn)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return fmt.Errorf("-case %q matches none of the cases", only)
	}

	about := about{rounds: rounds, turn: turn, loadBefore: load, loadAfter: loadAverage()}
	for _, s := range sides {
		about.versions = append(about.versions, s.version)
	}
	text := render(rows, about)
	fmt.Print(text)
	if only != "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "RESULTS.md"), []byte(text), 0o644)
}

// A row is one case, measured: entries[i] belongs to the i-th side, and is nil
// where that side does not solve the case.
type row struct {
	c       problem
	entries []*entry
}

// An entry is what one side did with one case.
type entry struct {
	side     string
	note     string    // the routine or method it used
	seconds  []float64 // per call, one for each round
	residual float64   // NaN where the case is not an equation
	distance float64   // from our result, relative
}

// measure has every side that knows the problem solve it, compares the results
// with ours, and then lets the sides take turns.
func measure(c problem, sides []*side, dir string, rounds int, turn time.Duration) (row, error) {
	if err := c.write(dir); err != nil {
		return row{}, err
	}
	r := row{c: c, entries: make([]*entry, len(sides))}
	var reference []float64
	for i, s := range sides {
		if !s.solves(c.kind) {
			continue
		}
		x, note, err := s.load(c, dir)
		if err != nil {
			return row{}, err
		}
		if reference == nil {
			reference = x
		}
		e := &entry{side: s.name, note: note, residual: c.residual(x), distance: distance(reference, x)}
		if !(e.distance <= agreement) {
			return row{}, fmt.Errorf("%s is %.2g from %s, relative: more than %.0e",
				s.name, e.distance, sides[0].name, agreement)
		}
		r.entries[i] = e
	}
	for range rounds {
		for i, s := range sides {
			if r.entries[i] == nil {
				continue
			}
			seconds, err := s.time(turn)
			if err != nil {
				return row{}, err
			}
			r.entries[i].seconds = append(r.entries[i].seconds, seconds)
		}
	}
	return r, nil
}
