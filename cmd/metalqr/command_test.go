package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asProgram makes the test binary the program itself, for tests that kill it.
const asProgram = "METALQR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// An outcome is one invocation's.
type outcome struct {
	stdout, stderr string
	exit           int
}

// call runs the program in this process.
func call(t *testing.T, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	exit := execute(args, &out, &err)
	return outcome{out.String(), err.String(), exit}
}

// succeed runs the program, which must exit 0.
func succeed(t *testing.T, args ...string) outcome {
	t.Helper()
	o := call(t, args...)
	if o.exit != 0 {
		t.Fatalf("metalqr %q: exit %d\n%s%s", args, o.exit, o.stdout, o.stderr)
	}
	return o
}

// document is the one JSON value on standard output.
func (o outcome) document(t *testing.T) any {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(o.stdout))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("no JSON on standard output: %v\n%s", err, o.stdout)
	}
	if d.More() {
		t.Fatalf("more than one document on standard output:\n%s", o.stdout)
	}
	return v
}

func (o outcome) decode(t *testing.T, v any) {
	t.Helper()
	o.document(t)
	if err := json.Unmarshal([]byte(o.stdout), v); err != nil {
		t.Fatal(err)
	}
}

// testdata is a path that holds from any directory.
func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// elsewhere finds files of testdata and then moves to an empty directory.
func elsewhere(t *testing.T, names ...string) []string {
	t.Helper()
	var paths []string
	for _, n := range names {
		paths = append(paths, testdata(t, n))
	}
	t.Chdir(t.TempDir())
	return paths
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func contains(t *testing.T, what, s string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(s, p) {
			t.Errorf("%s does not contain %q:\n%s", what, p, s)
		}
	}
}

// A full device is an error, not a success.
func TestOutputThatCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"init"}, {"solve", "testdata/figure-3b.yaml"}, {"--help"}, {"completion", "bash"}} {
		var err bytes.Buffer
		if exit := execute(args, full{}, &err); exit != 1 {
			t.Errorf("metalqr %q: exit %d, want 1", args, exit)
		}
		contains(t, "standard error", err.String(), errFull.Error())
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
