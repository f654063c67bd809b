package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A side is one program in the comparison: a process that reads orders and
// writes answers, one a line, words separated by tabs.
//
//	                                     ready VERSIONS          once, on its own
//	load KIND DIR N R TASKS RESULT       loaded NOTE
//	time SECONDS                         timed CALLS SECONDS-PER-CALL
//
// load reads the matrices of DIR, solves, writes the result to the file RESULT
// and calls once or twice more to warm up, unless that took seconds; time repeats that call for about
// SECONDS, at least once, and answers the mean. Matrices travel as
// little-endian float64, row by row. Empty lines are ignored: one follows every
// order, since Octave's fgetl hands a line over only when it has seen the next
// character. At the end of its input a side exits.
//
// The process is started when it is first needed, and again after it had to be
// ended because it gave no answer.
type side struct {
	name    string
	kinds   []string
	argv    []string
	threads int
	most    int // tasks it is asked for; 0: any number
	version string
	missing string // why it cannot be started

	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string      // lines; closed at the end of its output
	log     *strings.Builder // its standard error
}

// patience is how long a side may take to start, to compile and measure its
// variants of a case, and to answer with the result. Nothing that is timed comes
// near it.
const patience = 5 * time.Minute

// A silentError is about a side that gave no answer, or a wrong one; it has been
// ended.
type silentError struct {
	side, what, log string
}

func (e *silentError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s\n%s", e.side, e.what, e.log))
}

// brief is the error in a line of a table.
func (e *silentError) brief() string {
	lines := strings.Split(strings.TrimSpace(e.log), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return e.what + ": " + last
	}
	return e.what
}

// The groups of cases: what takes part, and with how many threads.
var (
	equations = []string{riccati, stein}
	own       = []string{ownArgument}
)

// solveSides are the sides of the cases of one thread, ours first.
func solveSides(dir string) []*side {
	octave := filepath.Join(dir, "peers", "octave_peer.m")
	return []*side{
		ownSide(dir, ours, 1, riccati, stein, meta),
		octaveSide(octaveName, equations, octave),
		octaveSide("SLICOT", equations, octave, "slicot"),
		pythonSide(dir, scipyName, 1, []string{riccati, stein, meta}, "scipy_peer.py"),
		pythonSide(dir, jaxName, 1, []string{meta}, "jax_peer.py"),
		torchSide(dir, torchName, 1, []string{meta}),
	}
}

// fleetSides are the sides of the cases of many tasks, with all cores.
func fleetSides(dir string) []*side {
	cores := runtime.NumCPU()
	loop := pythonSide(dir, scipyName, cores, []string{fleetGradient, fleetOptima}, "scipy_peer.py")
	loop.most = 10_000
	calculus := []string{fleetValue, fleetGradient, fleetProduct, fleetTrain}
	return []*side{
		ownSide(dir, ours, cores, append(calculus, fleetOptima)...),
		pythonSide(dir, jaxName, cores, calculus, "jax_peer.py"),
		pythonSide(dir, jaxName+tasksLast, cores, []string{fleetGradient}, "jax_peer.py", "last"),
		pythonSide(dir, jaxName+byFormulas, cores, []string{fleetGradient}, "jax_peer.py", "formulas"),
		torchSide(dir, torchName, cores, calculus),
		torchSide(dir, torchName+tasksLast, cores, []string{fleetGradient}, "last"),
		torchSide(dir, torchName+byFormulas, cores, []string{fleetGradient}, "formulas"),
		loop,
		octaveSide(octaveName, []string{fleetOptima}, filepath.Join(dir, "peers", "octave_peer.m")),
	}
}

func ownSide(_, name string, threads int, kinds ...string) *side {
	program, err := os.Executable()
	s := &side{name: name, kinds: kinds, threads: threads, argv: append([]string{program}, own...)}
	if err != nil {
		s.missing = err.Error()
	}
	return s
}

func octaveSide(name string, kinds []string, arguments ...string) *side {
	s := &side{name: name, kinds: kinds, threads: 1}
	program, err := exec.LookPath("octave-cli")
	if err != nil {
		s.missing = "octave-cli is not installed: run bench/setup.sh"
	}
	s.argv = append([]string{program, "--quiet", "--norc"}, arguments...)
	return s
}

func pythonSide(dir, name string, threads int, kinds []string, script string, arguments ...string) *side {
	s := &side{name: name, kinds: kinds, threads: threads}
	program := filepath.Join(dir, ".venv", "bin", "python")
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		s.missing = "bench/.venv is not there: run bench/setup.sh"
	}
	s.argv = append([]string{program, filepath.Join(dir, "peers", script)}, arguments...)
	return s
}

// torchSide is PyTorch, which Debian has for its own Python alone.
func torchSide(dir, name string, threads int, kinds []string, arguments ...string) *side {
	s := pythonSide(dir, name, threads, kinds, "torch_peer.py", arguments...)
	s.argv[0], s.missing = "/usr/bin/python3", ""
	if err := exec.Command(s.argv[0], "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)").Run(); err != nil {
		s.missing = "python3-torch is not installed: run bench/setup.sh"
	}
	return s
}

// start starts the process, if it is not running.
func (s *side) start() error {
	if s.cmd != nil {
		return nil
	}
	if s.missing != "" {
		return &silentError{side: s.name, what: s.missing}
	}
	s.cmd, s.log = exec.Command(s.argv[0], s.argv[1:]...), new(strings.Builder)
	n := strconv.Itoa(s.threads)
	s.cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
		"OMP_NUM_THREADS="+n, "GOMAXPROCS="+n, "BENCH_THREADS="+n,
		"OPENBLAS_NUM_THREADS=1") // matrices are small: more threads are slower
	s.cmd.Stderr = s.log
	s.cmd.WaitDelay = time.Second // for a child of it that holds the pipe
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return &silentError{side: s.name, what: err.Error()}
	}
	s.answers = make(chan string)
	go func(answers chan<- string) {
		defer close(answers)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			answers <- lines.Text()
		}
	}(s.answers)
	line, err := s.answer(patience)
	if err != nil {
		return err
	}
	version, ok := strings.CutPrefix(line, "ready")
	if !ok {
		return s.end(fmt.Sprintf("began with %q", line))
	}
	s.version = strings.TrimSpace(version)
	// Debian's alternative to OpenBLAS makes SLICOT half as fast at n = 100.
	if s.name == octaveName && !strings.Contains(s.version, "OpenBLAS") {
		s.missing = "this Octave does not run on OpenBLAS: run bench/setup.sh"
		return s.end(s.missing)
	}
	return nil
}

// answer waits for a line.
func (s *side) answer(limit time.Duration) (string, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case line, ok := <-s.answers:
		if !ok {
			return "", s.end("ended")
		}
		return line, nil
	case <-timer.C:
		return "", s.end(fmt.Sprintf("no answer in %v", limit))
	}
}

// end ends the process and returns the error that says why.
func (s *side) end(why string) error {
	s.cmd.Process.Kill()
	s.wait()
	return &silentError{side: s.name, what: why, log: s.log.String()}
}

func (s *side) wait() {
	for range s.answers { // until its output ends
	}
	s.cmd.Wait()
	s.cmd = nil
}

// close ends the side's input, on which it exits.
func (s *side) close() {
	if s.cmd == nil {
		return
	}
	s.in.Close()
	timer := time.AfterFunc(10*time.Second, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	s.wait()
}

func (s *side) solves(kind string) bool { return slices.Contains(s.kinds, kind) }

func (s *side) load(c problem, dir string) (x []float64, note string, err error) {
	if err := s.start(); err != nil {
		return nil, "", err
	}
	result := filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "").Replace(s.name)+".result")
	if err := os.Remove(result); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", err // that of an earlier case must not pass for this one's
	}
	answer, err := s.ask(patience, "loaded", "load", c.kind, dir,
		strconv.Itoa(c.n), strconv.Itoa(c.r), strconv.Itoa(c.tasks), result)
	if err != nil {
		return nil, "", err
	}
	x, err = readFloats(result, c.resultLen())
	if err != nil {
		return nil, "", s.end(err.Error())
	}
	if len(answer) > 0 {
		note = answer[0]
	}
	return x, note, nil
}

func (s *side) time(turn time.Duration) (secondsPerCall float64, err error) {
	answer, err := s.ask(patience, "timed", "time", strconv.FormatFloat(turn.Seconds(), 'g', -1, 64))
	if err != nil {
		return 0, err
	}
	if len(answer) != 2 {
		return 0, s.end(fmt.Sprintf("answered %q to time", answer))
	}
	return strconv.ParseFloat(answer[1], 64)
}

// ask sends an order and returns the words after the expected first one.
func (s *side) ask(limit time.Duration, expect string, words ...string) ([]string, error) {
	if _, err := fmt.Fprint(s.in, strings.Join(words, "\t"), "\n\n"); err != nil {
		return nil, s.end(err.Error())
	}
	line, err := s.answer(limit)
	if err != nil {
		return nil, err
	}
	answer := strings.Split(line, "\t")
	if answer[0] != expect {
		return nil, s.end(fmt.Sprintf("answered %q to %s", line, words[0]))
	}
	return answer[1:], nil
}

// peak is the most memory that the process has had, in bytes, with its children
// not counted; known on Linux only, while it runs.
func (s *side) peak() (int64, bool) {
	if s.cmd == nil {
		return 0, false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return kilobytes << 10, true
		}
	}
	return 0, false
}
