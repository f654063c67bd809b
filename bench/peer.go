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
// and then calls twice more to warm up; time repeats that call for about
// SECONDS, at least once, and answers the mean. Matrices travel as
// little-endian float64, row by row. Empty lines are ignored: one follows every
// order, since Octave's fgetl hands a line over only when it has seen the next
// character. At the end of its input a side exits.
type side struct {
	name    string
	kinds   []string
	version string

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log *strings.Builder // its standard error
}

// start starts all sides, ours first.
func start(dir string) ([]*side, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	python := filepath.Join(dir, ".venv", "bin", "python")
	if _, err := os.Stat(python); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: run %s first", python, filepath.Join(dir, "setup.sh"))
	}
	octave, err := exec.LookPath("octave-cli")
	if err != nil {
		return nil, fmt.Errorf("%w: run %s first", err, filepath.Join(dir, "setup.sh"))
	}
	script := filepath.Join(dir, "peers", "octave_peer.m")
	equations := []string{riccati, stein}
	all := []string{riccati, stein, meta}
	var sides []*side
	for _, s := range []struct {
		name  string
		kinds []string
		argv  []string
	}{
		{ours, all, []string{own, ownArgument}},
		{octaveName, equations, []string{octave, "--quiet", "--norc", script}},
		{"SLICOT", equations, []string{octave, "--quiet", "--norc", script, "slicot"}},
		{scipyName, all, []string{python, filepath.Join(dir, "peers", "scipy_peer.py")}},
	} {
		side, err := launch(s.name, s.kinds, s.argv)
		if err != nil {
			for _, s := range sides {
				s.close()
			}
			return nil, err
		}
		sides = append(sides, side)
		// Debian's alternative to OpenBLAS makes SLICOT half as fast at n = 100.
		if s.name == octaveName && !strings.Contains(side.version, "OpenBLAS") {
			for _, s := range sides {
				s.close()
			}
			return nil, fmt.Errorf("this Octave does not run on OpenBLAS (%s): run %s",
				side.version, filepath.Join(dir, "setup.sh"))
		}
	}
	return sides, nil
}

func launch(name string, kinds, argv []string) (*side, error) {
	s := &side{name: name, kinds: kinds, cmd: exec.Command(argv[0], argv[1:]...), log: new(strings.Builder)}
	s.cmd.Env = append(os.Environ(),
		"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "GOMAXPROCS=1", "LC_ALL=C.UTF-8")
	s.cmd.Stderr = s.log
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	line, err := s.out.ReadString('\n')
	version, ok := strings.CutPrefix(strings.TrimSpace(line), "ready")
	if err != nil || !ok {
		s.close()
		return nil, fmt.Errorf("%s did not start: %q\n%s", name, line, s.log)
	}
	s.version = strings.TrimSpace(version)
	return s, nil
}

func (s *side) solves(kind string) bool { return slices.Contains(s.kinds, kind) }

func (s *side) load(c problem, dir string) (x []float64, note string, err error) {
	result := filepath.Join(dir, s.name+".result")
	answer, err := s.ask("loaded", "load", c.kind, dir,
		strconv.Itoa(c.n), strconv.Itoa(c.r), strconv.Itoa(c.tasks), result)
	if err != nil {
		return nil, "", err
	}
	x, err = readFloats(result, c.resultLen())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", s.name, err)
	}
	if len(answer) > 0 {
		note = answer[0]
	}
	return x, note, nil
}

func (s *side) time(turn time.Duration) (secondsPerCall float64, err error) {
	answer, err := s.ask("timed", "time", strconv.FormatFloat(turn.Seconds(), 'g', -1, 64))
	if err != nil {
		return 0, err
	}
	if len(answer) != 2 {
		return 0, fmt.Errorf("%s answered %q to time", s.name, answer)
	}
	return strconv.ParseFloat(answer[1], 64)
}

// ask sends an order and returns the words after the expected first one.
func (s *side) ask(expect string, words ...string) ([]string, error) {
	if _, err := fmt.Fprint(s.in, strings.Join(words, "\t"), "\n\n"); err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w\n%s", s.name, err, s.log)
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w\n%s", s.name, err, s.log)
	}
	answer := strings.Split(strings.TrimRight(line, "\n"), "\t")
	if answer[0] != expect {
		return nil, fmt.Errorf("%s answered %q to %s", s.name, line, words[0])
	}
	return answer[1:], nil
}

// close ends the side's input, on which it exits.
func (s *side) close() {
	s.in.Close()
	s.cmd.Wait()
}
