package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPaper(t *testing.T) {
	elsewhere(t)
	o := succeed(t, "paper", "1", "3b", "similarity", "corrections")
	for line := range strings.Lines(o.stdout) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > screen {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"Figure 1: ", "Figure 3b: ", "Section 2.3: ", "reconstructed", "at w = 0.246187, 0.618034 and 1.65419", "proved", "\nslip ", "\nfails ", "4.437e-03"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in\n%s", want, o.stdout)
		}
	}
	if o.stderr != "" {
		t.Errorf("on standard error: %s", o.stderr)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 0 {
		t.Errorf("without --out there are %v, %v", entries, err)
	}
}

func TestPaperDocument(t *testing.T) {
	document := succeed(t, "paper", "1", "2a", "2b", "3a", "3b", "3c", "3d", "corrections", "--json").document(t)
	for _, list := range []string{"figures[]", "studies[]"} {
		for _, key := range []string{"name", "tasks[].A", "tasks[].name", "rate", "claims[].sentence", "claims[].value", "claims[].holds", "claims[].how"} {
			if err := missing(document, list+"."+key); err != nil {
				t.Error(err)
			}
		}
	}
	if n := len(document.(map[string]any)["figures"].([]any)); n != 7 {
		t.Errorf("%d figures, want 7", n)
	}
}

func TestPaperKept(t *testing.T) {
	elsewhere(t)
	o := succeed(t, "paper", "1", "3b", "3d", "--out", "kept")
	if !strings.Contains(o.stdout, filepath.Join("kept", "paper.md")) {
		t.Errorf("the tables are not named:\n%s", o.stdout)
	}
	for _, name := range []string{"figure-1.pdf", "figure-3b.svg", "figure-3b.png", "paper.json"} {
		if _, err := os.Stat(filepath.Join("kept", name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"figure-1", "figure-3b", "figure-3d"} {
		succeed(t, "check", filepath.Join("kept", name+"-certificate.json"))
	}
	if o := call(t, "paper", "1", "--out", "kept"); o.exit != bad || !strings.Contains(o.stderr, "exists") {
		t.Errorf("files that exist: exit %d\n%s", o.exit, o.stderr)
	}
	if o := call(t, "paper", "2c"); o.exit != bad || !strings.Contains(o.stderr, "2a, 2b, 3a") {
		t.Errorf("unknown figure: exit %d\n%s", o.exit, o.stderr)
	}
}

func TestWrapped(t *testing.T) {
	for _, tt := range []struct {
		text, want string
		limit      int
	}{
		{"", "", 5},
		{"one two  three", "one\ntwo\nthree\n", 5},
		{"one two three", "one two\nthree\n", 7},
		{"ε δ", "ε δ\n", 3},       // characters, not bytes
		{"longer", "longer\n", 3}, // a word is never broken
		{" a\nb ", "a b\n", 3},
	} {
		if got := wrapped(tt.text, tt.limit); got != tt.want {
			t.Errorf("wrapped(%q, %d) = %q, want %q", tt.text, tt.limit, got, tt.want)
		}
	}
}
