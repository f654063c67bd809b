package family

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// allocated is how many bytes f allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// bound is what reading n bytes may allocate: a node of 16 bytes for every two
// bytes at worst ("[1,1,1"), copied while the slice of nodes grows by quarters,
// and the numbers.
func bound(n int) uint64 { return uint64(n)*64 + 1<<16 }

func seeds(f *testing.F) {
	for _, tt := range refusals {
		f.Add([]byte(tt.text))
	}
	paths, _ := filepath.Glob("../examples/*.yaml")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add(Template())
	for _, tt := range dataRefusals {
		f.Add([]byte(tt.text))
	}
	for _, tt := range horizonRefusals {
		f.Add([]byte(tt.text))
	}
	for _, text := range horizonFamilies {
		f.Add([]byte(text))
	}
	for _, text := range dataFamilies {
		f.Add([]byte(text))
	}
	for _, s := range []string{"a: \"\\u00e9\\ud83d\\ude00\"", "- - - a: [b, {c: d}]", "a:\n- b\n- c: d\n  e: f\n", "{\"a\":1}", "a: 'it''s'\r\n", "\xef\xbb\xbf---\na: 010\n..."} {
		f.Add([]byte(s))
	}
}

// FuzzParse: no panic, no hang, memory of the order of the input, errors that
// are short and point into the file; and what is accepted comes back from
// Format bit for bit.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		var tr *tree
		var err error
		start := time.Now()
		if n := allocated(func() { tr, err = parse("f.yaml", text) }); n > bound(len(text)) {
			t.Errorf("%d bytes allocated for %d", n, len(text))
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%v for %d bytes", d, len(text))
		}
		// Random draws and large matrices cost what the file asks for: keep
		// them small here.
		if err == nil && (bytes.Contains(text, []byte("count")) || len(tr.nodes) > 2000) {
			return
		}
		family, err := Parse("f.yaml", text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || len(e.Error()) > 1024 || e.Kind == nil {
				t.Fatalf("%T: %v", err, err)
			}
			if lines := bytes.Count(text, []byte("\n")) + 1; e.Line < 1 || e.Line > lines || e.Column < 1 || e.Column > len(text)+1 {
				t.Fatalf("at %d:%d of %d lines", e.Line, e.Column, lines)
			}
			return
		}
		again, err := Parse("f.yaml", Format(family))
		if err != nil {
			t.Fatalf("formatted:\n%s\n%v", Format(family), err)
		}
		identical(t, family, again)
	})
}

// Inputs that exhaust time or memory in other readers, at 1 MB each: the time
// is that of a pass over the text.
func TestHostileInputs(t *testing.T) {
	const size = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, text := range map[string]string{
		"brackets":        fill("["),
		"closed brackets": fill("[]"),
		"braces":          fill("{a: "),
		"dashes":          fill("- "),
		"deep keys":       fill("a:\n "),
		"one long word":   "a: " + fill("x"),
		"one long key":    fill("x") + ": 1",
		"one long number": "tasks: [{name: a, A: " + fill("1") + "}]",
		"one long quote":  "a: \"" + fill("x") + "\"",
		"escapes":         "family: \"" + fill("\\n") + "\"",
		"spaces":          fill(" "),
		"spaces inside":   "a: b" + fill(" ") + "c",
		"lines":           fill("\n"),
		"comments":        fill("# x\n"),
		"items":           fill("- 1\n"),
		"keys":            fill("k: 1\n"),
		"colons":          fill(":"),
		"quotes":          fill("'"),
		"flat list":       "tasks: [{name: a, A: [" + fill("1,") + "1]}]",
		"ragged":          "tasks: [{name: a, A: [[" + strings.Repeat("1,", size/4) + "1]," + strings.Repeat("[1],", size/8) + "[1]]}]",
		"tasks":           "tasks: [" + fill("{name: a},") + "]",
	} {
		start := time.Now()
		var err error
		n := allocated(func() { _, err = Parse("f.yaml", []byte(text)) })
		var e *Error
		if !errors.As(err, &e) || len(e.Error()) > 1024 {
			t.Errorf("%s: %T", name, err)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%s: %v", name, d)
		}
		if n > 2*bound(len(text)) { // twice: the values beside the nodes
			t.Errorf("%s: %d bytes allocated for %d", name, n, len(text))
		}
	}
}

func BenchmarkParse(b *testing.B) {
	// One matrix of 800×800 numbers of 17 digits, and many small tasks: 10 MB
	// each, all values read but no task solved; and the YAML library's decoder
	// on 1 MB, for comparison.
	var matrix, tasks bytes.Buffer
	matrix.WriteString("tasks:\n  - name: a\n    A: [")
	for i := range 800 {
		if i > 0 {
			matrix.WriteString(",\n        ")
		}
		matrix.Write(appendVector(nil, slices.Repeat([]float64{1.0 / float64(i+3)}, 640)))
	}
	matrix.WriteString("]\n")
	tasks.WriteString("tasks:\n")
	for tasks.Len() < matrix.Len() {
		tasks.WriteString("  - {name: task, A: [[1.0, 0.1], [0, 0.95]], B: [[0], [0.08]], weight: 1}\n")
	}
	for _, c := range []struct {
		name string
		text []byte
	}{{"matrix", matrix.Bytes()}, {"tasks", tasks.Bytes()}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				t, err := parse("x", c.text)
				if err != nil {
					b.Fatal(err)
				}
				for n := range t.items(t.find(0, "tasks")) {
					var d taskDoc
					if err := t.decode(n, &d); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	b.Run("library", func(b *testing.B) {
		text := tasks.Bytes()[:1<<20]
		text = text[:bytes.LastIndexByte(text, '\n')]
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := yaml.Unmarshal(text, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
