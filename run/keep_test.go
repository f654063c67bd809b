package run

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/metalqr/metalqr/maml"
)

// slow takes some hundred iterations of each method.
var slow = map[string]string{
	"gradient":    `{method: gradient, iterations: 300, tolerance: 1e-300}`,
	"lbfgs":       `{method: lbfgs, iterations: 40}`,
	"newton-cg":   `{method: newton-cg}`,
	"algorithm-1": `{method: algorithm-1, rate: 1e-4, batch: 2, iterations: 400}`,
}

const pair = `family: pair
defaults: {B: [[0], [0.1]], Q: [[1, 0], [0, 1]], R: 1}
tasks:
  - {name: light, A: [[1, 0.1], [0, 1]]}
  - {name: heavy, A: [[1, 0.1], [0.05, 0.9]], weight: 2}
  - {name: odd, A: [[1.02, 0.1], [0, 0.95]]}
meta: {inner: {rate: 1e-4}, start: [[2, 3]], outer: `

func manifestOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{specFile, traceFile, checkpointFile, resultFile, "gain.csv", "gain.npy", "adapted.csv", "adapted.npy"} {
		if m.Files[name] == "" {
			t.Fatalf("%s is not in the manifest", name)
		}
	}
	return m.Files
}

// Interrupted at random iterations, with the newest checkpoint kept or lost,
// and resumed: the same bits in every hashed file.
func TestResumeHasTheSameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, outer := range slow {
		t.Run(name, func(t *testing.T) {
			f := parse(t, pair+outer+"}")
			root := t.TempDir()
			whole, dir, err := Train(context.Background(), f, Destination{Path: filepath.Join(root, "whole")}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := manifestOf(t, dir)
			for k := range 6 {
				to := Destination{Path: filepath.Join(root, string(rune('a'+k))), Resume: true}
				for range 3 {
					ctx, cancel := context.WithCancel(context.Background())
					left := rng.IntN(whole.Iterations + 1)
					_, _, err := Train(ctx, f, to, nil, func(maml.Record) {
						if left--; left < 0 {
							cancel()
						}
					})
					cancel()
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Fatal(err)
					}
					switch rng.IntN(4) {
					case 0: // as if killed before the first checkpoint
						os.Remove(filepath.Join(to.Path, checkpointFile))
					case 1: // as if killed between a row and its checkpoint, or while writing a file
						appendTo(t, filepath.Join(to.Path, traceFile), "7,1,2,3")
						appendTo(t, filepath.Join(to.Path, resultFile+".tmp"), "{")
					}
				}
				if _, dir, err = Train(context.Background(), f, to, nil, nil); err != nil {
					t.Fatal(err)
				}
				if got := manifestOf(t, dir); !maps.Equal(got, want) {
					t.Errorf("resumed: %v, want %v", got, want)
				}
			}
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDirectories(t *testing.T) {
	f := parse(t, pair+slow["newton-cg"]+"}")
	other := parse(t, pair+slow["lbfgs"]+"}")
	root := t.TempDir()
	ctx := context.Background()
	for _, want := range []string{"001", "002"} {
		_, dir, err := Train(ctx, f, Destination{Root: root}, nil, nil)
		if err != nil || dir != filepath.Join(root, "pair", want) {
			t.Errorf("directory %q, %v, want %s", dir, err, want)
		}
	}
	named := filepath.Join(root, "pair", "001")
	for what, to := range map[string]Destination{
		"exists":       {Path: named},
		"another spec": {Path: named, Resume: true},
		"not a run":    {Path: filepath.Join(root, "pair"), Resume: true},
	} {
		g := other
		if _, _, err := Train(ctx, g, to, nil, nil); !errors.Is(err, ErrDirectory) {
			t.Errorf("%s: error %v, want ErrDirectory", what, err)
		}
	}
	// A finished run resumed is the same run.
	before := manifestOf(t, named)
	if _, _, err := Train(ctx, f, Destination{Path: named, Resume: true}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if after := manifestOf(t, named); !maps.Equal(before, after) {
		t.Errorf("a finished run changed: %v, was %v", after, before)
	}
	if _, _, err := Train(ctx, f, Destination{Resume: true}, nil, nil); !errors.Is(err, ErrInput) {
		t.Errorf("resume without a directory: %v", err)
	}
}
