package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/report"
)

// A study is a section of the report that is not about who is faster.
type study struct{ title, text string }

// A planned study is one to run, with about how many seconds it takes on a quiet
// machine.
type plannedStudy struct {
	name   string
	run    func() (study, error)
	expect float64
}

// studyPlan are the studies that the filter lets through.
func (s *session) studyPlan() []plannedStudy {
	all := []plannedStudy{
		{"study-scaling", s.scaling, 40}, {"study-memory", s.memory, 90},
		{"study-peak", s.share, 40}, {"study-training", s.training, 10},
	}
	return slices.DeleteFunc(all, func(t plannedStudy) bool {
		return !s.filter.MatchString(t.name) || s.smoke && t.name == "study-peak"
	})
}

// studies runs the studies.
func (s *session) studies() ([]study, error) {
	var all []study
	for _, t := range s.studyPlan() {
		s.begin(t.name)
		one, err := t.run()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		s.end()
		all = append(all, one)
	}
	return all, nil
}

// tasks is how many tasks a study has: few in a smoke test.
func (s *session) tasks(n int) int {
	if s.smoke {
		return min(n, 100)
	}
	return n
}

// alone has one fresh side solve a fleet, and time it if turns are asked for.
func (s *session) alone(side *side, c problem, steps, turns int) (x, seconds []float64, err error) {
	dir, err := s.put(&c, steps)
	if err != nil {
		return nil, nil, err
	}
	x, _, err = side.load(c, dir)
	for range turns {
		if err != nil {
			break
		}
		var t float64
		t, err = side.time(s.turn)
		seconds = append(seconds, t)
	}
	return x, seconds, err
}

// scaling measures how the time of a gradient grows with tasks, states and inner
// steps, with one worker and with all. The result must not depend on workers.
func (s *session) scaling() (study, error) {
	one := ownSide("", ours, 1, fleetGradient)
	all := ownSide("", ours, runtime.NumCPU(), fleetGradient)
	defer one.close()
	defer all.close()
	turns := min(s.rounds, 3)
	measure := func(n, tasks, steps int) (workers [2]float64, err error) {
		c := problem{kind: fleetGradient, n: n, r: inputs(n), tasks: s.tasks(tasks)}
		var x [2][]float64
		for i, side := range []*side{one, all} {
			var seconds []float64
			if x[i], seconds, err = s.alone(side, c, steps, turns); err != nil {
				return workers, err
			}
			workers[i] = median(seconds)
		}
		if distance(x[0], x[1]) != 0 {
			return workers, fmt.Errorf("%d tasks of %d states: one worker and %d give different bits", tasks, n, all.threads)
		}
		return workers, nil
	}
	table := [][]string{{"what grows", "", "1 worker", fmt.Sprintf("%d workers", all.threads), "gain", "a task, all workers"}}
	var panels []report.Panel
	for _, grows := range []struct {
		what, letter string
		values       []int
		size         func(v int) (n, tasks, steps int)
		slopes       []float64
	}{
		{"tasks (d = 4, one step)", "tasks 𝑁", []int{100, 1000, 10_000, 100_000, 1_000_000},
			func(v int) (int, int, int) { return 4, v, 1 }, []float64{1}},
		{"states (10⁴ tasks, one step)", "states 𝑑", []int{1, 2, 4, 8, 12, 16, 24, 32},
			func(v int) (int, int, int) { return v, 10_000, 1 }, []float64{3}},
		{"inner steps (10⁴ tasks, d = 4)", "inner steps 𝐾", []int{1, 2, 4, 8},
			func(v int) (int, int, int) { return 4, 10_000, v }, []float64{1}},
	} {
		var at []float64
		var times [2][]float64
		for i, v := range grows.values {
			n, tasks, steps := grows.size(v)
			w, err := measure(n, tasks, steps)
			if err != nil {
				return study{}, err
			}
			at = append(at, float64(v))
			times[0], times[1] = append(times[0], 1e3*w[0]), append(times[1], 1e3*w[1])
			line := []string{"", strconv.Itoa(v), clock(w[0]), clock(w[1]), fmt.Sprintf("%.2f", w[0]/w[1]),
				clock(w[1] / float64(s.tasks(tasks)))}
			if i == 0 {
				line[0] = grows.what
			}
			table = append(table, line)
		}
		panel := report.Panel{
			X: report.Axis{Label: grows.letter, Log: true},
			Y: report.Axis{Label: "time of a gradient, ms", Log: true},
			Curves: []report.Curve{
				{Label: "1 worker", X: at, Y: times[0], Shape: report.Disc},
				{Label: fmt.Sprintf("%d workers", all.threads), X: at, Y: times[1], Shape: report.Square},
			},
		}
		for _, e := range grows.slopes {
			panel.Slopes = append(panel.Slopes, report.Slope{Exponent: e})
		}
		panels = append(panels, panel)
	}
	text := align(table)
	if !s.smoke {
		figure := report.Figure{
			Alt:    "Time of the meta-gradient of a fleet against tasks, states and inner steps, on logarithmic axes",
			Panels: panels, Columns: 3, Width: 180,
		}
		if err := figure.Save(filepath.Join(s.dir, "scaling.svg")); err != nil {
			return study{}, err
		}
		text += "\n![Time of the meta-gradient against tasks, states and inner steps](scaling.svg)\n"
	}
	return study{"How the time of a gradient grows", "The results of one worker and of all have the same bits.\n\n" + text}, nil
}

// heldWanted is how many bytes a million tasks are to stay below when held.
const heldWanted = 1.5e9

// memory is the most that a process has had: once for 100 tasks, which is the
// program itself, and then for many.
func (s *session) memory() (study, error) {
	table := [][]string{{"side", "tasks", "memory with 100 tasks", "memory at most", "note"}}
	megabytes := func(side *side) string {
		if peak, ok := side.peak(); ok {
			return fmt.Sprintf("%.0f MB", float64(peak)/1e6)
		}
		return "unknown"
	}
	sides := []*side{ownSide(s.dir, ours, runtime.NumCPU(), fleetGradient)}
	if !s.smoke {
		cores := runtime.NumCPU()
		torch := torchSide(s.dir, torchName, cores, nil)
		torch.most = 100_000 // a million would take it a minute
		sides = append(sides, pythonSide(s.dir, jaxName, cores, nil, "jax_peer.py"),
			torch, torchSide(s.dir, torchName+tasksLast, cores, nil, "last"))
	}
	for _, side := range sides {
		defer side.close()
		held := s.tasks(1_000_000)
		if side.most > 0 {
			held = min(held, side.most)
		}
		line := []string{side.name, tasksName(held), "", "", ""}
		for i, tasks := range []int{100, held} {
			c := problem{kind: fleetGradient, n: 4, r: 2, tasks: tasks}
			if _, _, err := s.alone(side, c, 1, 0); err != nil {
				var e entry
				if side.name == ours || !e.lost(err) {
					return study{}, err
				}
				line[4] = e.absent
				break
			}
			line[2+i] = megabytes(side)
		}
		if peak, ok := side.peak(); ok && side.name == ours {
			line[4] = fmt.Sprintf("target: less than %.0f MB: %s", heldWanted/1e6, met(float64(peak) < heldWanted))
		}
		side.close()
		table = append(table, line)
	}
	for _, tasks := range []int{1_000_000, 10_000_000} {
		tasks = s.tasks(tasks)
		side := ownSide(s.dir, ours, runtime.NumCPU(), fleetStream)
		defer side.close()
		seconds, bytes, err := s.stream(side, tasks)
		if err != nil {
			return study{}, err
		}
		table = append(table, []string{ours + ", streamed", tasksName(tasks), "", megabytes(side),
			fmt.Sprintf("an NPZ file of %.2f GB, read and evaluated in %s", bytes/1e9, clock(seconds))})
		side.close()
	}
	return study{"Memory", "Value and gradient at d = 4, r = 2, one gradient step; the process's own peak (VmHWM), its inputs included. " +
		"The peers go through their tasks in chunks and hold the tensors of all.\n\n" +
		align(table)}, nil
}

// stream has a side evaluate the tasks of an archive, once.
func (s *session) stream(side *side, tasks int) (seconds, bytes float64, err error) {
	dir := filepath.Join(s.work, "stream")
	defer os.RemoveAll(dir)
	c := problem{kind: fleetStream, n: 4, r: 2, tasks: min(tasks, 10_000)}
	if err := c.drawFleet(1); err != nil {
		return 0, 0, err
	}
	archive := filepath.Join(dir, archiveName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, 0, err
	}
	if err := c.writeArchive(archive, tasks); err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(archive)
	if err != nil {
		return 0, 0, err
	}
	c.a, c.b, c.q, c.rr = nil, nil, nil, nil
	if err := c.write(dir); err != nil {
		return 0, 0, err
	}
	if _, _, err := side.load(c, dir); err != nil {
		return 0, 0, err
	}
	seconds, err = side.time(0)
	return seconds, float64(info.Size()), err
}

// metric is a number of `go test -bench` with its unit.
var metric = regexp.MustCompile(`([0-9.e+]+) ([^\s]+)`)

// benchmarks runs the benchmarks of a package of this module and returns the
// metrics of each, by name without the number of processors.
func benchmarks(pkg, match string, arguments ...string) (map[string]map[string]float64, error) {
	arguments = append([]string{"test", pkg, "-run", "^$", "-bench", match}, arguments...)
	command := exec.Command("go", arguments...)
	out, err := command.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, out)
	}
	all := map[string]map[string]float64{}
	for line := range strings.Lines(string(out)) {
		name, rest, ok := strings.Cut(line, "\t")
		if !ok || !strings.HasPrefix(name, "Benchmark") {
			continue
		}
		name = strings.TrimSpace(name)
		name = strings.TrimSuffix(name, fmt.Sprintf("-%d", runtime.GOMAXPROCS(0)))
		all[name] = map[string]float64{}
		for _, m := range metric.FindAllStringSubmatch(rest, -1) {
			if v, err := strconv.ParseFloat(m[1], 64); err == nil {
				all[name][m[2]] = v
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("go %s printed no benchmark:\n%s", strings.Join(arguments, " "), out)
	}
	return all, nil
}

// shareWanted is the part of the batched product's rate that a whole evaluation
// sets out to reach at d = 4.
const shareWanted = 0.4

// share compares the operations a second of whole evaluations with those of
// batched products of the same size and with the processor's peak.
func (s *session) share() (study, error) {
	const module = "github.com/metalqr/metalqr/"
	products, err := benchmarks(module+"fleet/internal/kernel", "Product", "-benchtime", "0.2s", "-count", "1")
	if err != nil {
		return study{}, err
	}
	whole, err := benchmarks(module+"fleet", "Fleet/d=(4|8|12)/", "-benchtime", "1s")
	if err != nil {
		return study{}, err
	}
	peak, ok := multiplyAdds()
	of := func(x, y float64) string { return fmt.Sprintf("%.0f %%", 100*x/y) }
	table := [][]string{{"d", "what", "GFLOP/s a core", "of the batched product", "target", "of the processor's peak", "time of the processor a task"}}
	for _, n := range []int{4, 8, 12} {
		product := 0.0
		for name, m := range products {
			if strings.HasPrefix(name, fmt.Sprintf("BenchmarkProduct/n=%d/", n)) {
				product = max(product, m["GFLOP/s"])
			}
		}
		line := func(what string, x float64, task string) {
			cells := []string{strconv.Itoa(n), what, fmt.Sprintf("%.1f", x), of(x, product), "", "not measured here", task}
			if n == 4 && task != "" {
				cells[4] = fmt.Sprintf("%.0f %%: %s", 100*shareWanted, met(x >= shareWanted*product))
			}
			if ok {
				cells[5] = of(x, peak/1e9)
			}
			table = append(table, cells)
		}
		line("batched product", product, "")
		for _, what := range []string{"gradient", "product"} {
			m, found := whole[fmt.Sprintf("BenchmarkFleet/d=%d/%s", n, what)]
			if !found {
				return study{}, fmt.Errorf("BenchmarkFleet/d=%d/%s was not printed", n, what)
			}
			name := map[string]string{"gradient": "value and gradient", "product": "Hessian-vector product"}[what]
			line(name, m["GFLOP/s/core"], fmt.Sprintf("%.0f ns", m["cpu-ns/task"]))
		}
	}
	text := "Operations are those of matrix products, counted; what else a task needs (factorisations, solves, checks) is in the time alone. " +
		"The time is that of the processor, which other programs lengthen less than they do that of the clock. "
	if ok {
		text += fmt.Sprintf("Peak of one core, fused multiply-adds without memory: %.1f GFLOP/s. ", peak/1e9)
	}
	return study{"Share of the processor's peak", text +
		"The benchmarks are `go test ./fleet -run '^$' -bench Fleet` and `go test ./fleet/internal/kernel -run '^$' -bench Product`.\n\n" + align(table)}, nil
}

// training is a whole training of many tasks.
func (s *session) training() (study, error) {
	side := ownSide(s.dir, ours, runtime.NumCPU(), fleetConverge)
	defer side.close()
	c := problem{kind: fleetConverge, n: 4, r: 2, tasks: s.tasks(100_000)}
	x, seconds, err := s.alone(side, c, 1, min(s.rounds, 3))
	if err != nil {
		return study{}, err
	}
	subset := problem{kind: fleetConverge, n: 4, r: 2, tasks: s.tasks(200)}
	apart, err := subset.trainedApart()
	if err != nil {
		return study{}, err
	}
	return study{"Training to convergence", fmt.Sprintf("%s tasks, d = 4, r = 2, one gradient step, Newton's method from 0.95 of the first task's optimum: "+
		"%.0f iterations, %s (spread %.0f %%), the gradient's norm %.1e of what it was.\n\n"+
		"The gain trained on %d such tasks as a fleet is %.1e, relative, from the one trained on the same tasks by `maml.Meta` over `lqr`, "+
		"which shares no kernels with it (target %.0e: %s).\n",
		tasksName(c.tasks), x[0], clock(median(seconds)), 100*spread(seconds), x[1],
		subset.tasks, apart, sameGain, met(apart <= sameGain))}, nil
}

// sameGain is how close, relative, the gains of the fleet's route and of the plain
// one are to be.
const sameGain = 1e-10

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}

// trainedApart draws the tasks of c and returns how far the gain that training them
// as a fleet ends at is from that of the plain route.
func (c problem) trainedApart() (float64, error) {
	if err := c.drawFleet(1); err != nil {
		return 0, err
	}
	f, err := c.fleet(fleet.Options{Rates: c.rates})
	if err != nil {
		return 0, err
	}
	h, err := c.plain()
	if err != nil {
		return 0, err
	}
	var gains [2][]float64
	for i, o := range []objective.Objective{h, f} {
		x := make([]float64, c.resultLen())
		if err := converge(o, c.w, x); err != nil {
			return 0, err
		}
		gains[i] = x[2:]
	}
	return distance(gains[0], gains[1]), nil
}
