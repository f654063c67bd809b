// Command bench times metalqr beside what people use today, in one run on one
// machine:
//
//	go run ./bench                          everything, half an hour or so: writes bench/RESULTS.md
//	go run ./bench -cases fleet-headline    the fleet's targets, some 2 minutes: prints only
//	go run ./bench -smoke                   our side alone, few tasks, seconds
//
// The peers are Octave's control package, which calls SLICOT, SciPy, JAX and
// PyTorch; bench/setup.sh installs them. Each side is a process of its own that
// times itself: with one thread for single systems, with all cores for fleets.
// The sides take turns (A B C D, A B C D, …), so that whatever else the machine
// does falls on all of them. A case is timed only after the results of all sides
// agree to 1e-8, and the residual of an equation is measured here, by one formula
// in twice the working precision. A side that is not installed, gives no answer,
// or would take longer than -longest for a call is in the table with the reason.
//
// The studies are about metalqr alone, but for the memory of the peers: how time
// grows with tasks, states, inner steps and workers (bench/scaling.svg), memory
// held and streamed, the share of the processor's peak, and a whole training.
//
// The report goes to standard output and, of a whole run, to bench/RESULTS.md.
package main

import (
	"errors"
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
	var s session
	flag.IntVar(&s.rounds, "rounds", 5, "turns each side takes at each case")
	flag.DurationVar(&s.turn, "turn", 100*time.Millisecond, "time of one turn; at least one call")
	flag.DurationVar(&s.longest, "longest", 2*time.Second, "a side whose call on a fleet would take longer, by what fewer tasks took, is left out")
	flag.StringVar(&s.dir, "dir", "bench", "where setup.sh, .venv, peers and RESULTS.md are")
	only := flag.String("cases", "", "run only the cases and studies whose name matches this regular expression; nothing is written")
	flag.BoolVar(&s.smoke, "smoke", false, "our side alone, at most 100 tasks, one short turn; nothing is written")
	flag.Parse()
	if err := s.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A session is one run of the harness.
type session struct {
	rounds  int
	turn    time.Duration
	longest time.Duration
	dir     string
	smoke   bool

	work   string // holds the matrices of the case at hand
	filter *regexp.Regexp
	known  map[string]float64 // seconds a call, by side and case
	drawn  problem            // the fleet in the folder fleet of work
	progress
}

func (s *session) run(only string) error {
	if s.rounds < 1 {
		return fmt.Errorf("-rounds %d: at least 1 is needed", s.rounds)
	}
	var err error
	if s.filter, err = regexp.Compile(only); err != nil {
		return fmt.Errorf("-cases: %w", err)
	}
	if s.smoke {
		s.rounds, s.turn = 1, time.Millisecond
	}
	if s.work, err = os.MkdirTemp("", "metalqr-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.work)

	about := about{session: s, loadBefore: loadAverage()}
	one, many := s.chosen(cases()), s.chosen(fleets())
	oneSides, manySides := solveSides(s.dir), fleetSides(s.dir)
	if s.smoke {
		oneSides, manySides = oneSides[:1], manySides[:1]
	}
	for _, c := range one {
		s.plan(s.expect(c, oneSides))
	}
	for _, c := range many {
		s.plan(s.expect(c, manySides))
	}
	for _, t := range s.studyPlan() {
		s.plan(t.expect)
	}
	solves, err := s.measureAll(one, oneSides, &about)
	if err != nil {
		return err
	}
	fleet, err := s.measureAll(many, manySides, &about)
	if err != nil {
		return err
	}
	studies, err := s.studies()
	if err != nil {
		return err
	}
	if len(solves)+len(fleet)+len(studies) == 0 {
		return fmt.Errorf("-cases %q matches none of the cases", only)
	}
	about.loadAfter = loadAverage()
	text := render(solves, fleet, studies, about)
	fmt.Print(text)
	if only != "" || s.smoke {
		return nil
	}
	return os.WriteFile(filepath.Join(s.dir, "RESULTS.md"), []byte(text), 0o644)
}

// chosen are the cases that the filter lets through. Of a smoke test they are
// those of 100 tasks, and of the others some as they would be with 100.
func (s *session) chosen(all []problem) []problem {
	var some []problem
	for _, c := range all {
		if s.smoke && c.tasks > 100 {
			if c.name != headline && c.kind != fleetOptima {
				continue
			}
			c.tasks = 100
		}
		if s.filter.MatchString(c.name) {
			some = append(some, c)
		}
	}
	return some
}

// expect is about how many seconds a case takes on a quiet machine: the turns, the
// start of the peers, their compilers, and the passing of matrices.
func (s *session) expect(c problem, sides []*side) float64 {
	t := 0.2 + 1e-7*float64(c.numbers())
	for _, side := range sides {
		if side.solves(c.kind) {
			t += float64(s.rounds) * s.turn.Seconds()
		}
		if side.solves(c.kind) && c.kind != riccati && c.kind != stein {
			t++
		}
	}
	return t
}

// measureAll measures the cases.
func (s *session) measureAll(cases []problem, sides []*side, about *about) ([]row, error) {
	defer func() {
		for _, side := range sides {
			side.close()
			if side.version != "" {
				about.versions = append(about.versions, side.version)
			}
		}
	}()
	var rows []row
	for _, c := range cases {
		s.begin(c.name)
		r, err := s.measure(c, sides)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		s.end()
		rows = append(rows, r)
	}
	return rows, nil
}

// A progress says on standard error how far a run is. What is left is foretold by
// what was expected of the parts that are done and what they took, as if ten
// seconds had gone as expected before: the first parts may take next to nothing.
type progress struct {
	parts          []float64 // expected seconds
	done           int
	expected, took float64 // of the parts that are done
	began          time.Time
}

func (p *progress) plan(seconds float64) { p.parts = append(p.parts, seconds) }

// left is the foretold time of the parts that are not done.
func (p *progress) left() time.Duration {
	rest := 0.0
	for _, t := range p.parts[p.done:] {
		rest += t
	}
	rest *= (p.took + 10) / (p.expected + 10)
	return time.Duration(rest * float64(time.Second)).Round(time.Second)
}

func (p *progress) begin(name string) {
	fmt.Fprintf(os.Stderr, "%d of %d, about %v left: %s\n", p.done+1, len(p.parts), p.left(), name)
	p.began = time.Now()
}

func (p *progress) end() {
	p.took += time.Since(p.began).Seconds()
	p.expected += p.parts[p.done]
	p.done++
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
	absent   string    // why it was not timed
	refused  bool      // because its result is not ours
	seconds  []float64 // per call, one for each round
	residual float64   // NaN where the case is not an equation
	distance float64   // from our result, relative
}

// measure has every side that knows the problem solve it, compares the results
// with ours, and then lets the sides take turns. A peer that cannot take part, or
// whose result is not ours, is in the row with the reason; our side must.
func (s *session) measure(c problem, sides []*side) (row, error) {
	r := row{c: c, entries: make([]*entry, len(sides))}
	running := 0
	for i, side := range sides {
		if !side.solves(c.kind) {
			continue
		}
		r.entries[i] = &entry{side: side.name}
		absent := s.tooLong(side.name, c)
		if absent == "" && side.most > 0 && c.tasks > side.most {
			absent = fmt.Sprintf("not run: a loop, taken to %s tasks at most", tasksName(side.most))
		}
		if r.entries[i].absent = absent; absent == "" {
			running++
		}
	}
	if short := tooLarge(c, running); short != "" {
		for _, e := range r.entries {
			if e != nil && e.absent == "" {
				e.absent = short
			}
		}
		return r, nil
	}
	dir, err := s.put(&c, 1)
	if err != nil {
		return row{}, err
	}
	var reference []float64
	for i, side := range sides {
		e := r.entries[i]
		if e == nil || e.absent != "" {
			continue
		}
		x, note, err := side.load(c, dir)
		if e.lost(err) && i > 0 {
			continue
		}
		if err != nil {
			return row{}, err
		}
		if reference == nil {
			reference = x
		}
		e.note, e.residual, e.distance = note, c.residual(x), distance(reference, x)
		if !(e.distance <= agreement) {
			e.refused = true
			e.absent = fmt.Sprintf("not timed: its result is %.2g from ours, relative: more than %.0e", e.distance, agreement)
		}
	}
	begin := time.Now()
	for round := range s.rounds {
		if round >= 3 && c.isFleet() && c.name != headline && time.Since(begin) > 4*s.longest {
			break // of cases of seconds a call three rounds must do
		}
		for i, side := range sides {
			e := r.entries[i]
			if e == nil || e.absent != "" {
				continue
			}
			seconds, err := side.time(s.turn)
			if e.lost(err) && i > 0 {
				continue
			}
			if err != nil {
				return row{}, err
			}
			e.seconds = append(e.seconds, seconds)
		}
	}
	if s.known == nil {
		s.known = map[string]float64{}
	}
	for _, e := range r.entries {
		if e != nil && e.absent == "" {
			s.known[key(e.side, c.kind, c.n, c.tasks)] = median(e.seconds)
		}
	}
	r.c.a, r.c.b, r.c.q, r.c.rr = nil, nil, nil, nil
	return r, nil
}

// put draws the matrices of a case, unless it has them, and writes them to a
// folder. The tasks of a fleet the sides then have, and c no longer; a fleet like
// the last one put is there already.
func (s *session) put(c *problem, steps int) (dir string, err error) {
	if !c.isFleet() {
		dir = filepath.Join(s.work, "system")
		if c.a == nil {
			c.fill()
		}
		return dir, c.write(dir)
	}
	dir = filepath.Join(s.work, "fleet")
	kind, d := c.kind, s.drawn
	if d.n != c.n || d.r != c.r || d.tasks != c.tasks || len(d.rates) != steps {
		s.drawn = problem{}
		if err := c.drawFleet(steps); err != nil {
			return "", err
		}
		if err := c.write(dir); err != nil {
			return "", err
		}
		s.drawn = *c
		s.drawn.a, s.drawn.b, s.drawn.q, s.drawn.rr = nil, nil, nil, nil
	}
	name := c.name
	*c = s.drawn
	c.name, c.kind = name, kind
	return dir, nil
}

// lost says whether err is that a side gave no answer, and notes it.
func (e *entry) lost(err error) bool {
	var silent *silentError
	if !errors.As(err, &silent) {
		return false
	}
	e.absent = silent.brief()
	return true
}

func key(side, kind string, n, tasks int) string { return fmt.Sprint(side, kind, n, " ", tasks) }

// foretell is what a call should take, by what a hundredth of the tasks took,
// and a training by its 200 gradients.
func (s *session) foretell(side, kind string, n, tasks int) (seconds float64, from string, ok bool) {
	if t, ok := s.known[key(side, kind, n, tasks/100)]; ok {
		return 100 * t, fmt.Sprintf("a hundredth of the tasks takes %s", clock(t)), true
	}
	if kind == fleetTrain {
		if t, ok := s.known[key(side, fleetGradient, n, tasks)]; ok {
			return trainingSteps * t, fmt.Sprintf("a gradient takes %s", clock(t)), true
		}
		if t, _, ok := s.foretell(side, fleetGradient, n, tasks); ok {
			return trainingSteps * t, fmt.Sprintf("a gradient would take %s", clock(t)), true
		}
		return 0, "", false
	}
	// Not measured with a hundredth either, because that was too long already.
	if tasks > 100 {
		if t, from, ok := s.foretell(side, kind, n, tasks/100); ok {
			return 100 * t, from, true
		}
	}
	return 0, "", false
}

// tooLong says why a side is left out of a case of many tasks.
func (s *session) tooLong(side string, c problem) string {
	if !c.isFleet() {
		return ""
	}
	t, from, ok := s.foretell(side, c.kind, c.n, c.tasks)
	if !ok || t <= s.longest.Seconds() {
		return ""
	}
	return fmt.Sprintf("not run: some %s a call, since %s", clock(t), from)
}

// tooLarge says why a case is left out: sides hold their tasks and one more copy
// while they make of them what they need.
func tooLarge(c problem, sides int) string {
	if !c.isFleet() {
		return ""
	}
	need := 2.2 * 8 * float64(c.numbers()) * float64(sides)
	have, ok := memoryAvailable()
	if !ok || need <= 0.8*have {
		return ""
	}
	return fmt.Sprintf("not run: %d sides would need %.0f GB, %.0f are free", sides, need/1e9, have/1e9)
}
