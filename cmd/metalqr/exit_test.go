package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/run"
)

func TestStatusOfErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{&usageError{"metalqr", errors.New("x")}, 2},
		{&inputError{fs.ErrNotExist}, 2},
		{&family.Error{Kind: family.ErrKey}, 2},
		{&family.Error{Kind: family.ErrTask, Err: &matrixeq.NotStabilizableError{}}, 2},
		{&family.Error{Kind: family.ErrTask, Err: &matrixeq.NoConvergenceError{}}, 1},
		{&family.GainError{}, 2},
		{fmt.Errorf("%w: %w", run.ErrInput, &matrixeq.ShapeError{}), 2},
		{&run.NormalizeError{}, 2},
		{&run.DirectoryError{}, 2},
		{&maml.SettingError{}, 2},
		{&run.StartError{Kind: "zero", Err: &lqr.UnstableError{}}, 1},
		{&run.ExclusionError{}, 1},
		{&run.SearchError{}, 1},
		{&interruptedError{}, 1},
		{&printedError{}, 1},
	} {
		if got := status(tt.err); got != tt.want {
			t.Errorf("%T: exit %d, want %d", tt.err, got, tt.want)
		}
	}
}

// Exit status, what standard error says, and what --json adds.
func TestFailures(t *testing.T) {
	gain := write(t, "gain.csv", "0.5\n")
	wide := write(t, "wide.csv", "0.5,1\n")
	notGain := write(t, "words.csv", "a,b\n")
	paths := elsewhere(t, "figure-3b.yaml", "wrong.yaml", "empty.yaml", "outside.yaml")
	good, wrong, empty, outside := paths[0], paths[1], paths[2], paths[3]
	if err := os.Mkdir("taken", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		exit int
		says []string
	}{
		{"no command", nil, 2, []string{"which command", "usage: metalqr COMMAND"}},
		{"unknown command", []string{"tran", good}, 2, []string{`unknown command "tran"; did you mean train?`}},
		{"help on nothing", []string{"help", "everything"}, 2, []string{"unknown command"}},
		{"unknown flag", []string{"solve", good, "--fast"}, 2, []string{"--fast", "usage: metalqr solve FILE"}},
		{"unknown shell", []string{"completion", "foo"}, 2, []string{"foo"}},
		{"no shell", []string{"completion"}, 2, []string{"for which shell?"}},
		{"no file", []string{"solve"}, 2, []string{"FILE is missing", "usage: metalqr solve FILE"}},
		{"two files", []string{"train", good, good}, 2, []string{"found 2 arguments"}},
		{"argument of version", []string{"version", "x"}, 2, []string{"usage: metalqr version"}},
		{"missing file", []string{"solve", "nowhere.yaml"}, 2, []string{"metalqr: nowhere.yaml: no such file or directory\n"}},
		{"directory for a file", []string{"solve", "taken"}, 2, []string{"taken: is a directory\n"}},
		{"bad YAML", []string{"train", wrong}, 2, []string{wrong + `:6:5: tasks[0].Qq: unknown key "Qq"; did you mean Q?`, "    Qq: 1\n"}},
		{"no gain", []string{"eval", good}, 2, []string{`"gain" not set`, "usage: metalqr eval FILE --gain G"}},
		{"missing gain", []string{"eval", good, "--gain", "nowhere.csv"}, 2, []string{"nowhere.csv: no such file"}},
		{"gain of another shape", []string{"eval", good, "--gain", wide}, 2, []string{"wide.csv: the gain is 1×2, want 1×1"}},
		{"gain of words", []string{"adapt", good, "--gain", notGain, "--steps", "1"}, 2, []string{"words.csv: row 1, column 1: expected a number"}},
		{"both from standard input", []string{"eval", "-", "--gain", "-"}, 2, []string{"cannot both"}},
		{"no steps", []string{"adapt", good, "--gain", gain}, 2, []string{`"steps" not set`}},
		{"negative steps", []string{"adapt", good, "--gain", gain, "--steps", "-1"}, 2, []string{"--steps must be from 0 to 10000, got -1"}},
		{"steps of words", []string{"adapt", good, "--gain", gain, "--steps", "few"}, 2, []string{"few"}},
		{"quiet and verbose", []string{"solve", good, "-q", "-v"}, 2, []string{"quiet", "verbose"}},
		{"resume without a directory", []string{"train", good, "--resume"}, 2, []string{"--resume needs --out DIR"}},
		{"directory that exists", []string{"train", good, "--out", "taken"}, 2, []string{"taken exists"}},
		{"empty domain", []string{"train", empty}, 1, []string{`"up"`, `"down"`, "(2, 4)", "(-4, -2)", "decided exactly"}},
		{"start outside", []string{"train", outside}, 1, []string{"zero start", `"runaway"`, "radius of A - B W is 2,"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := call(t, tt.args...)
			if o.exit != tt.exit {
				t.Errorf("exit %d, want %d", o.exit, tt.exit)
			}
			if o.stdout != "" {
				t.Errorf("standard output: %s", o.stdout)
			}
			contains(t, "standard error", o.stderr, tt.says...)
			for _, ugly := range []string{"rror: ", "maml: ", "matrixeq: ", "objective: ", "goroutine", "0x", "%!", "<nil>"} {
				if strings.Contains(o.stderr, ugly) {
					t.Errorf("%q in %q", ugly, o.stderr)
				}
			}
			j := call(t, append(tt.args, "--json")...)
			if j.exit != tt.exit {
				t.Errorf("with --json, exit %d, want %d", j.exit, tt.exit)
			}
			var f failure
			j.decode(t, &f)
			if f.Exit != tt.exit || f.Error == "" || !strings.Contains(j.stderr, f.Error) {
				t.Errorf("%+v beside %q", f, j.stderr)
			}
			if tt.name == "bad YAML" && (f.File != wrong || f.Line != 6 || f.Column != 5 || f.Path != "tasks[0].Qq") {
				t.Errorf("position %+v", f)
			}
		})
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("something was written: %v, %v", entries, err)
	}
}

// A family whose draws cannot be made says so at the generator.
func TestFailedDraw(t *testing.T) {
	path := write(t, "hopeless.yaml", `generate: {nominal: {A: 2, B: 1, Q: 1, R: 1}, count: 3, ranges: {A: [[[2, 3]]], B: [[[0, 0]]]}}`+"\n")
	o := call(t, "solve", path)
	if o.exit != 2 {
		t.Errorf("exit %d\n%s", o.exit, o.stderr)
	}
	contains(t, "standard error", o.stderr, filepath.Base(path)+":1:")
}

func TestPlain(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("%w: %w", run.ErrInput, errors.New("matrixeq: gain is 1×2, want 1×1")), "invalid input: gain is 1×2, want 1×1"},
		{&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, "x: permission denied"},
		{errors.New(`maml: task "lqr: mine", at the start: objective: bad`), `task "lqr: mine", at the start: bad`},
	} {
		if got := plain(tt.err); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestShell(t *testing.T) {
	for word, want := range map[string]string{
		"runs/a/001": "runs/a/001", "my runs": "'my runs'", "it's": `'it'\''s'`, "": "''", "$HOME": "'$HOME'", "größe.yaml": "größe.yaml",
	} {
		if got := shell(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
