package run

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/maml"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// While a run works in its directory no other may, and after it one may.
func TestOneProcessADirectory(t *testing.T) {
	f := parse(t, pair+slow["newton-cg"]+"}")
	path := filepath.Join(t.TempDir(), "run")
	to := Destination{Path: path, Resume: true}
	tried := 0
	_, _, err := Train(context.Background(), f, to, nil, func(maml.Record) {
		if tried++; tried > 2 {
			return
		}
		before := read(t, filepath.Join(path, traceFile))
		_, _, err := Train(context.Background(), f, to, nil, nil)
		var in *DirectoryError
		if !errors.As(err, &in) || in.Path != path || !strings.Contains(err.Error(), "in use by another process") {
			t.Errorf("a second run: %v", err)
		}
		if read(t, filepath.Join(path, traceFile)) != before {
			t.Error("the second run wrote to the trace")
		}
	})
	if err != nil || tried == 0 {
		t.Fatal(err)
	}
	if _, _, err := Train(context.Background(), f, to, nil, nil); err != nil {
		t.Errorf("after it: %v", err)
	}
	if m := manifestOf(t, path); len(m) != len(hashedFiles) {
		t.Errorf("manifest %v", m)
	}
}

// What else lies in a run directory is neither hashed nor touched.
func TestForeignFilesAreLeftAlone(t *testing.T) {
	f := parse(t, pair+slow["newton-cg"]+"}")
	path := filepath.Join(t.TempDir(), "run")
	if _, _, err := Train(context.Background(), f, Destination{Path: path}, nil, nil); err != nil {
		t.Fatal(err)
	}
	want := manifestOf(t, path)
	if err := os.Mkdir(filepath.Join(path, "plots"), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(path, "notes.tmp"), "mine")
	write(t, filepath.Join(path, ".directory"), "mine")
	if _, _, err := Train(context.Background(), f, Destination{Path: path, Resume: true}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := manifestOf(t, path); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if read(t, filepath.Join(path, "notes.tmp")) != "mine" {
		t.Error("notes.tmp was changed")
	}
}

// otherDigit is a checkpoint with another first decimal of the first entry of its gain.
func otherDigit(s string) string {
	at := strings.Index(s, `"x": [`)
	at += strings.IndexByte(s[at:], '.') + 1
	return s[:at] + string('0'+(s[at]-'0'+1)%10) + s[at+1:]
}

// A damaged directory, or one of another version, is refused in words that say
// what to do, and left as it is.
func TestDamagedDirectories(t *testing.T) {
	f := parse(t, pair+slow["lbfgs"]+"}")
	root := t.TempDir()
	change := func(edit func(c map[string]any)) func(string) string {
		return func(text string) string {
			var c map[string]any
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				t.Fatal(err)
			}
			edit(c)
			out, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
	}
	// forged also gives it the hash that it should have.
	forged := func(edit func(c map[string]any)) func(string) string {
		return func(text string) string {
			var c checkpoint
			text = change(edit)(text)
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				t.Fatal(err)
			}
			sum, err := c.sum()
			if err != nil {
				t.Fatal(err)
			}
			return change(func(c map[string]any) { c["sha256"] = sum })(text)
		}
	}
	state := func(c map[string]any) map[string]any { return c["state"].(map[string]any) }
	for i, tt := range []struct {
		name, file string
		edit       func(string) string
		want       string
	}{
		{"half a checkpoint", checkpointFile, func(s string) string { return s[:len(s)/2] }, "is damaged"},
		{"another digit", checkpointFile, otherDigit, "is damaged (its SHA-256 is "},
		{"another count", checkpointFile, change(func(c map[string]any) { state(c)["evaluations"] = 1 }), "its SHA-256 is "},
		{"no hash", checkpointFile, change(func(c map[string]any) { delete(c, "sha256") }), "it says \"\""},
		{"another format", checkpointFile, change(func(c map[string]any) { c["format"] = 7 }), "has format 7, this program reads 2"},
		{"another version", checkpointFile, change(func(c map[string]any) { c["version"] = "v0.0.1" }), "was written by version v0.0.1, this is v9"},
		{"no state", checkpointFile, forged(func(c map[string]any) { delete(c, "state") }), "lacks the state"},
		{"a state of nothing", checkpointFile, forged(func(c map[string]any) { c["state"] = map[string]any{} }), "lacks the state"},
		{"another gain", checkpointFile, forged(func(c map[string]any) { state(c)["x"] = []float64{1, 2, 3} }), "its gain has 3 entries, that of this family 2"},
		{"another best", checkpointFile, forged(func(c map[string]any) { state(c)["best"].(map[string]any)["x"] = []float64{1} }), "its best gain has 1 entries"},
		{"another pair", checkpointFile, forged(func(c map[string]any) { state(c)["pairs"].([]any)[0].(map[string]any)["s"] = []float64{} }), "a pair of L-BFGS has 0 and 2"},
		{"a negative trace", checkpointFile, forged(func(c map[string]any) { c["trace_bytes"] = -1 }), "the length of the trace"},
		{"a shorter trace", traceFile, func(s string) string { return s[:len(s)-1] }, "is damaged (it has"},
		{"a trace of another shape", traceFile, func(s string) string { return strings.ReplaceAll(s, "\n", " ") }, "are not those that the checkpoint counts on"},
		{"another value in the trace", traceFile, func(s string) string { return strings.Replace(s, "\n1,", "\n2,", 1) }, "are not those that the checkpoint counts on"},
		{"a changed spec", specFile, func(s string) string { return "#" + s }, "give the file that it was begun with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(root, string(rune('a'+i)))
			if _, _, err := Train(context.Background(), f, Destination{Path: path, Version: "v9"}, nil, nil); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(path, tt.file)
			damaged := tt.edit(read(t, file))
			write(t, file, damaged)
			_, _, err := Train(context.Background(), f, Destination{Path: path, Resume: true, Version: "v9"}, nil, nil)
			var d *DirectoryError
			if !errors.As(err, &d) || !errors.Is(err, ErrDirectory) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--out") {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if read(t, file) != damaged {
				t.Error("the file was changed")
			}
		})
	}
}

// disk is a trace that fails where it is told to, and remembers.
type disk struct {
	written strings.Builder
	synced  int
	fail    string
}

var errDisk = errors.New("the disk is full")

func (d *disk) Write(b []byte) (int, error) {
	if d.fail == "write" {
		return 0, errDisk
	}
	return d.written.Write(b)
}

func (d *disk) Sync() error {
	if d.fail == "sync" {
		return errDisk
	}
	d.synced = d.written.Len()
	return nil
}

func (d *disk) Close() error { return nil }

// A checkpoint counts on no byte of the trace that is not on the disk.
func TestTraceIsOnTheDiskBeforeTheCheckpoint(t *testing.T) {
	for _, fail := range []string{"", "write", "sync"} {
		path := t.TempDir()
		dir, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		state := maml.NewState([]float64{1, 2})
		rec, err := record(dir, state, "v1")
		if err != nil {
			t.Fatal(err)
		}
		trace := &disk{fail: fail}
		rec.trace.Close()
		rec.trace = trace
		state.Evaluations = 1
		if err := rec.observe(maml.Record{Value: 1, GradientNorm: 2}); err != nil {
			t.Fatal(err)
		}
		err = rec.save()
		data, none := os.ReadFile(filepath.Join(path, checkpointFile))
		if fail != "" {
			if !errors.Is(err, errDisk) || none == nil {
				t.Errorf("%s fails: %v, and the checkpoint is %s", fail, err, data)
			}
		} else {
			var c checkpoint
			if err := c.read(data, 2, "v1"); err != nil || c.TraceBytes != int64(trace.synced) || trace.synced == 0 {
				t.Errorf("%v: the checkpoint counts on %d bytes, %d are on the disk", err, c.TraceBytes, trace.synced)
			}
		}
		rec.timing.Close()
		dir.close()
	}
}

// The manifest names both seeds: of the draw and of the training.
func TestManifestSeeds(t *testing.T) {
	f := parse(t, `family: drawn
generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 3, seed: 17, within: 0.1}
meta: {seed: 23, inner: {rate: 0.01}}
`)
	path := filepath.Join(t.TempDir(), "run")
	if _, _, err := Train(context.Background(), f, Destination{Path: path, Command: []string{"metalqr"}, Version: "v9"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal([]byte(read(t, filepath.Join(path, manifestFile))), &m); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(m.Seeds, map[string]uint64{"generate": 17, "train": 23}) || m.Version != "v9" || m.Family != "drawn" || len(m.Command) != 1 {
		t.Errorf("%+v", m)
	}
}
